internal import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// How the next token is chosen from logits.
public struct Sampling: Sendable, Equatable {
  /// 0 takes the likeliest token; 1 samples from the model's own distribution.
  public var temperature: Double
  /// Only this many likeliest tokens are considered; 0 is all.
  public var topK: Int
  /// Only the likeliest tokens whose probabilities reach this sum are considered.
  public var topP: Double
  /// Seed of the draws.
  public var seed: UInt64

  /// The likeliest token, always.
  public static let greedy = Sampling(temperature: 0)

  /// Makes a choice of sampling.
  public init(temperature: Double = 0, topK: Int = 0, topP: Double = 1, seed: UInt64 = 42) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// Chooses a token.
  ///
  /// - Parameters:
  ///   - logits: `[vocabulary]`.
  ///   - sequence: which sequence it is for, and `position` which of its tokens: they name the random number.
  func choose(_ logits: UnsafeBufferPointer<Float>, sequence: Int, position: Int) -> Int32 {
    if temperature <= 0 { return Self.largest(logits) }
    var candidates = Array(logits.indices)
    if topK > 0 || topP < 1 {
      candidates.sort { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
      if topK > 0 { candidates = Array(candidates.prefix(topK)) }
    }
    let peak = candidates.reduce(-Float.infinity) { max($0, logits[$1]) }
    var weights = candidates.map { exp(Double(logits[$0] - peak) / temperature) }
    if topP < 1 {
      let total = weights.reduce(0, +)
      var sum = 0.0
      let kept = weights.firstIndex { weight in
        sum += weight
        return sum >= topP * total
      }
      weights = Array(weights.prefix((kept ?? weights.count - 1) + 1))
    }
    let random = CounterRandom(seed: seed, purpose: "sampling")
    let draw = Double(random.bits(UInt64(position), stream: UInt64(sequence)) >> 11) * 0x1p-53
    var rest = draw * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return Int32(candidates[index]) }
    }
    return Int32(candidates[weights.count - 1])
  }

  /// The likeliest token; of equals the first.
  static func largest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return Int32(best)
  }
}
