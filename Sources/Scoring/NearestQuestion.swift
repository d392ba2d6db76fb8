internal import Foundation

/// Finds the training question that has most in common with another, by BM25: what anybody could answer with who has
/// the training rows and no model.
///
///     score(q, d) = Σ over the words w of q  idf(w) · f (k₁ + 1) / (f + k₁ (1 − b + b · |d| / mean |d|))
///     idf(w)      = ln(1 + (N − n(w) + ½) / (n(w) + ½)),   k₁ = 1.2,   b = 0.75
///
/// with `f` how often `d` has `w` and `n(w)` how many of the `N` questions have it. Words are ``NormalizedText``'s.
///
/// - SeeAlso: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond".
public struct NearestQuestion: Sendable {
  private let postings: [String: [(question: Int, count: Int)]]
  private let lengths: [Int]
  private let meanLength: Double
  private static let (k1, b) = (1.2, 0.75)

  /// Counts the words of some questions.
  public init(_ questions: [String]) {
    var postings: [String: [(question: Int, count: Int)]] = [:]
    var lengths: [Int] = []
    for (index, question) in questions.enumerated() {
      let tokens = NormalizedText(question).tokens
      lengths.append(tokens.count)
      for (token, count) in Dictionary(tokens.map { ($0, 1) }, uniquingKeysWith: +) {
        postings[token, default: []].append((index, count))
      }
    }
    self.postings = postings
    self.lengths = lengths
    meanLength = Double(max(1, lengths.reduce(0, +))) / Double(max(1, lengths.count))
  }

  /// Index of the question with most in common, of equals the first; nil where none shares a word.
  public func index(for question: String) -> Int? {
    var scores: [Int: Double] = [:]
    // In the order of the words, so that sums are the same each time.
    for token in NormalizedText(question).tokens {
      guard let found = postings[token] else { continue }
      let having = Double(found.count)
      let idf = log(1 + (Double(lengths.count) - having + 0.5) / (having + 0.5))
      for (index, count) in found {
        let f = Double(count)
        let norm = Self.k1 * (1 - Self.b + Self.b * Double(lengths[index]) / meanLength)
        scores[index, default: 0] += idf * f * (Self.k1 + 1) / (f + norm)
      }
    }
    return scores.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }
}
