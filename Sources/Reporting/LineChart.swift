/// Curves over a common axis, as HTML with an inline SVG.
public struct LineChart: Sendable {
  /// A curve.
  public struct Series: Sendable {
    /// How a curve is drawn.
    public enum Style: Sendable {
      /// A line, and behind it the band between the extremes where points had to be put together.
      case line
      /// As `line`, but pale: what another curve is the mean of.
      case faint
      /// A line with a dot at each point.
      case dotted
      /// A dashed line: a bound on another curve.
      case bound
    }

    /// What it is of.
    public var label: String
    /// The points, x ascending.
    public var points: [Point]
    /// How it is drawn.
    public var style: Style
    /// Which of the page's colours it has, from 0.
    public var tint: Int
    /// Whether the extremes of points put together are drawn.
    public var hasBand: Bool

    /// Describes a curve.
    public init(
      _ label: String, _ points: [Point], style: Style = .line, tint: Int = 0, hasBand: Bool = true
    ) {
      self.label = label
      self.points = points
      self.style = style
      self.tint = tint
      self.hasBand = hasBand
    }
  }

  /// What is plotted.
  public var title: String
  /// Its unit.
  public var unit: String
  /// What stands along the bottom.
  public var xTitle: String
  /// The curves, the first at the back.
  public var series: [Series]
  /// Whether values that differ by more than a factor of 20 may be spread by their logarithm.
  public var allowsLogarithm: Bool
  /// Whether the axis begins at zero where it is linear.
  public var includesZero: Bool
  /// Further classes of the figure.
  public var style: String

  /// Describes a chart.
  public init(
    title: String, unit: String, xTitle: String = "step", series: [Series],
    allowsLogarithm: Bool = false, includesZero: Bool = false, style: String = ""
  ) {
    self.title = title
    self.unit = unit
    self.xTitle = xTitle
    self.series = series
    self.allowsLogarithm = allowsLogarithm
    self.includesZero = includesZero
    self.style = style
  }

  /// Most runs of neighbours that a curve is drawn with.
  public static let resolution = 400
  /// Most points that have a dot each.
  private static let mostDots = 80
  /// Colours of the page.
  static let tints = 6

  /// The chart.
  ///
  /// - Parameter id: unique on its page.
  public func html(id: String) -> String {
    let drawn = series.map { Downsampling.envelopes($0.points, count: Self.resolution) }
    let all = drawn.joined().compactMap { $0 }
    let (x, y) = axes(all)
    var marks = ""
    for (series, envelopes) in zip(series, drawn) {
      marks += draw(series, envelopes, x, y)
    }
    let frame = PlotFrame(
      id: id, title: title, unit: unit + (y.scale == .logarithmic ? ", logarithmic" : ""),
      description: description(all), legend: series.count > 1 ? legend : [], x: x, xTitle: xTitle,
      y: y, style: style + (all.isEmpty ? " blank" : ""))
    return frame.html(marks)
  }

  private func axes(_ all: [Envelope]) -> (Axis, Axis) {
    let least = all.map(\.low).min() ?? .nan
    let greatest = all.map(\.high).max() ?? .nan
    let first = all.map(\.x).min() ?? .nan
    let last = all.map(\.x).max() ?? .nan
    // From the beginning, so that charts of one run stand alike; a single point stands in the middle.
    let x = Axis.linear(
      first < last ? min(0, first) : first, last, count: 8, isTight: true, isWhole: true)
    if allowsLogarithm, least > 0, greatest > 20 * least {
      return (x, .logarithmic(least, greatest))
    }
    return (x, .linear(includesZero ? min(0, least) : least, greatest))
  }

  private var legend: [PlotFrame.LegendEntry] {
    series.map { series in
      let mark =
        switch series.style {
        case .line: "line"
        case .faint: "faint"
        case .dotted: "dotted"
        case .bound: "again"
        }
      return PlotFrame.LegendEntry(label: series.label, mark: mark, tint: Self.tint(series.tint))
    }
  }

  /// The classes of a colour; beyond the last they begin again, with dashes.
  static func tint(_ index: Int) -> String {
    "t\(index % tints)" + (index >= tints ? " again" : "")
  }

  private func description(_ all: [Envelope]) -> String {
    guard !all.isEmpty else { return "There are no values yet." }
    let parts = series.compactMap { series -> String? in
      let finite = series.points.filter { $0.y.isFinite }
      guard let first = finite.first, let last = finite.last else { return nil }
      let low = finite.map(\.y).min() ?? 0
      let high = finite.map(\.y).max() ?? 0
      return
        "\(series.label): \(finite.count) values, from \(NumberText.significant(first.y)) to \(NumberText.significant(last.y)), least \(NumberText.significant(low)), greatest \(NumberText.significant(high))."
    }
    return parts.joined(separator: " ")
  }

  private func draw(_ series: Series, _ envelopes: [Envelope?], _ x: Axis, _ y: Axis) -> String {
    func place(_ at: Double, _ value: Double) -> String? {
      guard let across = x.position(of: at), let up = y.position(of: value) else { return nil }
      return "\(Markup.coordinate(1_000 * across)) \(Markup.coordinate(1_000 * (1 - up)))"
    }
    let tint = Self.tint(series.tint)
    var (band, line, dots) = ("", "", "")
    // A gap ends a run; a run of one is a dot, since a line of no length is nothing.
    for run in envelopes.split(whereSeparator: { $0 == nil }).map({ $0.compactMap { $0 } }) {
      let middle = run.compactMap { place($0.x, $0.mean) }
      if series.hasBand, run.contains(where: { $0.low < $0.high }), run.count > 1 {
        let upper = run.compactMap { place($0.x, $0.high) }
        let lower = run.reversed().compactMap { place($0.x, $0.low) }
        band += "M" + (upper + lower).joined(separator: "L") + "Z"
      }
      if middle.count > 1 { line += "M" + middle.joined(separator: "L") }
      if middle.count == 1 { dots += "M\(middle[0])h0.01" }
    }
    let kind =
      switch series.style {
      case .line, .dotted: "line"
      case .faint: "faint"
      case .bound: "line again"
      }
    var marks = ""
    if !band.isEmpty { marks += #"<path class="band \#(tint)" d="\#(band)"/>"# }
    if !line.isEmpty { marks += #"<path class="\#(kind) \#(tint)" d="\#(line)"/>"# }
    if !dots.isEmpty { marks += #"<path class="dot \#(tint)" d="\#(dots)"/>"# }
    if series.style == .dotted, series.points.count <= Self.mostDots {
      for point in series.points where point.y.isFinite {
        guard let at = place(point.x, point.y) else { continue }
        let text =
          "\(series.label), \(xTitle) \(NumberText.grouped(point.x)): \(NumberText.significant(point.y, 4))"
        marks +=
          #"<path class="dot \#(tint)" d="M\#(at)h0.01"><title>\#(Markup.escaped(text))</title></path>"#
      }
    }
    return marks
  }
}
