import Datasets
import ModelFiles
import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet data split`.
enum DataSplitCommand: Command {
  static let name = "data split"
  static let summary = "deals a data file into train.jsonl, valid.jsonl and test.jsonl"
  static let positional = ["FILE"]
  static let flags = [
    Flag(
      name: "--output", value: "DIR", help: "the folder to write to; files that exist are refused",
      isRequired: true, shortName: "-o"),
    Flag(
      name: "--validation", value: "X",
      help: "the share of the rows to validate on; 0 writes no file; default 0.1"),
    Flag(
      name: "--test", value: "X",
      help: "the share of the rows to test on; 0 writes no file; default 0.1"),
    Flag(name: "--seed", value: "N", help: "the same seed deals the same rows; default 42"),
    Flag(
      name: "--stratify", value: "KEY",
      help: "each value of the row's KEY is as frequent in each file; default: the answer",
      hasOptionalValue: true),
    Flag(
      name: "--group", value: "KEY",
      help: "rows with one value of KEY go into one file; \"prompt\" is what is asked"),
  ]
  static let example = "lorikeet data split all.jsonl --output data --stratify"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let path = arguments.positional[0]
    // An empty path would be read as the root.
    guard let output = arguments.string("--output"), !output.isEmpty else {
      throw UsageError(command: Self.self, "--output: expected a folder, found nothing")
    }
    let folder = output == "/" ? output : output.trimmingSuffix("/")
    let options = DatasetSplit.Options(
      validation: try arguments.number("--validation") ?? 0.1,
      test: try arguments.number("--test") ?? 0.1,
      seed: UInt64(try arguments.integer("--seed") ?? 42),
      stratum: arguments.string("--stratify").map {
        $0.isEmpty || $0 == "answer" ? .answer : .key($0)
      },
      group: arguments.string("--group").map { $0 == "prompt" ? .prompt : .key($0) })
    let file = try DatasetFile(readingFrom: path)
    let split = try DatasetSplit(file.rows, options)
    let parts = [
      (key: "train", name: "train.jsonl", rows: split.train),
      (key: "validation", name: "valid.jsonl", rows: split.validation),
      (key: "test", name: "test.jsonl", rows: split.test),
    ]
    try write(parts.map { ($0.name, $0.rows) }, of: file, to: folder)

    var json = JSONObject()
    json["input"] = .string(path)
    json["output"] = .string(folder)
    json["rows"] = .integer(file.rows.count)
    json["seed"] = .integer(Int(clamping: options.seed))
    json["groups"] = .integer(split.groups)
    json["strata"] = .integer(split.strata)
    for part in parts {
      json[part.key] =
        part.rows.isEmpty
        ? .null
        : ["path": .string("\(folder)/\(part.name)"), "rows": .integer(part.rows.count)]
      guard !part.rows.isEmpty else { continue }
      console.print(
        "\(VisibleText.escaped("\(folder)/\(part.name)")): \(part.rows.count) "
          + "row\(part.rows.count == 1 ? "" : "s")")
    }
    if options.stratum != nil, split.strata == split.groups {
      console.note(
        "every value of the stratum is a row of its own, so that there was nothing to spread")
    }
    try console.json(json)
  }

  /// Makes a new folder as a whole, or in a folder that has other files each file as a whole.
  ///
  /// A part without rows has no file; but one of its name from another split would be taken for a part of this.
  private static func write(
    _ parts: [(name: String, rows: [Int])], of file: DatasetFile, to folder: String
  ) throws {
    for (name, _) in parts where access("\(folder)/\(name)", F_OK) == 0 {
      throw ModelFileError.alreadyExists(path: "\(folder)/\(name)")
    }
    func start(in folder: String) throws -> [AtomicFile] {
      try parts.filter { !$0.rows.isEmpty }.map { name, rows in
        let output = try AtomicFile(path: "\(folder)/\(name)")
        for row in rows { try output.write(file.rows[row].bytes + [UInt8(ascii: "\n")]) }
        return output
      }
    }
    if access(folder, F_OK) == 0 {
      for output in try start(in: folder) { try output.commit() }
    } else {
      let staged = try StagedFolder(path: folder)
      for output in try start(in: staged.stagingPath) { try output.commit() }
      try staged.commit()
    }
  }
}
