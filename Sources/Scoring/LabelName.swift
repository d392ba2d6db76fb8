/// Which of some labels an answer names.
public struct LabelName: Sendable, Equatable {
  private let labels: [NormalizedText]

  /// Makes it for a set of labels.
  public init(labels: [String]) { self.labels = labels.map(NormalizedText.init) }

  /// Index of the label that an answer names; nil where it names none, or several.
  ///
  /// An answer that is a label names that one. Else it names the one label whose words occur in it one after another; a
  /// label that occurs only inside a longer one, such as "card" in "card arrival", is not counted.
  public func index(in answer: String) -> Int? {
    let text = NormalizedText(answer)
    if let index = labels.firstIndex(of: text), !text.tokens.isEmpty { return index }
    let named = labels.indices.filter { text.contains(labels[$0]) }
    let longest = named.filter { index in
      !named.contains {
        $0 != index && labels[$0] != labels[index] && labels[$0].contains(labels[index])
      }
    }
    return longest.count == 1 ? longest[0] : nil
  }
}
