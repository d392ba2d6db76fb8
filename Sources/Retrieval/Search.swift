/// A search in a knowledge base.
public struct Search: Sendable, Equatable {
  /// What passages are found by.
  public enum Method: String, Sendable, CaseIterable {
    /// Words: BM25.
    case words = "bm25"
    /// Meaning: the cosine of vectors.
    case vectors = "dense"
    /// Both, fused by reciprocal rank.
    case both = "hybrid"
  }

  /// What is asked.
  public var query: String
  /// What passages are found by.
  public var method: Method
  /// How many passages are wanted.
  public var count: Int
  /// How many candidates each method gives.
  public var candidates: Int
  /// How much being unlike the passages before counts, from 0 to 1, among `candidates`; nil ranks by the method alone.
  ///
  /// It is 1 − λ of maximal marginal relevance.
  public var diversity: Double?
  /// Values that a passage's metadata must have; `path` and `title` are among the keys.
  public var filters: [String: String]

  /// Describes a search.
  public init(
    _ query: String, method: Method = .both, count: Int = 5, candidates: Int = 20,
    diversity: Double? = nil, filters: [String: String] = [:]
  ) {
    self.query = query
    self.method = method
    self.count = count
    self.candidates = candidates
    self.diversity = diversity
    self.filters = filters
  }

  /// The constant of reciprocal rank fusion.
  ///
  /// - SeeAlso: Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
  ///   Learning Methods".
  static let fusionConstant = 60.0

  /// Σ 1 / (60 + rank) over the lists that a passage is in, best first; of equals the one with the smaller number.
  static func fused(_ lists: [[Int]]) -> [(id: Int, score: Double)] {
    var scores: [Int: Double] = [:]
    for list in lists {
      for (index, id) in list.enumerated() {
        scores[id, default: 0] += 1 / (fusionConstant + Double(index + 1))
      }
    }
    return scores.map { (id: $0.key, score: $0.value) }.sorted {
      ($1.score, $0.id) < ($0.score, $1.id)
    }
  }

  /// Chooses `count` of the candidates, each the best by `(1 − diversity) · score − diversity · likeness` to the likest
  /// of those chosen before.
  ///
  /// - Parameters:
  ///   - scores: the candidates' likeness to the query, in the scale of `likeness`.
  ///   - likeness: of two candidates, by their index.
  /// - SeeAlso: Carbonell and Goldstein 1998, "The use of MMR, diversity-based reranking for reordering documents and
  ///   producing summaries".
  static func diverse(
    _ scores: [Double], count: Int, diversity: Double, likeness: (Int, Int) -> Double
  ) -> [Int] {
    var chosen: [Int] = []
    var rest = Array(scores.indices)
    while chosen.count < count, !rest.isEmpty {
      let values = rest.map { candidate in
        let nearest = chosen.map { likeness($0, candidate) }.max() ?? 0
        return (1 - diversity) * scores[candidate] - diversity * nearest
      }
      let best = values.indices.max {
        values[$0] < values[$1] || (values[$0] == values[$1] && $0 > $1)
      }
      chosen.append(rest.remove(at: best ?? 0))
    }
    return chosen
  }
}

extension KnowledgeBase {
  /// Finds passages.
  ///
  /// - Parameter vector: the query's, of length 1; needed for every method but words, and for diversity.
  /// - Throws: ``RetrievalError``, ``RetrievalError/noVectors(path:)`` among others.
  public func find(_ search: Search, vector: [Float]? = nil) throws(RetrievalError) -> [Finding] {
    if search.method != .words || search.diversity != nil {
      guard let vector, let encoder else { throw .noVectors(path: path) }
      precondition(vector.count == encoder.dimensions, "the vector is of the same encoder")
    }
    return try database.snapshot { () throws(RetrievalError) in
      try findNow(search, vector: vector ?? [])
    }
  }

  private func findNow(_ search: Search, vector: [Float]) throws(RetrievalError) -> [Finding] {
    let words = search.method == .vectors ? [] : try byWords(search)
    let meanings = search.method == .words ? [] : try byVectors(vector, search)
    var ranked =
      switch search.method {
      case .words: words
      case .vectors: meanings
      case .both: Search.fused([words.map(\.id), meanings.map(\.id)])
      }
    if let diversity = search.diversity {
      let pool = ranked.prefix(search.candidates)
      let vectors = try self.vectors(of: pool.map(\.id), count: vector.count)
      let order = Search.diverse(
        vectors.map { Self.dot($0, vector) }, count: search.count, diversity: diversity
      ) { Self.dot(vectors[$0], vectors[$1]) }
      ranked = order.map { pool[$0] }
    }
    var findings: [Finding] = []
    for (id, score) in ranked.prefix(search.count) {
      guard let passage = try passage(id) else { continue }
      func rank(in list: [(id: Int, score: Double)]) -> Int? {
        list.firstIndex { $0.id == id }.map { $0 + 1 }
      }
      findings.append(
        Finding(
          passage: passage, score: score, wordRank: rank(in: words), vectorRank: rank(in: meanings))
      )
    }
    return findings
  }

  private static func dot(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }

  private func byWords(_ search: Search) throws(RetrievalError) -> [(id: Int, score: Double)] {
    guard let expression = QueryWords.expression(search.query) else { return [] }
    // bm25() is lower for better; of equals the one that was indexed first.
    let statement = try database.prepare(
      "SELECT rowid, bm25(words) FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid")
    try statement.bind(.text(expression))
    var found: [(id: Int, score: Double)] = []
    while found.count < search.candidates, try statement.step() {
      let (id, score) = (statement.integer(0), -statement.number(1))
      if !search.filters.isEmpty {
        guard let passage = try passage(id), Self.passes(search.filters, passage) else { continue }
      }
      found.append((id, score))
    }
    return found
  }

  private static func passes(_ filters: [String: String], _ passage: Passage) -> Bool {
    filters.allSatisfy { key, value in
      switch key {
      case "path": passage.path == value
      case "title": passage.title == value
      default: passage.metadata[key] == value
      }
    }
  }

  /// The passages whose vectors are the likest, every one looked at; of equals the one with the smaller number.
  private func byVectors(_ vector: [Float], _ search: Search) throws(RetrievalError)
    -> [(id: Int, score: Double)]
  {
    let (ids, scores) = try vectors.scores(of: vector)
    func isBefore(_ a: Int, _ b: Int) -> Bool { (scores[b], ids[a]) < (scores[a], ids[b]) }
    guard search.filters.isEmpty else {
      // The best first, until as many as wanted pass.
      var found: [(id: Int, score: Double)] = []
      for index in scores.indices.sorted(by: isBefore) where found.count < search.candidates {
        guard let passage = try passage(ids[index]),
          Self.passes(search.filters, passage)
        else { continue }
        found.append((ids[index], Double(scores[index])))
      }
      return found
    }
    var best: [Int] = []
    for index in scores.indices {
      if best.count == search.candidates {
        guard let last = best.last, isBefore(index, last) else { continue }
        best.removeLast()
      }
      best.insert(index, at: best.firstIndex { isBefore(index, $0) } ?? best.endIndex)
    }
    return best.map { (ids[$0], Double(scores[$0])) }
  }

  /// The vectors of these passages; zeros where one has none.
  private func vectors(of ids: [Int], count: Int) throws(RetrievalError) -> [[Float]] {
    let statement = try database.prepare("SELECT vector FROM vectors WHERE passage = ?")
    var vectors: [[Float]] = []
    for id in ids {
      try statement.bind(.integer(id))
      guard try statement.step(), statement.bytes(0).count == 4 * count else {
        vectors.append([Float](repeating: 0, count: count))
        continue
      }
      let bytes = statement.bytes(0)
      vectors.append(
        (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) })
    }
    return vectors
  }
}
