#if os(Linux)
  import Fuzzing

  /// Results as text.
  enum Table {
    private static let heads = [
      "format", "inputs", "seed", "crashes", "hangs", "over memory", "inputs/s", "accepted",
      "slowest", "most memory",
    ]

    private static func cells(_ result: Result) -> [String] {
      let rate = result.seconds > 0 ? Int(Double(result.inputs) / result.seconds) : 0
      let accepted = result.inputs > 0 ? 100 * result.accepted / result.inputs : 0
      return [
        result.format.rawValue, grouped(result.inputs), "\(result.seed)",
        "\(result.failures[.crash] ?? 0)", "\(result.failures[.hang] ?? 0)",
        "\(result.failures[.memory] ?? 0)", grouped(UInt64(rate)), "\(accepted) %",
        "\(grouped(result.slowest / 1_000)) ms", "\(result.memory / 1_024) MiB",
      ]
    }

    /// Columns for a terminal.
    static func text(_ results: [Result]) -> String {
      let rows = [heads] + results.map(cells)
      let widths = heads.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
      return rows.map { row in
        row.enumerated().map { column, cell in
          let space = String(repeating: " ", count: widths[column] - cell.count)
          return column == 0 ? cell + space : space + cell
        }.joined(separator: "  ") + "\n"
      }.joined()
    }

    /// A table in Markdown.
    static func markdown(_ results: [Result]) -> String {
      let rule = "|---|" + String(repeating: "--:|", count: heads.count - 1)
      let rows = results.map { "| " + cells($0).joined(separator: " | ") + " |" }
      return (["| " + heads.joined(separator: " | ") + " |", rule] + rows)
        .map { $0 + "\n" }.joined()
    }

    private static func grouped(_ number: UInt64) -> String {
      var text = ""
      for (index, digit) in String(number).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text.append(",") }
        text.append(digit)
      }
      return String(text.reversed())
    }
  }
#endif
