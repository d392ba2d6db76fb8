public import CausalLM
public import Datasets

#if canImport(Glibc)
  import Glibc
#endif

/// How far one model's predictions are from another's, on some texts.
public struct ModelDistance: Sendable, Equatable {
  /// Largest difference of a logit over the largest logit of its position.
  public private(set) var logits = 0.0
  /// Mean Kullback-Leibler divergence of the next token's distribution from the reference's, nats, over all positions.
  public private(set) var divergence = 0.0
  /// The share of positions where both have the same likeliest token.
  public private(set) var agreement = 0.0
  /// Positions compared.
  public private(set) var positions = 0
  /// The other model's perplexity, over the tokens whose prediction counts.
  public private(set) var perplexity = 0.0
  /// The reference's.
  public private(set) var referencePerplexity = 0.0

  /// Compares two models; each text is computed as a whole by both, in f32.
  ///
  /// - Parameters:
  ///   - progress: hears how many texts are done.
  public init(
    from reference: CausalLM, to other: CausalLM, on texts: [TokenizedExample],
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) {
    var (loss, referenceLoss, weight) = (0.0, 0.0, 0.0)
    for (index, text) in texts.enumerated() {
      let batch = TokenBatch(sequences: [text.tokens])
      for (place, (x, y)) in zip(reference.logits(batch), other.logits(batch)).enumerated() {
        let (p, q) = (Self.logSoftmax(x), Self.logSoftmax(y))
        add(x, y, divergence: zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
        guard place + 1 < text.tokens.count else { continue }
        let next = Int(text.tokens[place + 1])
        let share = Double(text.lossWeights[place + 1])
        referenceLoss -= share * p[next]
        loss -= share * q[next]
        weight += share
      }
      progress(index + 1, texts.count)
    }
    divergence /= Double(max(1, positions))
    agreement /= Double(max(1, positions))
    perplexity = exp(loss / max(weight, .leastNormalMagnitude))
    referencePerplexity = exp(referenceLoss / max(weight, .leastNormalMagnitude))
  }

  private mutating func add(_ x: [Float], _ y: [Float], divergence: Double) {
    let largest = x.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
    let difference = zip(x, y).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    logits = max(logits, Double(difference / largest))
    // Not below 0, where rounding has it, but NaN where a model gives no numbers.
    self.divergence += divergence < 0 ? 0 : divergence
    agreement += x.firstIndex(of: x.max() ?? 0) == y.firstIndex(of: y.max() ?? 0) ? 1 : 0
    positions += 1
  }

  private static func logSoftmax(_ x: [Float]) -> [Double] {
    let peak = Double(x.max() ?? 0)
    let sum = log(x.reduce(0.0) { $0 + exp(Double($1) - peak) })
    return x.map { Double($0) - peak - sum }
  }
}
