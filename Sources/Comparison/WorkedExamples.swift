internal import Kernels

/// Chooses the examples of the arm `few-shot`.
public enum WorkedExamples {
  /// `count` rows, by the seed: the same for every question, as evaluation harnesses have it.
  ///
  /// Examples chosen for each question by likeness would be retrieval under another name, and what is the same for all
  /// is read once and kept.
  ///
  /// - Throws: ``ComparisonError/tooFewExamples(asked:found:)``.
  public static func choose(
    _ count: Int, from rows: [Question], seed: Int
  ) throws(ComparisonError) -> [Question] {
    guard count <= rows.count else {
      throw .tooFewExamples(asked: count, found: rows.count)
    }
    let random = CounterRandom(seed: UInt64(max(0, seed)), purpose: "few-shot")
    return random.permutation(rows.count).prefix(count).map { rows[$0] }
  }
}
