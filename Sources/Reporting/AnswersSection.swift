/// The part of a run's page that shows what a few prompts were answered: before, on the way and after.
enum AnswersSection {
  /// Most answers on the way that are shown of a prompt.
  static let mostAnswers = 30

  /// The prompts as cards; nothing where there are none.
  static func html(_ data: ReportData) -> String {
    guard !data.samples.isEmpty else { return "" }
    let step = data.samplesStep.map { " after step \(NumberText.grouped($0))" } ?? ""
    return data.samples.map(card).joined()
      + "<p class=\"aside\">The likeliest tokens, cut off after a few dozen; the tuned model\(step).</p>\n"
  }

  private static func card(_ sample: ReportData.Sample) -> String {
    let turns = sample.messages.map { turn($0.role, $0.content) }.joined()
    let answers =
      (sample.reference.map { answer("reference", $0) } ?? "")
      + answer("before, the base model", sample.base, mark(sample, sample.base))
      + answer("after, tuned", sample.tuned, mark(sample, sample.tuned))
    return
      "<article class=\"card\">\n\(turns)<div class=\"answers\">\n\(answers)</div>\n\(history(sample))</article>\n"
  }

  private static func turn(_ role: String, _ content: String) -> String {
    "<div class=\"turn\"><b>\(Markup.escaped(role))</b><p class=\"text\" dir=\"auto\">\(Markup.escaped(content))</p></div>\n"
  }

  private static func answer(_ label: String, _ text: String?, _ mark: String = "") -> String {
    "<div><b>\(Markup.escaped(label))\(mark)</b>\(paragraph(text))</div>\n"
  }

  /// What the model said on the way, folded up; nothing where it has said one thing only.
  private static func history(_ sample: ReportData.Sample) -> String {
    let all = sample.history
    guard all.count > 1 || all.contains(where: { $0.text != sample.tuned }) else { return "" }
    let shown = thinned(all)
    let items = shown.map { answer in
      "<li><b>from step \(NumberText.grouped(answer.step))\(mark(sample, answer.text))</b>\(paragraph(answer.text))</li>\n"
    }
    let count =
      shown.count < all.count
      ? "\(shown.count) of \(NumberText.grouped(all.count))" : "\(all.count)"
    let noun = all.count == 1 ? "answer" : "answers"
    return
      "<details><summary>\(count) \(noun) on the way</summary>\n<ol>\n\(items.joined())</ol></details>\n"
  }

  /// At most `mostAnswers`, evenly spread, the first and the last among them.
  static func thinned(_ answers: [ReportData.Answer]) -> [ReportData.Answer] {
    guard answers.count > mostAnswers else { return answers }
    return (0..<mostAnswers).map { answers[$0 * (answers.count - 1) / (mostAnswers - 1)] }
  }

  private static func paragraph(_ text: String?) -> String {
    let shown = text.map { $0.isEmpty ? "(nothing)" : $0 } ?? "not answered yet"
    return "<p class=\"text\" dir=\"auto\">\(Markup.escaped(shown))</p>"
  }

  private static func mark(_ sample: ReportData.Sample, _ text: String?) -> String {
    sample.isReference(text) ? " <span class=\"same\">✓ as the reference</span>" : ""
  }
}
