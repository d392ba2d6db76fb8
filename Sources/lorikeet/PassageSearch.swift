import Retrieval

/// A search in a knowledge base as a command line asks for it.
struct PassageSearch {
  /// Where is searched.
  let base: KnowledgeBase
  private let encoder: SentenceEncoder?
  private let search: Search

  /// The flags that say how passages are found.
  static let flags = [
    Flag(
      name: "--encoder", value: "E", help: "the folder of the encoder that the index was made with"),
    Flag(
      name: "--method", value: "M",
      help:
        "bm25 (words), dense (meaning) or hybrid (both); default hybrid with --encoder, else bm25"),
    Flag(name: "--candidates", value: "N", help: "how many each method gives; default 20"),
    Flag(
      name: "--diversity", value: "D",
      help:
        "0 to 1: how much being unlike the passages before counts (1 - lambda of MMR); default 0"),
    Flag(
      name: "--filter", value: "KEY=VALUE", help: "only passages whose metadata say so",
      isRepeatable: true),
  ]

  /// Reads the flags, then opens the knowledge base and the encoder.
  init(
    _ arguments: Arguments, in path: String, for query: String, count: Int,
    of command: any Command.Type, _ console: Console
  ) throws {
    let hasEncoder = arguments.has("--encoder")
    let name = arguments.string("--method") ?? (hasEncoder ? "hybrid" : "bm25")
    guard let method = Search.Method(rawValue: name) else {
      throw UsageError(
        command: command, "--method: expected bm25, dense or hybrid, found \"\(name)\"")
    }
    guard method == .words || hasEncoder else {
      throw UsageError(
        command: command, "--method \(name) needs --encoder, the folder of the index's encoder")
    }
    let candidates = try arguments.integer("--candidates") ?? 20
    guard candidates > 0 else {
      throw UsageError(
        command: command, "--candidates: expected a number above 0, found \(candidates)")
    }
    let diversity = try arguments.number("--diversity")
    if let diversity {
      guard (0...1).contains(diversity) else {
        throw UsageError(
          command: command, "--diversity: expected a number from 0 to 1, found \(diversity)")
      }
      guard hasEncoder else {
        throw UsageError(
          command: command, "--diversity needs --encoder, whose vectors tell what is alike")
      }
    }
    var filters: [String: String] = [:]
    for text in arguments.strings("--filter") {
      guard let equals = text.firstIndex(of: "=") else {
        throw UsageError(command: command, "--filter: expected KEY=VALUE, found \"\(text)\"")
      }
      filters[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    search = Search(
      query, method: method, count: count, candidates: max(count, candidates),
      diversity: diversity, filters: filters)
    base = try KnowledgeBase(reading: path)
    encoder = try arguments.string("--encoder").map(SentenceEncoder.init(path:))
    try base.check(encoder?.identity)
    if let made = base.encoder, !hasEncoder {
      console.note(
        "searching by words only; with --encoder, a folder of \(made.name), by meaning, too")
    }
  }

  /// How passages are found.
  var method: Search.Method { search.method }

  /// The question's vector; nil where the search needs none.
  func vector() -> [Float]? {
    guard search.method != .words || search.diversity != nil else { return nil }
    return encoder?.encode([search.query])[0]
  }

  /// The best passages.
  ///
  /// - Parameters:
  ///   - vector: the question's, as ``vector()`` gives it.
  ///   - isWide: whether all candidates are wanted, to be ranked anew, and not only as many as asked for.
  func find(_ vector: [Float]?, isWide: Bool = false) throws -> [Finding] {
    var search = search
    if isWide { search.count = search.candidates }
    return try base.find(search, vector: vector)
  }
}
