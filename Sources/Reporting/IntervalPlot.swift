/// Means with their intervals, one under the other: HTML with an inline SVG a row.
struct IntervalPlot {
  /// A mean and where it may lie.
  struct Row {
    /// What it is of.
    let label: String
    /// The mean.
    let mean: Double
    /// The ends of its interval.
    let low, high: Double
    /// The numbers as text.
    let text: String
    /// Which of the page's colours it has, from 0; nil for that of what is only there to compare with.
    let tint: Int?
  }

  /// The rows, from the top.
  var rows: [Row]
  /// What the rows span.
  var axis: Axis
  /// Whether the labels are words that need room, and the axis its numbers.
  var isNamed = false

  /// The plot.
  var html: String {
    guard !rows.isEmpty else { return "" }
    let marks = axis.ticks.enumerated().map { index, tick in
      let at = Markup.coordinate(1_000 * (axis.position(of: tick.value) ?? 0))
      return index.isMultiple(of: 2) ? "M\(at) 1V9" : "M\(at) 3V7"
    }.joined()
    var html = "<div class=\"score\(isNamed ? " named" : "")\">"
    for row in rows { html += self.html(row, marks) }
    if isNamed {
      let labels = axis.ticks.enumerated().map { index, tick in
        let at = Markup.coordinate(100 * (axis.position(of: tick.value) ?? 0))
        let odd = index.isMultiple(of: 2) ? "" : " class=\"odd\""
        return "<b\(odd) style=\"left:\(at)%\">\(Markup.escaped(tick.label))</b>"
      }
      html += "<div class=\"scale\" aria-hidden=\"true\">\(labels.joined())</div>\n"
    }
    return html + "</div>\n"
  }

  private func html(_ row: Row, _ marks: String) -> String {
    func at(_ value: Double) -> String {
      Markup.coordinate(1_000 * (axis.position(of: value) ?? 0))
    }
    let (label, text) = (Markup.escaped(row.label), Markup.escaped(row.text))
    let tint = row.tint.map(LineChart.tint) ?? "plain"
    return """
      <span>\(label)</span>
      <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="\(label): \(text)" class="\(tint)"><title>\(label)</title><desc>\(text)</desc><path class="track" d="M0 5H1000\(marks)"/><path class="range" d="M\(at(row.low)) 5H\(at(row.high))"/><path class="dot" d="M\(at(row.mean)) 5h0.01"/></svg>
      <span>\(text)</span>

      """
  }
}
