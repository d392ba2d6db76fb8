import Comparison
import ModelFiles
import Retrieval
import Serialization

/// `lorikeet data raft`.
enum DataRAFTCommand: Command {
  static let name = "data raft"
  static let summary = "puts passages before questions, so that a model learns to answer from them"
  static let positional = ["QUESTIONS"]
  static let flags = [
    Flag(
      name: "--knowledge-base", value: "KB", help: "the passages, as lorikeet index made them",
      isRequired: true),
    Flag(
      name: "--encoder", value: "E", help: "the folder of the encoder that the index was made with"),
    Flag(
      name: "--output", value: "FILE", help: "the training file; one that exists is refused",
      isRequired: true, shortName: "-o"),
    Flag(
      name: "--distractors", value: "N",
      help: "passages in a row that do not hold the answer; default 3"),
    Flag(
      name: "--golden-share", value: "X",
      help: "the share of rows that have the passage which does; default 0.8"),
    Flag(name: "--seed", value: "N", help: "the same seed makes the same rows; default 42"),
  ]
  static let example = "lorikeet data raft train.jsonl --knowledge-base kb.db -o raft.jsonl"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let questions = try QuestionFile.read([arguments.positional[0]])
    let share = try arguments.number("--golden-share") ?? 0.8
    guard (0...1).contains(share) else {
      throw UsageError(command: Self.self, "--golden-share: expected a number from 0 to 1")
    }
    let distractors = try arguments.integer("--distractors") ?? 3
    let base = try KnowledgeBase(reading: arguments.string("--knowledge-base") ?? "")
    let encoder = try arguments.string("--encoder").map(SentenceEncoder.init(path:))
    let finder = try PassageFinder(base, encoder: encoder, method: nil, candidates: 20)
    let output = try AtomicFile(path: arguments.string("--output") ?? "")
    let rows = try console.stage("finding passages", in: .things("rows")) {
      try TrainingRows.withPassages(
        questions, finder, distractors: distractors, goldenShare: share,
        seed: try arguments.integer("--seed") ?? 42, limit: .max, remedy: "", tokens: { _ in 0 },
        progress: $0)
    }
    for row in rows { try output.write(JSONText.line(row.json)) }
    try output.commit()
    let golden = rows.count { !$0.golden.isEmpty }
    try console.json([
      "output": .string(output.path), "rows": .integer(rows.count), "golden": .integer(golden),
      "passages": .integer(rows.reduce(0) { $0 + $1.passages }),
    ])
    console.print(
      "\(VisibleText.escaped(output.path)): \(rows.count) rows, \(golden) of them with a passage that holds the answer"
    )
  }
}
