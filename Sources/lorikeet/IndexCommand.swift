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
    Flag(name: "--size", value: "N", help: "most characters of a passage; default 1000"),
    Flag(
      name: "--overlap", value: "N",
      help: "most characters that a passage shares with the one before; default 200"),
  ]
  static let example = "lorikeet index docs -o kb.db --encoder models/all-MiniLM-L6-v2"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let root = arguments.positional[0]
    let output = arguments.string("--output") ?? ""
    let size = try arguments.integer("--size") ?? 1_000
    let overlap = try arguments.integer("--overlap") ?? min(200, size / 5)
    guard size > 0, overlap >= 0, overlap < size else {
      throw UsageError(
        command: Self.self, "--overlap: expected less than --size, which is \(size)")
    }
    let encoder = try arguments.string("--encoder").map(SentenceEncoder.init(path:))
    let base = try KnowledgeBase(writing: output)
    let indexer = try Indexer(
      base, splitter: TextSplitter(size: size, overlap: overlap), encoder: encoder)
    let summary = try console.stage("indexing", in: .things("files")) {
      try indexer.index(root, progress: $0)
    }
    for skipped in summary.skipped {
      console.note("warning: \(skipped.path) is passed over: it \(skipped.reason)")
    }
    let count = try base.passageCount()
    var json = JSONObject()
    json["output"] = .string(output)
    json["indexed_files"] = .integer(summary.indexed)
    json["unchanged_files"] = .integer(summary.unchanged)
    json["removed_files"] = .integer(summary.removed)
    json["skipped_files"] = .integer(summary.skipped.count)
    json["passages"] = .integer(count)
    json["encoder"] = base.encoder.map { .string($0) } ?? .null
    try console.json(json)
    console.print(
      "\(output): \(count) passages; \(summary.indexed) files indexed, \(summary.unchanged) unchanged, \(summary.removed) removed, \(summary.skipped.count) passed over"
    )
  }
}
