/// The part of a comparison's page that shows what arms cost.
enum ArmCosts {
  /// A plot of score against time, and a table.
  static func html(_ report: ArmReport) -> String {
    let arms = report.systems.filter { !$0.cost.isEmpty }
    guard !arms.isEmpty else { return "" }
    let items = arms.compactMap { arm in
      arm.cost["seconds_p50"].map { seconds in
        ScatterPlot.Item(
          label: arm.label, x: seconds, y: arm.score.mean, low: arm.score.low,
          high: arm.score.high, tint: ArmReportPage.tint(report, arm.name) ?? 0)
      }
    }
    let plot = ScatterPlot(
      title: report.metric, unit: "against the median time of an answer; up and left is better",
      xTitle: "seconds an answer", items: items
    ).html(id: "cost")
    return plot + table(report, arms) + breakEven(report)
  }

  private static func table(_ report: ArmReport, _ arms: [ArmReport.System]) -> String {
    let hasPrice = arms.contains { $0.cost["price_per_thousand"] != nil }
    let hasRetention = arms.contains { $0.retention != nil }
    let heads =
      ["p50", "p95", "tokens read", "written", "memory", "training", "training memory"]
      + (hasPrice ? ["price of 1,000", "of training"] : [])
      + (hasRetention ? ["retention loss"] : [])
    func text(_ value: Double?, _ format: (Double) -> String) -> String {
      ArmReportPage.cell(value.map(format) ?? NumberText.missing)
    }
    func bytes(_ value: Double) -> String {
      Int(exactly: value.rounded()).map(NumberText.bytes) ?? NumberText.missing
    }
    func seconds(_ value: Double) -> String {
      value < 1 ? "\(NumberText.grouped((1_000 * value).rounded())) ms" : NumberText.duration(value)
    }
    let rows = arms.map { arm in
      var cells = [
        text(arm.cost["seconds_p50"], seconds), text(arm.cost["seconds_p95"], seconds),
        text(arm.cost["prompt_tokens"]) { NumberText.grouped($0.rounded()) },
        text(arm.cost["answer_tokens"]) { NumberText.grouped($0.rounded()) },
        text(arm.cost["memory_bytes"], bytes),
        text(arm.cost["training_seconds"], NumberText.duration),
        text(arm.cost["training_memory_bytes"], bytes),
      ]
      if hasPrice {
        cells += [
          text(arm.cost["price_per_thousand"]) { NumberText.significant($0) },
          text(arm.cost["training_price"]) { NumberText.significant($0) },
        ]
      }
      if hasRetention {
        cells.append(
          text(arm.retention.map { $0.before > 0 ? $0.after / $0.before - 1 : .nan }) {
            NumberText.change($0)
          })
      }
      return (head: ArmReportPage.rowHead(report, arm), cells: cells)
    }
    return ArmReportPage.table("", heads, rows)
      + "<p class=\"aside\">p50 and p95: the time from question to answer that half of the answers, and 19 in 20, do not exceed. Tokens for a question, in the mean. Training is that of one model.</p>\n"
  }

  private static func breakEven(_ report: ArmReport) -> String {
    let trained = report.systems.filter { arm in
      report.breakEven.contains { $0.trained == arm.name }
    }
    let against = report.systems.filter { arm in
      report.breakEven.contains { $0.against == arm.name }
    }
    guard !trained.isEmpty, !against.isEmpty else { return "" }
    let rows = trained.map { arm in
      (
        head: ArmReportPage.rowHead(report, arm),
        cells: against.map { other -> String in
          let pair = report.breakEven.first {
            $0.trained == arm.name && $0.against == other.name
          }
          return ArmReportPage.cell(pair?.questions.map { NumberText.grouped($0) } ?? "never")
        }
      )
    }
    return ArmReportPage.table("training pays after, against", against.map(\.label), rows)
      + "<p class=\"aside\">Questions after which the time that training took is saved by faster answers.</p>\n"
  }
}
