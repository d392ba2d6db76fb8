/// The parts of a comparison's page that show scores.
enum ArmScores {
  /// A plot of the metric that counts, and a table of all.
  static func html(_ report: ArmReport) -> String {
    let rows = report.systems.map { system in
      IntervalPlot.Row(
        label: system.label, mean: system.score.mean, low: system.score.low,
        high: system.score.high,
        text:
          "\(NumberText.fixed(system.score.mean, 3)) \(ArmReportPage.range(system.score.low, system.score.high))",
        tint: ArmReportPage.tint(report, system.name))
    }
    let axis = ArmReportPage.axis(report.systems.map(\.score))
    let plot = IntervalPlot(rows: rows, axis: axis, isNamed: true).html
    return
      "<div class=\"card\">\n<h3>\(Markup.escaped(report.metric)), mean and 95 % interval</h3>\n\(plot)</div>\n"
      + metrics(report) + grounding(report)
  }

  private static func metrics(_ report: ArmReport) -> String {
    let rows = report.systems.map { system in
      (
        head: ArmReportPage.rowHead(report, system),
        cells: report.metrics.map { ArmReportPage.cell(system.metrics[$0.name]) }
      )
    }
    return ArmReportPage.table("", report.metrics.map(\.title), rows)
      + "<p class=\"aside\">Means over the questions that a metric applies to, with 95 % intervals.</p>\n"
      + answers(report)
  }

  /// Where each system's answers stand, with what each seed scores.
  private static func answers(_ report: ArmReport) -> String {
    let hasKinds = report.systems.contains { $0.macroScore != nil }
    let rows = report.systems.map { system in
      let mean = system.macroScore.map { NumberText.fixed($0, 3) } ?? NumberText.missing
      let links = system.files.enumerated().map { index, file in
        let name = file.split(separator: "/").last.map(String.init) ?? file
        let score =
          index < system.seedScores.count
          ? "\(NumberText.fixed(system.seedScores[index], 3)) in " : ""
        return "\(score)<a href=\"\(Markup.escaped(file))\">\(Markup.escaped(name))</a>"
      }
      return (
        head: ArmReportPage.rowHead(report, system),
        cells: (hasKinds ? [ArmReportPage.cell(mean)] : [])
          + ["<td class=\"name\">\(links.joined(separator: ", "))</td>"]
      )
    }
    let heads = (hasKinds ? ["mean of kinds"] : []) + ["with each seed"]
    return ArmReportPage.table(report.metric, heads, rows, endsInText: true)
  }

  private static func grounding(_ report: ArmReport) -> String {
    guard report.systems.contains(where: { $0.hallucination != nil || $0.groundedness != nil })
    else { return "" }
    let rows = report.systems.map { system in
      (
        head: ArmReportPage.rowHead(report, system),
        cells: [
          share(system.hallucination), share(system.missed),
          ArmReportPage.cell(system.groundedness),
          ArmReportPage.cell(NumberText.percent(system.cutOff)),
        ]
      )
    }
    return ArmReportPage.table(
      "", ["hallucinated", "declined wrongly", "grounded", "cut off"], rows)
      + "<p class=\"aside\">Hallucinated: of the questions that nothing answers, the share that was answered. Declined wrongly: of the others, the share that was declined; both with Wilson 95 % intervals. Grounded: the share of an answer’s words that the passages of its prompt have.</p>\n"
  }

  /// A cell with a share, and its Wilson interval below it.
  private static func share(_ share: ArmReport.Share?) -> String {
    guard let share else { return ArmReportPage.cell(NumberText.missing) }
    let range = share.proportion.wilsonInterval
    return
      "<td class=\"n\">\(NumberText.fixed(share.value, 3))<small>\(ArmReportPage.range(range.lowerBound, range.upperBound, digits: 2))</small></td>"
  }

  /// How much of the colour the highest score has: no more than text on it can bear.
  static let fullestTint = 0.38

  /// A table of kinds, tinted by score; nothing where there are not two.
  static func kinds(_ report: ArmReport) -> String {
    guard !report.kinds.isEmpty else { return "" }
    let heads = report.kinds.map { kind in
      "\(kind.name) (\(NumberText.grouped(kind.questions ?? 0)))"
    }
    let axis = ArmReportPage.axis(report.systems.flatMap(\.kinds.values))
    let rows = report.systems.map { system in
      let cells = report.kinds.map { kind -> String in
        guard let score = system.kinds[kind.name] else {
          return ArmReportPage.cell(NumberText.missing)
        }
        let share = NumberText.fixed(100 * fullestTint * (axis.position(of: score.mean) ?? 0), 1)
        return
          "<td class=\"n heat\" style=\"background:color-mix(in srgb,var(--c0) \(share)%,var(--card))\">\(NumberText.fixed(score.mean, 3))<small>\(ArmReportPage.range(score.low, score.high, digits: 2))</small></td>"
      }
      return (head: ArmReportPage.rowHead(report, system), cells: cells)
    }
    return ArmReportPage.table("", heads, rows)
      + "<p class=\"aside\">\(Markup.escaped(report.metric)) with 95 % intervals; the fuller the tint, the higher the score. The number of questions stands behind each kind.</p>\n"
  }

  /// A table of retrieval quality; nothing where nothing was retrieved.
  static func retrieval(_ report: ArmReport) -> String {
    let systems = report.systems.filter { !$0.retrieval.isEmpty }
    guard let first = systems.first else { return "" }
    let count = systems.compactMap(\.passages).max() ?? 0
    let questions = first.retrieval["hit"]?.questions
    let rows = systems.map { system in
      (
        head: ArmReportPage.rowHead(report, system),
        cells: ["hit", "mrr", "context_precision", "context_recall"].map {
          ArmReportPage.cell(system.retrieval[$0])
        }
      )
    }
    let heads = ["hit@\(count)", "MRR", "context precision", "context recall"]
    let whose = questions.map { "the \(NumberText.grouped($0)) questions" } ?? "the questions"
    return ArmReportPage.table("", heads, rows)
      + "<p class=\"aside\">Over \(whose) that say which documents answer them. Hit: a passage of one is in the prompt. MRR: the mean of 1 / rank of the first. Context precision: the share of passages that are of one. Context recall: the share of these documents that a passage is of.</p>\n"
  }
}
