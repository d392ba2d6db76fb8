/// The parts of a comparison's page that are measured on demand.
enum ArmLevels {
  /// The learning curve, and what more rows would likely buy; nothing where it was not measured.
  static func learning(_ report: ArmReport) -> String {
    let points = report.learning.sorted { $0.count < $1.count }
    guard let last = points.last else { return "" }
    func series(
      _ label: String, _ style: LineChart.Series.Style, _ value: (ArmReport.Score) -> Double
    )
      -> LineChart.Series
    {
      LineChart.Series(
        label, points.map { Point(Double($0.count), value($0.score)) }, style: style, tint: 3)
    }
    let chart = LineChart(
      title: "Tuned", unit: report.metric, xTitle: "training rows",
      series: [
        series("lower end", .bound, \.low), series("upper end", .bound, \.high),
        series("mean", .dotted, \.mean),
      ], includesZero: true, style: "wide low")
    let sentence =
      report.gainOfHundred.map { gain in
        "A hundred rows more than \(NumberText.grouped(last.count)) would likely change the score by \(NumberText.fixed(gain.mean, 3)) \(ArmReportPage.range(gain.low, gain.high)), if it goes on as an inverse power law."
      } ?? "What more rows would buy cannot be told from so few measurements."
    return
      "<div class=\"grid\">\n\(chart.html(id: "learning"))</div>\n<p class=\"aside\">\(Markup.escaped(sentence))</p>\n"
  }

  /// Scores by number of distractors; nothing where it was not measured.
  static func robustness(_ report: ArmReport) -> String {
    guard !report.robustness.isEmpty else { return "" }
    let rows = report.robustness.map { level in
      let loss = level.loss.map {
        ", loses \(NumberText.fixed($0.mean, 3)) \(ArmReportPage.range($0.low, $0.high))"
      }
      return IntervalPlot.Row(
        label: "\(ArmReport.label(level.name)), \(level.count)", mean: level.score.mean,
        low: level.score.low, high: level.score.high,
        text: "\(NumberText.fixed(level.score.mean, 3))\(loss ?? "")",
        tint: ArmReportPage.tint(report, level.name))
    }
    let axis = ArmReportPage.axis(report.robustness.map(\.score))
    return
      "<div class=\"card\">\n<h3>\(Markup.escaped(report.metric)) by number of such passages in the prompt</h3>\n\(IntervalPlot(rows: rows, axis: axis, isNamed: true).html)</div>\n"
  }
}
