/// A few things by two numbers, one of them with an interval: HTML with an inline SVG.
struct ScatterPlot {
  /// A thing.
  struct Item {
    /// What it is.
    let label: String
    /// Where it stands across.
    let x: Double
    /// Its mean upwards, and the ends of its interval.
    let y, low, high: Double
    /// Which of the page's colours it has.
    let tint: Int
  }

  /// What is plotted.
  var title: String
  /// How to read it.
  var unit: String
  /// What stands along the bottom.
  var xTitle: String
  /// The things.
  var items: [Item]

  /// The plot, with a logarithm across where the things are far apart.
  ///
  /// - Parameter id: unique on its page.
  func html(id: String) -> String {
    let xs = items.map(\.x).filter(\.isFinite)
    let (least, most) = (xs.min() ?? 0, xs.max() ?? 1)
    let isWide = least > 0 && most > 8 * least
    // Some room on both sides, so that no dot lies on the edge.
    let x: Axis =
      isWide ? .logarithmic(least / 1.3, most * 1.3) : .linear(0, most * 1.05, count: 6)
    let y = Axis.linear(min(0, items.map(\.low).min() ?? 0), items.map(\.high).max() ?? 1)
    var marks = ""
    for item in items {
      guard let across = x.position(of: item.x), let up = y.position(of: item.y),
        let low = y.position(of: item.low), let high = y.position(of: item.high)
      else { continue }
      let text =
        "\(item.label): \(NumberText.fixed(item.y, 3)) [\(NumberText.fixed(item.low, 3)), \(NumberText.fixed(item.high, 3))], \(NumberText.significant(item.x)) \(xTitle)"
      func point(_ value: Double) -> String { Markup.coordinate(1_000 * (1 - value)) }
      let left = Markup.coordinate(1_000 * across)
      marks +=
        #"<path class="line \#(LineChart.tint(item.tint))" d="M\#(left) \#(point(low))V\#(point(high))"/><path class="dot large \#(LineChart.tint(item.tint))" d="M\#(left) \#(point(up))h0.01"><title>\#(Markup.escaped(text))</title></path>"#
    }
    let parts = items.map {
      "\($0.label): \(NumberText.fixed($0.y, 3)) at \(NumberText.significant($0.x)) \(xTitle)."
    }
    return PlotFrame(
      id: id, title: title, unit: unit + (isWide ? ", logarithmic" : ""),
      description: parts.joined(separator: " "),
      legend: items.map {
        .init(label: $0.label, mark: "dotted", tint: LineChart.tint($0.tint))
      }, x: x, xTitle: xTitle, y: y, style: items.isEmpty ? "wide blank" : "wide"
    ).html(marks)
  }
}
