import Reporting

/// A comparison as tables for a terminal, within 80 columns.
enum ArmTable {
  /// The widest line.
  static let width = 80
  private static let nameWidth = 17
  /// The widest name of a kind, which leaves room for two of them.
  private static let mostKindColumns = 29

  /// The lines: the verdict, scores with costs, scores by kind, what must be known to read them.
  static func lines(_ report: ArmReport) -> [String] {
    var lines = wrapped(report.headline)
    for reason in report.reasons { lines += wrapped(reason, indent: "  ") }
    lines += [""] + scores(report)
    for part in kinds(report) { lines += [""] + part }
    lines.append("")
    for note in report.notes { lines += wrapped(note) }
    return lines
  }

  /// A row a system: score with interval, and what an answer and training take.
  private static func scores(_ report: ArmReport) -> [String] {
    let metric = TextWidth.shortened(VisibleText.escaped(report.metric), columns: 20)
    let heads = [
      row(
        "\(metric), 95 % interval", nameWidth + 22,
        [("p50", 7), ("p95", 7), ("read", 7), ("written", 8), ("training", 12)])
    ]
    return heads
      + report.systems.map { system in
        let score =
          "\(decimal(system.score.mean)) [\(decimal(system.score.low)), \(decimal(system.score.high))]"
        let name = TextWidth.shortened(system.label, columns: nameWidth)
        let cost = system.cost
        return row(
          padded(name, nameWidth) + " " + score, nameWidth + 22,
          [
            (cost["seconds_p50"].map(seconds) ?? "–", 7),
            (cost["seconds_p95"].map(seconds) ?? "–", 7),
            (cost["prompt_tokens"].map(count) ?? "–", 7),
            (cost["answer_tokens"].map(count) ?? "–", 8),
            (cost["training_seconds"].map(seconds) ?? "–", 12),
          ])
      }
  }

  /// Scores by kind, in as many tables as 80 columns call for; names of kinds stand in full where they can.
  private static func kinds(_ report: ArmReport) -> [[String]] {
    let columns = report.kinds.map { kind in
      let name = TextWidth.shortened(VisibleText.escaped(kind.name), columns: mostKindColumns)
      return (kind: kind.name, head: name, width: max(8, TextWidth.columns(of: name)) + 2)
    }
    var tables: [[String]] = []
    var rest = columns[...]
    while !rest.isEmpty {
      var left = width - nameWidth
      let shown = rest.prefix { column in
        left -= column.width
        return left >= 0
      }
      rest = rest.dropFirst(shown.count)
      let rows = report.systems.map { system in
        row(
          TextWidth.shortened(system.label, columns: nameWidth), nameWidth,
          shown.map { (system.kinds[$0.kind].map { decimal($0.mean) } ?? "–", $0.width) })
      }
      tables.append([row("by kind", nameWidth, shown.map { ($0.head, $0.width) })] + rows)
    }
    return tables
  }

  /// A name to the left and cells to the right of their columns.
  private static func row(_ name: String, _ width: Int, _ cells: [(text: String, width: Int)])
    -> String
  {
    cells.reduce(padded(name, width)) { line, cell in
      line + String(repeating: " ", count: max(1, cell.width - TextWidth.columns(of: cell.text)))
        + cell.text
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - TextWidth.columns(of: text)))
  }

  /// A text in lines of at most 80 columns, the second and later ones as far in as the first.
  private static func wrapped(_ text: String, indent: String = "") -> [String] {
    var lines: [String] = []
    var line = indent
    for word in VisibleText.escaped(text).split(separator: " ") {
      let word = TextWidth.shortened(String(word), columns: width - indent.count)
      if line != indent, TextWidth.columns(of: line) + 1 + TextWidth.columns(of: word) > width {
        lines.append(line)
        line = indent
      }
      line += (line == indent ? "" : " ") + word
    }
    return lines + [line]
  }

  private static func decimal(_ value: Double) -> String { Format.fixed(value, 3) }

  private static func count(_ value: Double) -> String { Format.fixed(value, 0) }

  private static func seconds(_ value: Double) -> String {
    value < 10 ? "\(Format.fixed(value, 2)) s" : Format.duration(value)
  }
}
