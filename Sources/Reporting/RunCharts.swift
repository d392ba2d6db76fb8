/// The charts that a run has.
extension RunRecord {
  /// Values of the logged steps as points of a curve.
  func points(_ value: (Step) -> Double) -> [Point] {
    steps.map { Point(Double($0.step), value($0)) }
  }

  /// The loss, smoothed over a fiftieth of the log, at least four lines: a longer mean lags behind a loss that falls fast.
  var meanLoss: [Point] {
    Downsampling.runningMean(points(\.loss), span: max(4, Double(steps.count) / 50))
  }

  /// The validations as points of a curve.
  var validationPoints: [Point] { validations.map { Point(Double($0.step), $0.loss) } }

  /// By how much the loss on what should not be forgotten has changed since the start, per cent.
  var retentionChanges: [Point] {
    guard let before = forgetting?.before else { return [] }
    return retentions.map { Point(Double($0.step), 100 * ($0.loss / before - 1)) }
  }

  /// Training and validation loss.
  var lossChart: LineChart {
    var series = [
      LineChart.Series("training, each logged step", points(\.loss), style: .faint),
      LineChart.Series("training, running mean", meanLoss, hasBand: false),
    ]
    if !validations.isEmpty {
      series.append(
        LineChart.Series("validation", validationPoints, style: .dotted, tint: 1, hasBand: false))
    }
    return LineChart(
      title: "Loss", unit: "nats per supervised token", series: series, allowsLogarithm: true,
      style: "wide")
  }

  /// The loss on what should not be forgotten, beside its bound; nil where it was not measured.
  var retentionChart: LineChart? {
    guard let forgetting, let last = retentions.last?.step else { return nil }
    var series = [
      LineChart.Series(
        "loss on data.retention", retentions.map { Point(Double($0.step), $0.loss) },
        style: .dotted, tint: 2, hasBand: false)
    ]
    var bound = ""
    if let limit = forgetting.bound, let budget = forgetting.budget {
      let end = max(last, stepCount)
      series.append(
        LineChart.Series(
          "training.max_forgetting", [Point(0, limit), Point(Double(end), limit)], style: .bound,
          tint: 1, hasBand: false))
      bound = " of at most \(NumberText.change(budget))"
    }
    let (before, after) = (forgetting.before, forgetting.after)
    return LineChart(
      title: "Retention",
      unit:
        "nats per supervised token; \(NumberText.significant(before, 4)) before, \(NumberText.significant(after, 4)) after, \(NumberText.change(forgetting.change))\(bound)",
      series: series, style: "wide low")
  }

  /// What else each step reports.
  var stepCharts: [LineChart] {
    [
      LineChart(
        title: "Learning rate", unit: "after warm-up and decay",
        series: [LineChart.Series("learning rate", points(\.learningRate), tint: 2)],
        includesZero: true),
      LineChart(
        title: "Gradient norm", unit: "before clipping",
        series: [LineChart.Series("gradient norm", points(\.gradientNorm), tint: 3)],
        allowsLogarithm: true, includesZero: true),
      LineChart(
        title: "Speed", unit: "tokens per second",
        series: [LineChart.Series("tokens per second", points(\.tokensPerSecond), tint: 4)],
        includesZero: true),
    ]
  }

  /// How long the training rows are; nil where that is not known.
  var lengthHistogram: Histogram? {
    guard !data.rowLengths.isEmpty else { return nil }
    var histogram = Histogram(
      title: "Row lengths", unit: "", xTitle: "tokens", counts: data.rowLengths)
    let median = histogram.quantile(0.5).map(NumberText.grouped) ?? NumberText.missing
    let long = histogram.quantile(0.95).map(NumberText.grouped) ?? NumberText.missing
    histogram.unit =
      "\(NumberText.grouped(histogram.total)) training rows; median \(median), 95 % up to \(long)"
    return histogram
  }

  /// ‖ΔW‖ / ‖W‖ by block and kind of layer; nil where nothing was measured.
  var changeMap: HeatMap? {
    var (rows, columns): ([String], Set<Int>) = ([], [])
    var values: [String: [Int: Double]] = [:]
    for layer in data.layers {
      guard let change = layer.relativeChange else { continue }
      let parts = layer.name.split(separator: ".").map(String.init)
      let kind = parts.last ?? layer.name
      let block = parts.compactMap { Int($0) }.first ?? 0
      if values[kind] == nil { rows.append(kind) }
      columns.insert(block)
      values[kind, default: [:]][block] = change
    }
    guard !rows.isEmpty else { return nil }
    let blocks = columns.sorted()
    let step = data.layersStep.map { ", after step \(NumberText.grouped($0))" } ?? ""
    return HeatMap(
      title: "Change of each layer", unit: "‖ΔW‖ / ‖W‖\(step)", columnTitle: "block", rows: rows,
      columns: blocks, values: rows.map { row in blocks.map { values[row]?[$0] } })
  }
}
