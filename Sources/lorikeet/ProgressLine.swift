/// A line of figures that gives up the least important ones where the terminal is narrow.
struct ProgressLine {
  /// A figure of the line.
  private struct Part {
    let text: String
    /// 0 stays longest.
    let importance: Int
  }

  private var parts: [Part] = []

  /// Adds a figure behind those before it.
  ///
  /// - Parameter importance: 0 stays longest, the largest goes first.
  mutating func add(_ text: String, importance: Int) {
    parts.append(Part(text: text, importance: importance))
  }

  /// The line in at most `columns` columns, as far as its most important figure allows.
  func text(columns: Int) -> String {
    var kept = parts
    while kept.count > 1 {
      let line = kept.map(\.text).joined(separator: "  ")
      if TextWidth.columns(of: line) <= columns { return line }
      let least = kept.indices.max { kept[$0].importance < kept[$1].importance } ?? 0
      kept.remove(at: least)
    }
    return kept.first?.text ?? ""
  }
}
