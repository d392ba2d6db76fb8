/// The page that lays several runs over each other.
public enum ComparisonPage {
  /// The page of some runs, in the order given.
  public static func html(_ runs: [RunRecord]) -> String {
    let names = distinctNames(runs)
    let body = """
      <header>
      <p class="eyebrow">Lorikeet fine-tuning report</p>
      <h1>\(runs.count) runs compared</h1>
      <p class="lead">\(Markup.escaped(names.joined(separator: " · ")))</p>
      </header>

      """
    return Page.html(
      title: "\(runs.count) runs – Lorikeet report",
      body: body + results(runs, names) + notes(runs, names)
        + Page.section("Training", charts(runs, names))
        + Page.section("Settings that differ", differences(runs, names)))
  }

  /// The runs' names, with a number where some are alike.
  static func distinctNames(_ runs: [RunRecord]) -> [String] {
    var seen: [String: Int] = [:]
    return runs.map { run in
      let count = seen[run.name, default: 0] + 1
      seen[run.name] = count
      return count == 1 ? run.name : "\(run.name) (\(count))"
    }
  }

  private static func key(_ index: Int) -> String {
    "<i class=\"line \(LineChart.tint(index))\"></i>"
  }

  private static func results(_ runs: [RunRecord], _ names: [String]) -> String {
    let best = runs.compactMap { $0.bestValidation?.loss }.min()
    let hasRetention = runs.contains { $0.forgetting != nil }
    var rows = ""
    for (index, run) in runs.enumerated() {
      let validation = run.bestValidation
      let isBest = runs.count > 1 && validation != nil && validation?.loss == best
      let loss = validation.map { NumberText.significant($0.loss, 4) } ?? NumberText.missing
      let cells =
        [
          NumberText.grouped(run.stepCount),
          run.finalLoss.map { NumberText.significant($0, 4) } ?? NumberText.missing,
          isBest ? "<strong class=\"better\">\(loss)</strong>" : loss,
          validation.map { NumberText.grouped($0.step) } ?? NumberText.missing,
          run.seconds.map(NumberText.duration) ?? NumberText.missing,
          run.tokensPerSecond.map { NumberText.grouped($0.rounded()) } ?? NumberText.missing,
          run.peakBytes.map(NumberText.bytes) ?? NumberText.missing,
        ] + (hasRetention ? [forgotten(run)] : [])
      rows +=
        "<tr><td>\(key(index))</td><th class=\"name\">\(Markup.escaped(names[index]))</th>"
        + cells.map { "<td class=\"n\">\($0)</td>" }.joined() + "</tr>\n"
    }
    let columns =
      ["steps", "final loss", "best validation", "at step", "time", "tokens/s", "peak memory"]
      + (hasRetention ? ["retention loss"] : [])
    let heads = columns.map { "<th class=\"n\">\($0)</th>" }.joined()
    return
      "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th></th><th>run</th>\(heads)</tr></thead><tbody>\n\(rows)</tbody></table></div>\n"
  }

  private static func forgotten(_ run: RunRecord) -> String {
    run.forgetting.map { NumberText.change($0.change) } ?? NumberText.missing
  }

  private static func notes(_ runs: [RunRecord], _ names: [String]) -> String {
    zip(runs, names).map { run, name in Page.notes(run.notes.map { "\(name): \($0)" }) }.joined()
  }

  private static func charts(_ runs: [RunRecord], _ names: [String]) -> String {
    func series(
      _ points: (RunRecord) -> [Point], style: LineChart.Series.Style = .line
    ) -> [LineChart.Series] {
      runs.enumerated().map { index, run in
        LineChart.Series(
          names[index], points(run), style: style, tint: index, hasBand: false)
      }
    }
    let validations = series(\.validationPoints, style: .dotted)
    var charts = [
      LineChart(
        title: "Training loss", unit: "running mean, nats per supervised token",
        series: series(\.meanLoss), allowsLogarithm: true, style: "wide")
    ]
    if validations.contains(where: { !$0.points.isEmpty }) {
      charts.append(
        LineChart(
          title: "Validation loss", unit: "nats per supervised token",
          series: validations.filter { !$0.points.isEmpty }, allowsLogarithm: true, style: "wide"))
    }
    let retentions = series(\.retentionChanges, style: .dotted).filter { !$0.points.isEmpty }
    if !retentions.isEmpty {
      charts.append(
        LineChart(
          title: "Retention",
          unit: "change of the loss on data.retention since the start, per cent",
          series: retentions, includesZero: true, style: "wide low"))
    }
    charts += [
      LineChart(
        title: "Learning rate", unit: "after warm-up and decay",
        series: series({ $0.points(\.learningRate) }), includesZero: true),
      LineChart(
        title: "Gradient norm", unit: "before clipping",
        series: series({ $0.points(\.gradientNorm) }), allowsLogarithm: true, includesZero: true),
      LineChart(
        title: "Speed", unit: "tokens per second, running mean",
        series: series({
          Downsampling.runningMean(
            $0.points(\.tokensPerSecond), span: max(10, Double($0.steps.count) / 50))
        }), includesZero: true, style: "wide low"),
    ]
    let html = charts.enumerated().map { $0.element.html(id: "chart\($0.offset)") }
    return "<div class=\"grid\">\n\(html.joined())</div>\n"
  }

  /// Keys that not all runs have with one value, with each run's value; the run folder, which always differs, aside.
  static func differingSettings(_ runs: [RunRecord]) -> [(key: String, values: [String?])] {
    var keys: [String] = []
    var isKnown: Set<String> = []
    for key in runs.flatMap(\.settings).map(\.key)
    where key != "training.output_dir" && isKnown.insert(key).inserted {
      keys.append(key)
    }
    let tables = runs.map { run in
      Dictionary(run.settings.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    return keys.compactMap { key in
      let values = tables.map { $0[key] }
      return Set(values).count > 1 ? (key, values) : nil
    }
  }

  private static func differences(_ runs: [RunRecord], _ names: [String]) -> String {
    let differing = differingSettings(runs)
    guard !differing.isEmpty else {
      return "<p class=\"lead\">The runs have the same configuration.</p>\n"
    }
    let heads = names.enumerated().map { index, name in
      "<th class=\"name\">\(key(index)) \(Markup.escaped(name))</th>"
    }.joined()
    let rows = differing.map { key, values in
      "<tr><th class=\"name\">\(Markup.escaped(key))</th>"
        + values.map { "<td>\(Markup.escaped($0 ?? NumberText.missing))</td>" }.joined()
        + "</tr>\n"
    }.joined()
    return
      "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>key</th>\(heads)</tr></thead><tbody>\n\(rows)</tbody></table></div>\n"
  }
}
