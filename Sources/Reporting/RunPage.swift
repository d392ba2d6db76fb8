internal import Serialization

/// The page of one run.
public enum RunPage {
  /// `report.html` of a run.
  ///
  /// - Parameter isLive: whether the run goes on, so that a browser should look again now and then.
  public static func html(_ run: RunRecord, isLive: Bool = false) -> String {
    let body =
      header(run) + tiles(run) + Page.notes(run.notes)
      + Page.section("Training", charts(run))
      + Page.section("Evaluation", run.evaluation.flatMap(EvaluationResult.init).map(score) ?? "")
      + Page.section("Answers before and after", AnswersSection.html(run.data))
      + Page.section("Adapter", adapter(run))
      + Page.section("Configuration", settings(run.settings)) + footer(run)
    return Page.html(
      title: "\(run.name) – Lorikeet report", body: body, refreshSeconds: isLive ? 30 : nil)
  }

  private static func header(_ run: RunRecord) -> String {
    let (style, status) =
      switch run.status {
      case .finished: ("done", "finished")
      case .stoppedEarly: ("done", "stopped early, validation no longer improved")
      case .forgot: ("stopped", "stopped, more than data.retention allows was forgotten")
      case .interrupted: ("stopped", "interrupted, can be resumed")
      case .unfinished: ("open", "not finished")
      }
    let model = run.summary["model"]?.stringValue ?? run.data.model ?? run.setting("model.path")
    let facts = [model, run.setting("data.train").map(listed), adapterName(run)].compactMap { $0 }
    return """
      <header>
      <p class="eyebrow">Lorikeet fine-tuning report</p>
      <h1>\(Markup.escaped(run.name))</h1>
      <p class="lead"><span class="chip \(style)">\(status)</span>\(Markup.escaped(facts.joined(separator: " · ")))</p>
      </header>

      """
  }

  /// A list of one as the one.
  private static func listed(_ value: String) -> String {
    value.hasPrefix("[") && value.hasSuffix("]") ? String(value.dropFirst().dropLast()) : value
  }

  private static func adapterName(_ run: RunRecord) -> String? {
    guard let rank = run.setting("lora.r") else { return nil }
    return run.setting("model.load_in_4bit") == "true"
      ? "QLoRA, rank \(rank), NF4" : "LoRA, rank \(rank)"
  }

  private static func tiles(_ run: RunRecord) -> String {
    let total = run.data.totalSteps.map { "of \(NumberText.grouped($0))" } ?? ""
    let best = run.bestValidation
    let planned = run.summary["planned_memory_bytes"]?.intValue
    let tokens = run.summary["trained_tokens"]?.intValue
    return Page.tiles([
      Page.Tile(label: "Steps", value: NumberText.grouped(run.stepCount), detail: total),
      Page.Tile(
        label: "Time", value: run.seconds.map(NumberText.duration) ?? NumberText.missing,
        detail: tokens.map { "\(NumberText.grouped($0)) tokens" } ?? ""),
      Page.Tile(
        label: run.status == .unfinished ? "Latest loss" : "Final loss",
        value: run.finalLoss.map { NumberText.significant($0, 4) } ?? NumberText.missing,
        detail: run.meanLoss.last.map { "running mean \(NumberText.significant($0.y, 3))" } ?? ""),
      Page.Tile(
        label: "Best validation loss",
        value: best.map { NumberText.significant($0.loss, 4) } ?? NumberText.missing,
        detail: best.map { "at step \(NumberText.grouped($0.step))" } ?? "no validation"),
      Page.Tile(
        label: "Speed",
        value: run.tokensPerSecond.map { NumberText.grouped($0.rounded()) } ?? NumberText.missing,
        detail: "tokens per second"),
      Page.Tile(
        label: "Peak memory", value: run.peakBytes.map(NumberText.bytes) ?? NumberText.missing,
        detail: planned.map { "\(NumberText.bytes($0)) planned" } ?? ""),
    ])
  }

  private static func charts(_ run: RunRecord) -> String {
    var html = "<div class=\"grid\">\n" + run.lossChart.html(id: "loss")
    html += run.retentionChart?.html(id: "retention") ?? ""
    html += "</div>\n<div class=\"grid\">\n"
    for (index, chart) in run.stepCharts.enumerated() { html += chart.html(id: "step\(index)") }
    html += run.lengthHistogram?.html(id: "lengths") ?? ""
    return html + "</div>\n"
  }

  private static func adapter(_ run: RunRecord) -> String {
    guard let map = run.changeMap else { return "" }
    let changes = run.data.layers.compactMap { layer in
      layer.relativeChange.map { (name: layer.name, change: $0) }
    }
    var html = map.html(id: "change")
    if let most = changes.max(by: { $0.change < $1.change }), most.change > 0 {
      let mean = changes.reduce(0) { $0 + $1.change } / Double(changes.count)
      html +=
        "<p class=\"aside\">Most in \(Markup.escaped(most.name)), \(NumberText.percent(most.change)); \(NumberText.percent(mean)) in the mean of \(NumberText.grouped(changes.count)) adapted layers. ΔW = scale · B · A, norms are Frobenius.</p>\n"
    }
    return html
  }

  // MARK: - Evaluation

  private static func score(_ result: EvaluationResult) -> String {
    var html = "<div class=\"card\">\n"
    if let verdict = result.verdict, let difference = result.difference {
      let (style, text) =
        switch verdict {
        case .better: ("better", "The tuned model answers better than its base.")
        case .worse: ("worse", "The tuned model answers worse than its base.")
        case .undecided: ("", "No difference from the base can be told from chance.")
        }
      html += "<p class=\"verdict \(style)\">\(text)</p>\n"
      html +=
        "<p class=\"lead\">Exact answers differ by \(points(difference.mean)) percentage points, 95 % interval \(points(difference.interval.lowerBound)) to \(points(difference.interval.upperBound)), paired by row.</p>\n"
    }
    let rows = [("base", result.base, 1), ("tuned", result.tuned, 0)].compactMap {
      label, score, tint in score?.exactMatch.map { (label, $0, tint) }
    }
    if !rows.isEmpty {
      html += "<h3>Exact answers, from 0 to 100 %</h3>\n"
      html +=
        IntervalPlot(rows: rows.map(row), axis: .linear(0, 1, count: 4, isTight: true)).html
    }
    html += table(result)
    if let data = result.data {
      html +=
        "<p class=\"aside\">On \(Markup.escaped(data)). Shares with Wilson 95 % intervals.</p>\n"
    }
    return html + "</div>\n"
  }

  private static func points(_ share: Double) -> String {
    (share > 0 ? "+" : "") + NumberText.fixed(100 * share, 1)
  }

  private static func row(_ label: String, _ share: Proportion, _ tint: Int) -> IntervalPlot.Row {
    let range = share.wilsonInterval
    let text =
      "\(NumberText.percent(share.share)) [\(NumberText.fixed(100 * range.lowerBound, 1)), \(NumberText.fixed(100 * range.upperBound, 1))], \(share.successes) of \(share.count)"
    return IntervalPlot.Row(
      label: label, mean: share.share, low: range.lowerBound, high: range.upperBound, text: text,
      tint: tint)
  }

  private static func table(_ result: EvaluationResult) -> String {
    var rows = ""
    for (label, score) in [("base", result.base), ("tuned", result.tuned)] {
      guard let score else { continue }
      let loss = score.loss.map { NumberText.significant($0, 4) } ?? NumberText.missing
      let accuracy = score.tokenAccuracy.map(NumberText.percent) ?? NumberText.missing
      rows +=
        "<tr><th>\(label)</th><td class=\"n\">\(loss)</td><td class=\"n\">\(accuracy)</td></tr>\n"
    }
    return
      "<table><thead><tr><th></th><th class=\"n\">loss</th><th class=\"n\">token accuracy</th></tr></thead><tbody>\n\(rows)</tbody></table>\n"
  }

  // MARK: - Configuration

  private static func settings(_ settings: [RunRecord.Setting]) -> String {
    var groups: [(name: String, rows: String)] = []
    for setting in settings {
      let parts = setting.key.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      let (group, key) =
        parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("", setting.key)
      if groups.last?.name != group { groups.append((group, "")) }
      groups[groups.count - 1].rows +=
        "<dt>\(Markup.breakable(key))</dt><dd>\(Markup.breakable(setting.value))</dd>\n"
    }
    guard !groups.isEmpty else { return "" }
    let cards = groups.map {
      "<div class=\"card\"><h3>\(Markup.escaped($0.name))</h3>\n<dl>\($0.rows)</dl></div>\n"
    }
    return "<div class=\"settings\">\(cards.joined())</div>\n"
  }

  private static func footer(_ run: RunRecord) -> String {
    var facts = (run.summary["versions"]?.objectValue?.members ?? []).compactMap { member in
      member.value.stringValue.map { "\(member.key) \($0)" }
    }
    if facts.isEmpty { facts = run.data.versions.map { "\($0.key) \($0.value)" } }
    if let threads = run.summary["threads"]?.intValue ?? run.data.threads {
      facts.append("\(threads) \(threads == 1 ? "thread" : "threads")")
    }
    if let kernels = run.summary["kernels"]?.stringValue ?? run.data.kernels {
      facts.append("\(kernels) kernels")
    }
    if let plan = run.summary["memory_plan"]?.stringValue { facts.append(plan) }
    if let seed = run.summary["seed"]?.intValue.map(String.init) ?? run.setting("training.seed") {
      facts.append("seed \(seed)")
    }
    return "<footer>\(Markup.escaped(facts.joined(separator: " · ")))</footer>\n"
  }
}
