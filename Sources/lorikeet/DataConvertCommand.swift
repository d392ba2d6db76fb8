import Datasets
import ModelFiles
import Serialization

/// `lorikeet data convert`.
enum DataConvertCommand: Command {
  static let name = "data convert"
  static let summary = "writes a data file in another format"
  static let positional = ["FILE"]
  static let flags = [
    Flag(
      name: "--to", value: "FORMAT",
      help: DataFormatName.all.joined(separator: ", "), isRequired: true),
    Flag(
      name: "--output", value: "O", help: "the file to write; one that exists is refused",
      isRequired: true, shortName: "-o"),
    Flag(
      name: "--drop-inexpressible", value: nil,
      help: "leaves out rows that the format cannot express, and counts them"),
  ]
  static let example = "lorikeet data convert alpaca.jsonl --to messages -o train.jsonl"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let name = arguments.string("--to") ?? ""
    guard let format = DataFormatName.format(name) else {
      throw UsageError(
        command: Self.self,
        "--to: unknown format \"\(name)\"\(Nearest.suggestion(for: name, among: DataFormatName.all)); "
          + "use \(DataFormatName.all.joined(separator: ", "))")
    }
    let path = arguments.positional[0]
    guard let outputPath = arguments.string("--output"), !outputPath.isEmpty else {
      throw UsageError(command: Self.self, "--output: expected a file, found nothing")
    }
    let file = try DatasetFile(readingFrom: path)
    let conversion = DatasetConversion(to: format)
    let isDropping = arguments.has("--drop-inexpressible")

    // All rows are converted before anything is written; a refused row leaves nothing behind.
    var rows: [JSONObject] = []
    var dropped = 0
    for row in file.rows {
      do throws(DatasetConversion.Inexpressible) {
        rows.append(try conversion.convert(row))
      } catch {
        guard isDropping else { throw error }
        dropped += 1
        if dropped <= 3 {
          console.note("dropped: \(VisibleText.escaped("\(error.source): \(error.obstacle)"))")
        }
      }
    }
    guard !rows.isEmpty else {
      throw InputError("\(path): no row is left that \(format) could express")
    }
    let output = try AtomicFile(path: outputPath)
    for row in rows { try output.write(JSONValue.object(row).serialized() + "\n") }
    try output.commit()

    let hasPlainPrompts = file.rows.contains { row in
      if case .completion = row.example.content { true } else { false }
    }
    if hasPlainPrompts, ![.promptCompletion, .text].contains(format) {
      console.note(
        "plain prompts became messages, to which a model's chat template will be applied")
    }
    console.print(
      "\(VisibleText.escaped(outputPath)): \(rows.count) row\(rows.count == 1 ? "" : "s") of \(format)"
        + (dropped > 0 ? ", \(dropped) dropped" : ""))
    var json = JSONObject()
    json["input"] = .string(path)
    json["from"] = .string(DataFormatName.of(file.format))
    json["output"] = .string(outputPath)
    json["to"] = .string(name)
    json["rows"] = .integer(rows.count)
    json["dropped"] = .integer(dropped)
    try console.json(json)
  }
}

/// The formats of data files as they are named on a command line.
enum DataFormatName {
  static let all = DatasetFormat.allCases.map(of)

  static func of(_ format: DatasetFormat) -> String {
    switch format {
    case .messages: "messages"
    case .shareGPT: "sharegpt"
    case .alpaca: "alpaca"
    case .promptCompletion: "prompt-completion"
    case .text: "text"
    }
  }

  static func format(_ name: String) -> DatasetFormat? {
    DatasetFormat.allCases.first { of($0) == name }
  }
}
