/// How often values occur, as bars: HTML with an inline SVG.
public struct Histogram: Sendable {
  /// A value and how often it occurs.
  public struct Count: Sendable, Equatable {
    /// The value.
    public var value: Int
    /// How often it occurs.
    public var count: Int

    /// Makes a count.
    public init(value: Int, count: Int) {
      self.value = value
      self.count = count
    }
  }

  /// What is counted.
  public var title: String
  /// Its unit.
  public var unit: String
  /// What stands along the bottom.
  public var xTitle: String
  /// The values, ascending.
  public var counts: [Count]

  /// Describes a histogram.
  public init(title: String, unit: String, xTitle: String, counts: [Count]) {
    self.title = title
    self.unit = unit
    self.xTitle = xTitle
    self.counts = counts
  }

  /// Values that fall together, from `low` up to and without `low + width`.
  struct Bin: Equatable {
    var low: Int
    var count: Int
  }

  /// Bins of one width, a round number, at most `limit` of them; those between are there even if empty.
  func bins(limit: Int = 40) -> (width: Int, bins: [Bin]) {
    guard let first = counts.first?.value, let last = counts.map(\.value).max() else {
      return (1, [])
    }
    var width = 1
    while (last / width) - (first / width) + 1 > limit {
      width = Int(Axis.wholeStep(Double(width) * 1.01))
    }
    let start = first / width
    var bins = (start...last / width).map { Bin(low: $0 * width, count: 0) }
    for entry in counts { bins[entry.value / width - start].count += entry.count }
    return (width, bins)
  }

  /// The number of values.
  public var total: Int { counts.reduce(0) { $0 + $1.count } }

  /// The value that a share of all values does not exceed.
  public func quantile(_ share: Double) -> Int? {
    var left = Int((share * Double(total)).rounded(.up))
    for entry in counts {
      left -= entry.count
      if left <= 0 { return entry.value }
    }
    return counts.last?.value
  }

  /// The histogram.
  ///
  /// - Parameter id: unique on its page.
  public func html(id: String) -> String {
    let (width, bins) = bins()
    let x = Axis.linear(
      Double(bins.first?.low ?? 0), Double((bins.last?.low ?? 1) + width), count: 8, isTight: true,
      isWhole: true)
    let y = Axis.linear(0, Double(bins.map(\.count).max() ?? 1), count: 4, isWhole: true)
    var marks = ""
    for bin in bins where bin.count > 0 {
      guard let left = x.position(of: Double(bin.low)),
        let right = x.position(of: Double(bin.low + width)),
        let top = y.position(of: Double(bin.count))
      else { continue }
      let range = width == 1 ? "\(bin.low)" : "\(bin.low) to \(bin.low + width - 1)"
      let gap = 1_000 * (right - left) * 0.08
      marks +=
        #"<rect class="bar t0" x="\#(Markup.coordinate(1_000 * left + gap))" y="\#(Markup.coordinate(1_000 * (1 - top)))" width="\#(Markup.coordinate(max(0.5, 1_000 * (right - left) - 2 * gap)))" height="\#(Markup.coordinate(1_000 * top))"><title>\#(Markup.escaped("\(range) \(xTitle): \(NumberText.grouped(bin.count))"))</title></rect>"#
    }
    var summary = "There are no rows."
    if let median = quantile(0.5), let longest = counts.last?.value, let least = counts.first?.value
    {
      summary =
        "\(NumberText.grouped(total)) rows of \(NumberText.grouped(least)) to \(NumberText.grouped(longest)) tokens, median \(NumberText.grouped(median))."
    }
    return PlotFrame(
      id: id, title: title, unit: unit, description: summary, x: x, xTitle: xTitle, y: y,
      style: bins.isEmpty ? "blank" : ""
    ).html(marks)
  }
}
