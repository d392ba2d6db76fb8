/// How well what was retrieved for a question matches the documents that answer it.
public struct RetrievalQuality: Sendable, Equatable {
  /// Whether a passage of a right document is among those retrieved: hit@k, k their number.
  public var hit: Double
  /// 1 / rank of the first passage of a right document; 0 where there is none.
  ///
  /// Its mean is the MRR.
  public var reciprocalRank: Double
  /// The share of the passages that are of a right document; 0 where nothing was retrieved.
  ///
  /// - SeeAlso: `IDBasedContextPrecision` of Ragas; Es et al. 2023, "Ragas: Automated Evaluation of Retrieval Augmented
  ///   Generation", arXiv:2309.15217.
  public var contextPrecision: Double
  /// The share of the right documents that some passage is of.
  ///
  /// - SeeAlso: `IDBasedContextRecall` of Ragas.
  public var contextRecall: Double

  /// Compares documents.
  ///
  /// - Parameters:
  ///   - retrieved: each passage's document, best first.
  ///   - relevant: the documents that answer the question; nil results where there is none.
  public init?(retrieved: [String], relevant: [String]) {
    let relevant = Set(relevant)
    guard !relevant.isEmpty else { return nil }
    let first = retrieved.firstIndex { relevant.contains($0) }
    hit = first == nil ? 0 : 1
    reciprocalRank = first.map { 1 / Double($0 + 1) } ?? 0
    let right = retrieved.count { relevant.contains($0) }
    contextPrecision = retrieved.isEmpty ? 0 : Double(right) / Double(retrieved.count)
    contextRecall =
      Double(relevant.intersection(retrieved).count) / Double(relevant.count)
  }
}
