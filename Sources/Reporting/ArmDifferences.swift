/// The part of a comparison's page that shows every difference.
enum ArmDifferences {
  /// A matrix: how much more the row scores than the column.
  static func html(_ report: ArmReport) -> String {
    let arms = report.systems.filter { !$0.isBaseline }
    guard !report.differences.isEmpty else { return "" }
    let rows = arms.map { row in
      (
        head: ArmReportPage.rowHead(report, row),
        cells: report.systems.map { cell(report, row.name, $0.name) }
      )
    }
    let open = undecided(report)
    return ArmReportPage.table("row less column", report.systems.map(\.label), rows)
      + "<p class=\"aside\">Paired by question, with 95 % intervals. <span class=\"better\">Better</span> and <span class=\"worse\">worse</span> are coloured where the interval leaves out 0, and bold where it still does when widened for all \(report.differences.count) comparisons.</p>\n"
      + open
  }

  private static func cell(_ report: ArmReport, _ row: String, _ column: String) -> String {
    guard let difference = report.difference(row, column) else { return "<td class=\"n\"></td>" }
    let sign = difference.mean > 0 ? "+" : ""
    var text = "\(sign)\(NumberText.fixed(difference.mean, 3))"
    if difference.of.holdsInFamily { text = "<strong>\(text)</strong>" }
    let style = !difference.of.isDecided ? "" : difference.mean > 0 ? " better" : " worse"
    return
      "<td class=\"n\(style)\">\(text)<small>\(ArmReportPage.range(difference.low, difference.high, digits: 2))</small></td>"
  }

  /// The arms that the questions do not tell apart, with how many more would.
  private static func undecided(_ report: ArmReport) -> String {
    let isArm = Set(report.systems.filter { !$0.isBaseline }.map(\.name))
    let open = report.differences.filter {
      !$0.isDecided && isArm.contains($0.first) && isArm.contains($0.second)
    }
    let items = open.map { difference in
      let names =
        "\(ArmReport.label(difference.second)) and \(ArmReport.label(difference.first))"
      let more = difference.questionsToDecide.map { needed in
        "about \(NumberText.grouped(max(1, needed - report.scoredQuestions))) more questions would, if the difference is what it seems"
      }
      return
        "<li>\(Markup.escaped("Not decided between \(names): \(more ?? "too small a difference for any number of questions to be worth asking")."))</li>\n"
    }
    return items.isEmpty ? "" : "<ul class=\"aside\">\n\(items.joined())</ul>\n"
  }
}
