/// A number for each of some rows and columns, as tinted cells: HTML with an inline SVG.
public struct HeatMap: Sendable {
  /// What is shown.
  public var title: String
  /// Its unit.
  public var unit: String
  /// What a column is, such as `block`.
  public var columnTitle: String
  /// The rows' names.
  public var rows: [String]
  /// The columns' numbers.
  public var columns: [Int]
  /// `[row][column]`, nil where there is nothing.
  public var values: [[Double?]]

  /// Describes a map.
  public init(
    title: String, unit: String, columnTitle: String, rows: [String], columns: [Int],
    values: [[Double?]]
  ) {
    self.title = title
    self.unit = unit
    self.columnTitle = columnTitle
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// The map; a cell's tint is its share of the greatest value.
  ///
  /// - Parameter id: unique on its page.
  public func html(id: String) -> String {
    let finite = values.joined().compactMap { $0 }.filter(\.isFinite)
    let greatest = finite.max() ?? 0
    let (width, height) = (
      1_000 / Double(max(1, columns.count)), 1_000 / Double(max(1, rows.count))
    )
    var cells = ""
    for (row, name) in rows.enumerated() {
      for (column, number) in columns.enumerated() {
        guard let value = values[row][column], value.isFinite else { continue }
        let share = greatest > 0 ? max(0, value / greatest) : 0
        let text = "\(columnTitle) \(number), \(name): \(NumberText.significant(value))"
        cells +=
          #"<rect class="cell" x="\#(Markup.coordinate(Double(column) * width))" y="\#(Markup.coordinate(Double(row) * height))" width="\#(Markup.coordinate(width))" height="\#(Markup.coordinate(height))" fill-opacity="\#(NumberText.fixed(0.06 + 0.94 * share, 3))"><title>\#(Markup.escaped(text))</title></rect>"#
      }
    }
    let rowLabels = rows.enumerated().map { row, name in
      let at = Markup.coordinate(100 * (Double(row) + 0.5) / Double(rows.count))
      return #"<span style="top:\#(at)%">\#(Markup.escaped(name))</span>"#
    }.joined()
    let stride = Int(Axis.wholeStep(Double(columns.count) / 12))
    let columnLabels = columns.enumerated().filter { $0.element.isMultiple(of: stride) }
      .enumerated().map { index, entry in
        let at = Markup.coordinate(100 * (Double(entry.offset) + 0.5) / Double(columns.count))
        let odd = index.isMultiple(of: 2) ? "" : " class=\"odd\""
        return #"<span\#(odd) style="left:\#(at)%">\#(entry.element)</span>"#
      }.joined()
    return """
      <figure class="plot heat">
      <figcaption><h3>\(Markup.escaped(title))</h3><p>\(Markup.escaped(unit))</p><div class="ramp" aria-hidden="true"><span>0</span><i></i><span>\(NumberText.significant(greatest, 2))</span></div></figcaption>
      <div class="frame" style="--rows:\(rows.count)">
      <div class="y" aria-hidden="true">\(rowLabels)</div>
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-labelledby="\(id)-t \(id)-d"><title id="\(id)-t">\(Markup.escaped(title))</title><desc id="\(id)-d">\(Markup.escaped(description(greatest)))</desc>\(cells)</svg>
      <div class="x" aria-hidden="true">\(columnLabels)<b>\(Markup.escaped(columnTitle))</b></div>
      </div>
      </figure>

      """
  }

  private func description(_ greatest: Double) -> String {
    var place = ""
    for (row, name) in rows.enumerated() {
      for (column, number) in columns.enumerated() where values[row][column] == greatest {
        place = " in \(columnTitle) \(number), \(name)"
      }
    }
    return
      "\(rows.count) kinds of layer in \(columns.count) \(columnTitle)s; the greatest value is \(NumberText.significant(greatest))\(place)."
  }
}
