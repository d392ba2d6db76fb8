/// The part of a comparison's page that shows answers side by side.
enum DisagreementCards {
  /// Most questions that are shown.
  static let mostQuestions = 30

  /// Cards, one a question; nothing where all arms answered alike.
  static func html(_ report: ArmReport) -> String {
    guard !report.disagreements.isEmpty else { return "" }
    let shown = report.disagreements.prefix(mostQuestions)
    let all = report.disagreements.count
    let noun = all == 1 ? "One question" : "\(NumberText.grouped(all)) questions"
    let part = shown.count < all ? " The \(shown.count) on which it differs most:" : ""
    return
      "<p class=\"lead\">\(noun) on which \(Markup.escaped(report.metric)) differs between arms.\(part)</p>\n"
      + shown.map { card(report, $0) }.joined()
  }

  private static func card(_ report: ArmReport, _ question: ArmReport.Disagreement) -> String {
    let facts = [question.id, question.kind ?? ""].filter { !$0.isEmpty }
    let wanted = question.isAnswerable ? "wanted" : "wanted: nothing answers this"
    let arms = report.systems.map(\.name)
    let answers = arms.compactMap { name in
      let own = question.answers.filter { $0.system == name }
      return own.first.map { answer(report, $0, others: Array(own.dropFirst())) }
    }
    return """
      <article class="card">
      <div class="turn"><b>\(Markup.escaped(facts.joined(separator: " · ")))</b>\(paragraph(question.question))</div>
      <div class="turn"><b>\(wanted)</b>\(paragraph(question.reference))</div>
      <div class="answers">
      \(answers.joined())</div>
      </article>

      """
  }

  private static func answer(
    _ report: ArmReport, _ answer: ArmReport.Disagreement.Answer,
    others: [ArmReport.Disagreement.Answer]
  ) -> String {
    let key = ArmReportPage.tint(report, answer.system).map {
      "<i class=\"line \(LineChart.tint($0))\"></i> "
    }
    let score = answer.score.map { NumberText.fixed($0, 2) } ?? NumberText.missing
    let style = answer.score.map { $0 >= 0.999 ? " class=\"same\"" : "" } ?? ""
    return """
      <div><b>\(key ?? "")\(Markup.escaped(ArmReport.label(answer.system))) <span\(style)>\(score)</span>\(mark(answer.outcome))</b>\(paragraph(answer.text))\(link(answer))\(seeds(others))\(passages(answer))</div>

      """
  }

  private static func mark(_ outcome: String) -> String {
    switch outcome {
    case "hallucinated": " <span class=\"worse\">made up</span>"
    case "missed": " <span class=\"worse\">declined</span>"
    case "declined": " <span class=\"same\">declined</span>"
    default: ""
    }
  }

  private static func link(_ answer: ArmReport.Disagreement.Answer) -> String {
    guard !answer.file.isEmpty else { return "" }
    let name = answer.file.split(separator: "/").last.map(String.init) ?? answer.file
    return
      "<small><a href=\"\(Markup.escaped(answer.file))\">\(Markup.breakable(name)), line \(NumberText.grouped(answer.line))</a></small>"
  }

  private static func seeds(_ others: [ArmReport.Disagreement.Answer]) -> String {
    guard !others.isEmpty else { return "" }
    let items = others.map { answer in
      let score = answer.score.map { NumberText.fixed($0, 2) } ?? NumberText.missing
      return
        "<li><b>seed \(answer.seed), \(score)</b>\(paragraph(answer.text))\(link(answer))</li>\n"
    }
    return
      "<details><summary>\(others.count) more \(others.count == 1 ? "seed" : "seeds")</summary>\n<ol>\n\(items.joined())</ol></details>\n"
  }

  private static func passages(_ answer: ArmReport.Disagreement.Answer) -> String {
    guard !answer.passages.isEmpty else { return "" }
    let items = answer.passages.map { passage in
      let right = passage.isRelevant ? " <span class=\"same\">✓ answers it</span>" : ""
      return
        "<li><b>\(Markup.breakable(passage.citation))\(right)</b>\(paragraph(passage.text))</li>\n"
    }
    let count = answer.passages.count
    return
      "<details><summary>\(count) \(count == 1 ? "passage" : "passages")</summary>\n<ol>\n\(items.joined())</ol></details>\n"
  }

  private static func paragraph(_ text: String) -> String {
    "<p class=\"text\" dir=\"auto\">\(Markup.escaped(text.isEmpty ? "(nothing)" : text))</p>"
  }
}
