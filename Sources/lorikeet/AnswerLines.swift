import Reporting

/// What sample prompts are answered, as lines of a terminal.
enum AnswerLines {
  /// A line: what it is of, and a text of any length and content.
  struct Line: Equatable {
    let label: String
    let text: String
  }

  /// What is asked and what the base answers.
  static func asked(_ sample: ReportData.Sample) -> [Line] {
    [
      Line(label: "asked", text: sample.messages.last?.content ?? ""),
      Line(label: "answer", text: sample.base ?? ""),
    ]
  }

  /// What the tuned model answers, with a tick where that is the reference.
  static func answered(_ sample: ReportData.Sample) -> [Line] {
    let isRight = sample.isReference(sample.tuned)
    return [Line(label: isRight ? "answer ✓" : "answer", text: sample.tuned ?? "")]
  }

  /// The lines of each prompt, numbered, each cut to `columns`; nothing where no prompt has any.
  ///
  /// - Parameter heading: who answers, such as `after step 150`.
  static func text(_ heading: String, _ blocks: [[Line]], columns: Int) -> [String] {
    guard blocks.contains(where: { !$0.isEmpty }) else { return [] }
    let width = blocks.joined().map { TextWidth.columns(of: $0.label) }.max() ?? 0
    var text = [TextWidth.shortened("sample prompts, \(heading):", columns: columns - 1)]
    for (index, lines) in blocks.enumerated() {
      for (place, line) in lines.enumerated() {
        let number = "\(index + 1)"
        let margin = place == 0 ? number : String(repeating: " ", count: number.count)
        let pad = String(repeating: " ", count: width - TextWidth.columns(of: line.label))
        // A model may answer with anything, escape sequences among it.
        text.append(
          TextWidth.shortened(
            "  \(margin)  \(line.label)\(pad)  \(VisibleText.escaped(line.text))",
            columns: columns - 1))
      }
    }
    return text
  }
}
