import Retrieval
import Serialization

/// `lorikeet search`.
enum SearchCommand: Command {
  static let name = "search"
  static let summary = "finds passages of a knowledge base, with where they stand"
  static let positional = ["KB", "QUERY"]
  static let flags = [
    Flag(
      name: "--encoder", value: "E", help: "the folder of the encoder that the index was made with"),
    Flag(
      name: "--method", value: "M",
      help:
        "bm25 (words), dense (meaning) or hybrid (both); default hybrid with --encoder, else bm25"
    ),
    Flag(name: "--limit", value: "N", help: "how many passages; default 5"),
    Flag(name: "--candidates", value: "N", help: "how many each method gives; default 20"),
    Flag(
      name: "--diversity", value: "D",
      help:
        "0 to 1: how much being unlike the passages before counts (1 - lambda of MMR); default 0"
    ),
    Flag(
      name: "--filter", value: "KEY=VALUE", help: "only passages whose metadata say so",
      isRepeatable: true),
  ]
  static let example =
    "lorikeet search kb.db \"how is a run resumed?\" --encoder models/all-MiniLM-L6-v2"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let path = arguments.positional[0]
    let base = try KnowledgeBase(reading: path)
    let encoder = try arguments.string("--encoder").map(SentenceEncoder.init(path:))
    try base.check(encoder?.identity)
    let name = arguments.string("--method") ?? (encoder == nil ? "bm25" : "hybrid")
    guard let method = Search.Method(rawValue: name) else {
      throw UsageError(
        command: Self.self, "--method: expected bm25, dense or hybrid, found \"\(name)\"")
    }
    guard method == .words || encoder != nil else {
      throw UsageError(
        command: Self.self, "--method \(name) needs --encoder, the folder of the index's encoder")
    }
    let limit = try arguments.integer("--limit") ?? 5
    let candidates = try arguments.integer("--candidates") ?? 20
    guard limit > 0, candidates > 0 else {
      throw UsageError(
        command: Self.self, "--limit and --candidates: expected a number above 0")
    }
    let diversity = try arguments.number("--diversity")
    if let diversity {
      guard (0...1).contains(diversity) else {
        throw UsageError(
          command: Self.self, "--diversity: expected a number from 0 to 1, found \(diversity)")
      }
      guard encoder != nil else {
        throw UsageError(
          command: Self.self, "--diversity needs --encoder, whose vectors tell what is alike")
      }
    }
    var filters: [String: String] = [:]
    for text in arguments.strings("--filter") {
      guard let equals = text.firstIndex(of: "=") else {
        throw UsageError(command: Self.self, "--filter: expected KEY=VALUE, found \"\(text)\"")
      }
      filters[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    let query = arguments.positional[1]
    let search = Search(
      query, method: method, count: limit,
      candidates: max(limit, candidates), diversity: diversity,
      filters: filters)
    let findings = try base.find(search, vector: encoder?.encode([query])[0])
    var json = JSONObject()
    json["query"] = .string(query)
    json["method"] = .string(method.rawValue)
    json["passages"] = .array(findings.map(Self.object))
    try console.json(json)
    if findings.isEmpty { console.print("nothing is found") }
    for (index, finding) in findings.enumerated() {
      let passage = finding.passage
      console.print(
        "\(index + 1)  \(VisibleText.escaped(passage.citation))  \(VisibleText.escaped(passage.title))  (\(Format.fixed(finding.score, 3)))"
      )
      for line in passage.text.split(separator: "\n").prefix(6) {
        console.print("   \(VisibleText.escaped(String(line.prefix(200))))")
      }
    }
  }

  private static func object(_ finding: Finding) -> JSONValue {
    let passage = finding.passage
    return [
      "path": .string(passage.path), "first_line": .integer(passage.lines.lowerBound),
      "last_line": .integer(passage.lines.upperBound), "citation": .string(passage.citation),
      "title": .string(passage.title), "text": .string(passage.text),
      "score": .number(finding.score),
      "word_rank": finding.wordRank.map { .integer($0) } ?? .null,
      "vector_rank": finding.vectorRank.map { .integer($0) } ?? .null,
      "metadata": .object(
        JSONObject(passage.metadata.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
    ]
  }
}
