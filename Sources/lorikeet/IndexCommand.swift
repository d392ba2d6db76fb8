import ModelFiles
import Retrieval
import Serialization

/// `lorikeet index`.
enum IndexCommand: Command {
  static let name = "index"
  static let summary = "cuts documents into passages and keeps them for search, in one file"
  static let positional = ["DIR"]
  static let flags = [
    Flag(
      name: "--output", value: "KB", help: "the knowledge base; made, or brought up to date",
      isRequired: true, shortName: "-o"),
    Flag(
      name: "--encoder", value: "E",
      help: "a folder of all-MiniLM-L6-v2 or its kin, for search by meaning; without, by words only"
    ),
    Flag(name: "--size", value: "N", help: "the most that a passage measures; default 1000"),
    Flag(
      name: "--overlap", value: "N",
      help: "the most that a passage shares with the one before; default 200, or a fifth of --size"
    ),
    Flag(
      name: "--unit", value: "U",
      help: "what both count: characters (default), or the encoder's tokens"),
  ]
  static let example = "lorikeet index docs -o kb.db --encoder models/all-MiniLM-L6-v2"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let output = arguments.string("--output") ?? ""
    let size = try arguments.integer("--size") ?? 1_000
    guard size > 0 else {
      throw UsageError(command: Self.self, "--size: expected a number above 0, found \(size)")
    }
    let overlap = try arguments.integer("--overlap", allowsZero: true) ?? min(200, size / 5)
    guard (0..<size).contains(overlap) else {
      throw UsageError(
        command: Self.self,
        "--overlap: expected a number from 0 to less than --size, which is \(size), found \(overlap)"
      )
    }
    let unitName = arguments.string("--unit") ?? "characters"
    guard ["characters", "tokens"].contains(unitName) else {
      throw UsageError(
        command: Self.self, "--unit: expected characters or tokens, found \"\(unitName)\"")
    }
    let encoder = try arguments.string("--encoder").map(SentenceEncoder.init(path:))
    var unit = TextSplitter.Unit.characters
    if unitName == "tokens" {
      guard let tokenizer = encoder?.tokenizer else {
        throw UsageError(command: Self.self, "--unit tokens needs --encoder, whose tokens they are")
      }
      unit = .tokens(tokenizer.count)
    }
    let base = try KnowledgeBase(writing: output)
    let indexer = try Indexer(
      base, splitter: TextSplitter(size: size, overlap: overlap, unit: unit), encoder: encoder)
    let summary = try console.index(arguments.positional[0], with: indexer)
    console.warnOfSkipped(summary)
    if summary.overlong > 0, let encoder {
      console.note(
        "warning: \(summary.overlong) passages are longer than the \(encoder.maximumTokens) tokens that the encoder reads; what lies beyond is found by words only (--size)"
      )
    }
    let count = try base.passageCount()
    var json = JSONObject()
    json["output"] = .string(output)
    json["indexed_files"] = .integer(summary.indexed)
    json["unchanged_files"] = .integer(summary.unchanged)
    json["removed_files"] = .integer(summary.removed)
    json["skipped_files"] = .integer(summary.skipped.count)
    json["skipped_rows"] = .integer(summary.incomplete.reduce(0) { $0 + $1.badLines.count })
    json["passages"] = .integer(count)
    json["overlong_passages"] = .integer(summary.overlong)
    json["encoder"] = base.encoder.map { .string($0.name) } ?? .null
    try console.json(json)
    console.print(
      "\(output): \(count) passages; \(summary.indexed) files indexed, \(summary.unchanged) unchanged, \(summary.removed) removed, \(summary.skipped.count) passed over"
    )
  }
}
