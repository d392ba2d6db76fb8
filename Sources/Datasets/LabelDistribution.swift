/// How often each answer is given, in data whose answers are labels.
public struct LabelDistribution: Sendable, Equatable {
  /// A label and how many rows have it.
  public struct Label: Sendable, Equatable {
    /// The answer.
    public var text: String
    /// The number of rows.
    public var rows: Int
    /// The first of them.
    public var first: ExampleSource
  }

  /// The labels, most frequent first.
  public var labels: [Label]

  /// How many times as many rows the most frequent label has as the least frequent.
  public var imbalance: Double {
    guard let most = labels.first, let least = labels.last else { return 1 }
    return Double(most.rows) / Double(least.rows)
  }

  /// From which imbalance on labels are called unbalanced.
  public static let unbalanced = 10.0

  /// The fewest rows, and rows for each label, from which answers are taken for labels.
  private static let (fewestRows, fewestRowsPerLabel) = (20, 5)
  private static let longestLabel = 60

  /// Counts the answers of `rows` if they are labels: few distinct, short, in one line.
  ///
  /// `nil` if a row has no answer or another kind of answer, if there are fewer than 20 rows, or fewer
  /// than 5 for each distinct answer.
  public init?(_ rows: [Example]) {
    guard rows.count >= Self.fewestRows else { return nil }
    var indices: [[UInt8]: Int] = [:]
    labels = []
    for row in rows {
      guard let answer = row.answer, !answer.utf8.contains(UInt8(ascii: "\n")),
        answer.unicodeScalars.prefix(Self.longestLabel + 1).count <= Self.longestLabel
      else { return nil }
      // By bytes: two spellings that only look alike are two labels to a model.
      let key = Array(answer.utf8)
      if let index = indices[key] {
        labels[index].rows += 1
      } else {
        indices[key] = labels.count
        labels.append(Label(text: answer, rows: 1, first: row.source))
        guard labels.count * Self.fewestRowsPerLabel <= rows.count else { return nil }
      }
    }
    labels.sort { first, second in
      first.rows != second.rows
        ? first.rows > second.rows
        : first.text.utf8.lexicographicallyPrecedes(second.text.utf8)
    }
  }
}
