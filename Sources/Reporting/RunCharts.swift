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
