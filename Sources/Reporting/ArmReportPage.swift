/// The page of a comparison of arms: what to do, why, and everything it rests on.
public enum ArmReportPage {
  /// `report.html` of a comparison.
  ///
  /// - Parameter name: what the comparison is called, such as its folder.
  public static func html(_ report: ArmReport, name: String) -> String {
    let body =
      header(report, name) + verdict(report) + tiles(report) + Page.notes(report.notes)
      + Page.section("Scores", ArmScores.html(report))
      + Page.section("By kind of question", ArmScores.kinds(report))
      + Page.section("Differences", ArmDifferences.html(report))
      + Page.section("Score against cost", ArmCosts.html(report))
      + Page.section("What was retrieved", ArmScores.retrieval(report))
      + Page.section("Learning curve", ArmLevels.learning(report))
      + Page.section("Passages that hold no answer", ArmLevels.robustness(report))
      + Page.section("Questions on which the arms differ", DisagreementCards.html(report))
      + footer(report)
    return Page.html(title: "\(name) – Lorikeet comparison", body: body)
  }

  private static func header(_ report: ArmReport, _ name: String) -> String {
    let arms = report.systems.count { !$0.isBaseline }
    let facts = [
      "\(arms) \(arms == 1 ? "arm" : "arms")",
      "\(NumberText.grouped(report.questions)) questions", report.metric,
    ]
    let (style, status) =
      report.isCertain
      ? ("done", report.chosen.map(ArmReport.label) ?? "neither") : ("open", "not certain")
    return """
      <header>
      <p class="eyebrow">Lorikeet comparison report</p>
      <h1>\(Markup.escaped(name))</h1>
      <p class="lead"><span class="chip \(style)">\(Markup.escaped(status))</span>\(Markup.escaped(facts.joined(separator: " · ")))</p>
      </header>

      """
  }

  private static func verdict(_ report: ArmReport) -> String {
    let reasons = report.reasons.map { "<li>\(Markup.escaped($0))</li>\n" }.joined()
    return
      "<div class=\"card advice\">\n<p class=\"verdict\">\(Markup.escaped(report.headline))</p>\n<ul>\n\(reasons)</ul>\n</div>\n"
  }

  private static func tiles(_ report: ArmReport) -> String {
    let arms = report.systems.filter { !$0.isBaseline }
    let best = arms.max { $0.score.mean < $1.score.mean }
    let baseline = report.systems.filter(\.isBaseline).max { $0.score.mean < $1.score.mean }
    let fastest = arms.compactMap { arm in arm.cost["seconds_p50"].map { (arm, $0) } }
      .min { $0.1 < $1.1 }
    let training = arms.compactMap { $0.cost["training_seconds"] }.reduce(0, +)
    let pays = report.breakEven.first { $0.trained == "tuned" && $0.against == "retrieval" }
    var tiles = [
      Page.Tile(
        label: "Best score",
        value: best.map { NumberText.fixed($0.score.mean, 3) } ?? NumberText.missing,
        detail: best?.label ?? ""),
      Page.Tile(
        label: "Best without a model",
        value: baseline.map { NumberText.fixed($0.score.mean, 3) } ?? NumberText.missing,
        detail: baseline?.label ?? "no training rows"),
      Page.Tile(
        label: "Questions", value: NumberText.grouped(report.scoredQuestions),
        detail: report.kinds.isEmpty ? "" : "of \(report.kinds.count) kinds"),
      Page.Tile(
        label: "Fastest answer",
        value: fastest.map { NumberText.duration($0.1) } ?? NumberText.missing,
        detail: fastest?.0.label ?? ""),
    ]
    if training > 0 {
      tiles.append(
        Page.Tile(
          label: "Training", value: NumberText.duration(training),
          detail: "one model for each trained arm"))
    }
    if let pays {
      tiles.append(
        Page.Tile(
          label: "Tuning pays after",
          value: pays.questions.map { NumberText.grouped($0) } ?? "never",
          detail: pays.questions == nil ? "against retrieval" : "questions, against retrieval"))
    }
    return Page.tiles(tiles)
  }

  private static func footer(_ report: ArmReport) -> String {
    var facts = [
      "95 % intervals: bootstrap over questions, 10,000 resamples, paired where systems are compared; a question's score is its mean over seeds"
    ]
    if let cores = report.cores { facts.append("\(cores) \(cores == 1 ? "core" : "cores")") }
    if let price = report.pricePerCoreHour {
      facts.append("\(NumberText.significant(price)) a core-hour")
    }
    return
      "<footer>\(Markup.escaped(facts.joined(separator: " · "))) · every number is computed from <a href=\"scores.jsonl\">scores.jsonl</a> and <a href=\"comparison.json\">comparison.json</a></footer>\n"
  }

  // MARK: - Parts that sections share

  /// Each system's colour; nil for baselines.
  static func tint(_ report: ArmReport, _ name: String) -> Int? {
    report.systems.filter { !$0.isBaseline }.firstIndex { $0.name == name }
  }

  /// A system's name with its colour, as a table's row begins.
  static func rowHead(_ report: ArmReport, _ system: ArmReport.System) -> String {
    let key = tint(report, system.name).map { "<i class=\"line \(LineChart.tint($0))\"></i> " }
    return "<th class=\"name\">\(key ?? "")\(Markup.escaped(system.label))</th>"
  }

  /// A table with a heading for each column.
  ///
  /// - Parameters:
  ///   - heads: the columns behind the row's name.
  ///   - rows: each a head and cells, as markup.
  ///   - endsInText: whether the last column holds text rather than numbers.
  static func table(
    _ corner: String, _ heads: [String], _ rows: [(head: String, cells: [String])],
    endsInText: Bool = false
  ) -> String {
    let columns = heads.enumerated().map { index, head in
      let isText = endsInText && index == heads.count - 1
      return "<th\(isText ? "" : " class=\"n\"")>\(Markup.escaped(head))</th>"
    }.joined()
    let lines = rows.map { row in "<tr>\(row.head)\(row.cells.joined())</tr>\n" }.joined()
    return
      "<div class=\"scroll dense\" tabindex=\"0\"><table><thead><tr><th>\(Markup.escaped(corner))</th>\(columns)</tr></thead><tbody>\n\(lines)</tbody></table></div>\n"
  }

  /// A cell with text.
  static func cell(_ text: String, style: String = "") -> String {
    "<td class=\"n\(style.isEmpty ? "" : " \(style)")\">\(Markup.escaped(text))</td>"
  }

  /// A cell with a mean, and its interval below it.
  static func cell(_ score: ArmReport.Score?) -> String {
    guard let score else { return cell(NumberText.missing) }
    return
      "<td class=\"n\">\(NumberText.fixed(score.mean, 3))<small>\(range(score.low, score.high, digits: 2))</small></td>"
  }

  /// An interval as text.
  static func range(_ low: Double, _ high: Double, digits: Int = 3) -> String {
    "[\(NumberText.fixed(low, digits)), \(NumberText.fixed(high, digits))]"
  }

  /// What scores span: 0 to 1 where they do not leave it.
  static func axis(_ scores: [ArmReport.Score]) -> Axis {
    let (low, high) = (scores.map(\.low).min() ?? 0, scores.map(\.high).max() ?? 1)
    return low >= 0 && high <= 1
      ? .linear(0, 1, count: 5) : .linear(min(0, low), max(0, high), count: 5)
  }
}
