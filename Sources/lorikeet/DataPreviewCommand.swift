import Datasets
import Inference
import ModelFiles
import Serialization
import Tokenization

/// `lorikeet data preview`.
enum DataPreviewCommand: Command {
  static let name = "data preview"
  static let summary = "shows rows as the model meets them, and what of them is learnt"
  static let positional = ["FILE"]
  static let flags = [
    Flag(
      name: "--model", value: "M",
      help: "a .gguf file, a Hugging Face folder, or org/name in the local cache", isRequired: true),
    Flag(name: "--row", value: "N", help: "the row to show, counted from 1; default 1"),
    Flag(name: "--limit", value: "N", help: "how many rows to show from there; default 1"),
    Flag(name: "--ids", value: nil, help: "a line for each token, with its id and weight"),
  ]
  static let example = "lorikeet data preview data/support/train.jsonl --model m.gguf --row 3"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let path = arguments.positional[0]
    let first = try atLeastOne("--row", arguments)
    let limit = try atLeastOne("--limit", arguments)
    let rows = try Dataset(readingFrom: [path]).examples
    guard first <= rows.count else {
      throw UsageError(
        command: Self.self, "--row: \(path) has \(rows.count) rows, and \(first) is asked for")
    }
    let file = try ModelFile.open(arguments.string("--model") ?? "")
    let tokenizer = try file.makeTokenizer()
    let template = try file.makeChatTemplate(tokenizer)

    console.print(legend(arguments, console))
    var objects: [JSONValue] = []
    for (offset, row) in rows.dropFirst(first - 1).prefix(limit).enumerated() {
      let preview = try RowPreview(row, tokenizer: tokenizer, template: template)
      console.print(
        "\n\(VisibleText.escaped("\(preview.source)")) (row \(first + offset) of \(rows.count)): "
          + "\(preview.tokens.count) tokens, \(preview.supervisedTokens) learnt\n")
      if arguments.has("--ids") {
        showTokens(preview, console)
      } else {
        console.print(text(preview, console))
      }
      objects.append(object(preview, row: first + offset, hasIDs: arguments.has("--ids")))
    }
    var json = JSONObject()
    json["file"] = .string(path)
    json["rows_in_file"] = .integer(rows.count)
    json["rows"] = .array(objects)
    try console.json(json)
  }

  private static func atLeastOne(_ flag: String, _ arguments: Arguments) throws -> Int {
    let number = try arguments.integer(flag) ?? 1
    guard number > 0 else {
      throw UsageError(command: Self.self, "\(flag): expected at least 1, found 0")
    }
    return number
  }

  // MARK: For people

  private static func legend(_ arguments: Arguments, _ console: Console) -> String {
    if arguments.has("--ids") {
      return "position, id, weight of the loss (· where nothing is learnt), text"
    }
    let mark = console.hasColor ? colored("what is learnt", true) : "[[what is learnt]]"
    return "\(mark); ↵ is a newline, \\u{1B} and the like are unseen characters"
  }

  private static func text(_ preview: RowPreview, _ console: Console) -> String {
    preview.stretches.map { stretch in
      let text = VisibleText.escaped(stretch.bytes, breaksLines: true)
      if console.hasColor { return colored(text, stretch.isLearnt) }
      return stretch.isLearnt ? "[[\(text)]]" : text
    }.joined()
  }

  /// Bold green for what is learnt; the rest as the terminal shows it.
  private static func colored(_ text: String, _ isLearnt: Bool) -> String {
    isLearnt ? "\u{1B}[1;32m\(text)\u{1B}[0m" : text
  }

  private static func showTokens(_ preview: RowPreview, _ console: Console) {
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    for (index, token) in preview.tokens.enumerated() {
      let weight = token.weight > 0 ? shortened(token.weight) : "·"
      let line =
        "\(column("\(index)", 6))\(column("\(token.id)", 8))  \(column(weight, 4))  "
        + VisibleText.escaped(token.bytes)
      console.print(console.hasColor ? colored(line, token.weight > 0) : line)
    }
  }

  private static func shortened(_ weight: Float) -> String {
    Int(exactly: weight).map { "\($0)" } ?? "\(weight)"
  }

  // MARK: For machines

  private static func object(_ preview: RowPreview, row: Int, hasIDs: Bool) -> JSONValue {
    var json = JSONObject()
    json["row"] = .integer(row)
    json["line"] = .integer(preview.source.line)
    json["tokens"] = .integer(preview.tokens.count)
    json["supervised_tokens"] = .integer(preview.supervisedTokens)
    json["text"] = .array(
      preview.stretches.map { stretch in
        [
          "learnt": .bool(stretch.isLearnt),
          "text": .string(String(decoding: stretch.bytes, as: UTF8.self)),
        ]
      })
    if hasIDs {
      json["ids"] = .array(preview.tokens.map { .integer(Int($0.id)) })
      json["weights"] = .array(preview.tokens.map { .number(Double($0.weight)) })
    }
    return .object(json)
  }
}
