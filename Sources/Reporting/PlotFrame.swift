/// What all plots have: a heading, a legend, axes, and a drawing that stretches with the page.
///
/// The drawing is an SVG of 1000 by 1000 units that takes the shape of its box, and its lines keep their width. The
/// labels stand around it as text of the page, so they are as large on a telephone as on a wall.
struct PlotFrame {
  /// An entry of the legend.
  struct LegendEntry {
    /// What is drawn so.
    let label: String
    /// The class of its mark: how it is drawn.
    let mark: String
    /// The class that gives the colour.
    let tint: String
  }

  /// Unique on its page.
  let id: String
  /// What is plotted.
  let title: String
  /// Its unit, or what else must be known to read it.
  let unit: String
  /// What can be seen, for those who cannot.
  let description: String
  /// What is drawn how.
  var legend: [LegendEntry] = []
  /// Marks along the bottom.
  let x: Axis
  /// What stands along the bottom.
  let xTitle: String
  /// Marks along the left.
  let y: Axis
  /// Further classes of the figure.
  var style = ""

  /// Lays `marks`, SVG elements in 1000 by 1000 units, into the frame.
  func html(_ marks: String) -> String {
    var grid = ""
    for tick in y.ticks {
      guard let position = y.position(of: tick.value) else { continue }
      let at = Markup.coordinate(1_000 * (1 - position))
      grid += #"<path class="\#(tick.value == 0 ? "zero" : "rule")" d="M0 \#(at)H1000"/>"#
    }
    return """
      <figure class="plot \(style)">
      <figcaption><h3>\(Markup.escaped(title))</h3><p>\(Markup.escaped(unit))</p>\(legendList)</figcaption>
      <div class="frame">
      <div class="y" aria-hidden="true">\(labels(y, "top") { 1 - $0 })</div>
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-labelledby="\(id)-t \(id)-d"><title id="\(id)-t">\(Markup.escaped(title))</title><desc id="\(id)-d">\(Markup.escaped(description))</desc>\(grid)\(marks)</svg>
      <div class="x" aria-hidden="true">\(labels(x, "left") { $0 })<b>\(Markup.escaped(xTitle))</b></div>
      </div>
      </figure>

      """
  }

  private var legendList: String {
    guard !legend.isEmpty else { return "" }
    let entries = legend.map {
      #"<li><i class="\#($0.mark) \#($0.tint)"></i>\#(Markup.escaped($0.label))</li>"#
    }
    return "<ul class=\"legend\">\(entries.joined())</ul>"
  }

  private func labels(_ axis: Axis, _ side: String, _ place: (Double) -> Double) -> String {
    axis.ticks.enumerated().compactMap { index, tick in
      guard let position = axis.position(of: tick.value) else { return nil }
      let at = Markup.coordinate(100 * place(position))
      let odd = index.isMultiple(of: 2) ? "" : " class=\"odd\""
      return #"<span\#(odd) style="\#(side):\#(at)%">\#(Markup.escaped(tick.label))</span>"#
    }.joined()
  }
}
