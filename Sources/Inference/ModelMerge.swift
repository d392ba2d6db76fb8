public import CausalLM
internal import Kernels
public import LoRA
internal import ModelFiles
internal import Quantization

#if canImport(Glibc)
  import Glibc
#endif

/// Folds an adapter into the weights: `W' = W + scale · B A`, with DoRA's magnitudes `W' = c ∘ (W + scale · B A)`.
public struct ModelMerge {
  /// The model that the adapter was made for.
  public let chat: ChatModel
  /// The adapters with the factor that each is applied with.
  public let adapters: [(LoRAAdapter, Float)]

  /// Prepares a merge.
  public init(_ chat: ChatModel, adapters: [(LoRAAdapter, Float)]) {
    self.chat = chat
    self.adapters = adapters
    for (adapter, _) in adapters { chat.model.updateMagnitudes(of: adapter) }
  }

  /// Gives a writer the merged rows of a tensor.
  ///
  /// Linear layers come from the weights as loaded, so a merge with an NF4 base holds what NF4 holds.
  public func rows(
    _ tensor: String, _ range: Range<Int>, _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let base = values.baseAddress else { return }
    let name = tensor.hasSuffix(".weight") ? String(tensor.dropLast(7)) : tensor
    guard let weight = chat.model.weight(named: name) else {
      chat.file.tensor(named: tensor)?.dequantize(rows: range, into: base)
      return
    }
    weight.read(range, into: base)
    for (adapter, scale) in adapters {
      adapter.module(named: name)?.merge(
        rows: range, into: Matrix(base, rows: range.count, columns: weight.columns), factor: scale)
    }
  }

  /// How far the merged model is from base and adapter.
  public struct Distance: Sendable, Equatable {
    /// Largest difference of a logit over the largest logit.
    public var logits: Double
    /// Mean Kullback-Leibler divergence of the next token's distribution, nats.
    public var divergence: Double
    /// The share of positions where both have the same likeliest token.
    public var agreement: Double
    /// Positions compared.
    public var positions: Int
  }

  /// Compares two models on texts.
  ///
  /// - Parameter progress: hears how many texts are done.
  public static func distance(
    _ a: CausalLM, _ b: CausalLM, on sequences: [[Int32]],
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) -> Distance {
    var result = Distance(logits: 0, divergence: 0, agreement: 0, positions: 0)
    for (index, sequence) in sequences.enumerated() {
      let batch = TokenBatch(sequences: [sequence])
      for (x, y) in zip(a.logits(batch), b.logits(batch)) {
        let largest = x.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
        let difference = zip(x, y).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        result.logits = max(result.logits, Double(difference / largest))
        result.divergence += divergence(x, y)
        result.agreement += x.firstIndex(of: x.max() ?? 0) == y.firstIndex(of: y.max() ?? 0) ? 1 : 0
        result.positions += 1
      }
      progress(index + 1, sequences.count)
    }
    result.divergence /= Double(max(1, result.positions))
    result.agreement /= Double(max(1, result.positions))
    return result
  }

  /// KL(softmax(x) ‖ softmax(y)).
  private static func divergence(_ x: [Float], _ y: [Float]) -> Double {
    let (p, q) = (logSoftmax(x), logSoftmax(y))
    return max(0, zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) })
  }

  private static func logSoftmax(_ x: [Float]) -> [Double] {
    let peak = Double(x.max() ?? 0)
    let sum = log(x.reduce(0.0) { $0 + exp(Double($1) - peak) })
    return x.map { Double($0) - peak - sum }
  }
}
