import CausalLM
import Inference
import Retrieval
import Serialization

/// `lorikeet search`.
enum SearchCommand: Command {
  static let name = "search"
  static let summary = "finds passages of a knowledge base, with where they stand"
  static let positional = ["KB", "QUERY"]
  static let flags =
    [Flag(name: "--limit", value: "N", help: "how many passages; default 5")]
    + PassageSearch.flags + [
      Flag(
        name: "--rerank", value: "M",
        help:
          "rank the candidates anew, by how likely this language model finds the question after each"
      )
    ]
  static let example =
    "lorikeet search kb.db \"how do I resume?\" --encoder models/all-MiniLM-L6-v2"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let limit = try arguments.integer("--limit") ?? 5
    guard limit > 0 else {
      throw UsageError(command: Self.self, "--limit: expected a number above 0, found \(limit)")
    }
    let ranker = arguments.string("--rerank")
    guard ranker == nil || !arguments.has("--diversity") else {
      throw UsageError(
        command: Self.self, "--rerank and --diversity each choose an order; give one of them")
    }
    let query = arguments.positional[1]
    let search = try PassageSearch(
      arguments, in: arguments.positional[0], for: query, count: limit, of: Self.self, console)
    let clock = ContinuousClock()
    let began = clock.now
    let vector = search.vector()
    let encoded = clock.now
    var found: [(finding: Finding, likelihood: Double?)] =
      try search.find(vector, isWide: ranker != nil).map { ($0, nil) }
    let ended = clock.now
    if let ranker {
      let chat = try ModelSession.load(ranker, .stored, console)
      let scores = try QuestionLikelihood(chat).scores(
        of: query, passages: found.map(\.finding.passage.titledText))
      found = zip(found, scores).map { ($0.finding, $1) }
      // Of equals the one that the search put first.
      let order = found.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
      found = order.prefix(limit).map { found[$0] }
    }
    var json = JSONObject()
    json["encode_seconds"] = .number((encoded - began) / .seconds(1))
    json["search_seconds"] = .number((ended - encoded) / .seconds(1))
    json["query"] = .string(query)
    json["method"] = .string(search.method.rawValue)
    json["passages"] = .array(found.map { object($0.finding, $0.likelihood) })
    try console.json(json)
    if found.isEmpty { console.print("nothing is found") }
    for (index, (finding, likelihood)) in found.enumerated() {
      let passage = finding.passage
      console.print(
        "\(index + 1)  \(VisibleText.escaped(passage.citation))  \(VisibleText.escaped(passage.title))  (\(Format.fixed(likelihood ?? finding.score, 3)))"
      )
      for line in passage.text.split(separator: "\n").prefix(6) {
        console.print("   \(VisibleText.escaped(String(line.prefix(200))))")
      }
    }
  }

  private static func object(_ finding: Finding, _ likelihood: Double?) -> JSONValue {
    let passage = finding.passage
    return [
      "path": .string(passage.path), "first_line": .integer(passage.lines.lowerBound),
      "last_line": .integer(passage.lines.upperBound), "citation": .string(passage.citation),
      "title": .string(passage.title), "text": .string(passage.text),
      "score": .number(finding.score),
      "likelihood": likelihood.map { .number($0) } ?? .null,
      "word_rank": finding.wordRank.map { .integer($0) } ?? .null,
      "vector_rank": finding.vectorRank.map { .integer($0) } ?? .null,
      "metadata": .object(
        JSONObject(passage.metadata.sorted { $0.key < $1.key }.map { ($0, .string($1)) })),
    ]
  }
}
