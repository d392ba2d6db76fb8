public import Kernels

/// One adapted linear layer: `y = W x + scale · B (A dropout(x))`.
///
/// A is `[rank, inputs]`, B `[outputs, rank]`, as PEFT keeps them. Both, and their gradients, are stretches of the
/// adapter's flat buffers.
///
/// - SeeAlso: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685.
public final class LoRAModule: @unchecked Sendable {
  /// The layer's Hugging Face path, such as `model.layers.0.self_attn.q_proj`.
  public let name: String
  /// Input features of the layer.
  public let inputs: Int
  /// Output features of the layer.
  public let outputs: Int
  /// Columns of B.
  public let rank: Int
  /// Numerator of the scale.
  public let alpha: Double
  /// The alpha that gives the same scale without rsLoRA.
  public let plainAlpha: Double
  /// `alpha / rank`, or `alpha / √rank` under rsLoRA.
  public let scale: Float
  /// `[rank, inputs]`.
  public let a: UnsafeMutablePointer<Float>
  /// `[outputs, rank]`.
  public let b: UnsafeMutablePointer<Float>
  /// DoRA's magnitudes, for an adapter that has them; their numbers follow B's.
  public let magnitude: MagnitudeVector?
  /// ∂loss/∂A, as `a`.
  public let gradA: UnsafeMutablePointer<Float>
  /// ∂loss/∂B, as `b`.
  public let gradB: UnsafeMutablePointer<Float>
  // Whether the second half of the ranks stays as it is.
  let learnsHalf: Bool
  /// Names the module's dropout masks.
  public let dropoutStream: UInt64

  // Own the memory of the four matrices, for a module that outlives its adapter.
  private let owners: [FloatBuffer]

  /// Makes the module whose matrices begin at `offset` of an adapter's flat buffers.
  init(
    shape: LoRAModuleShape, learnsHalf: Bool, parameters: FloatBuffer, gradients: FloatBuffer,
    offset: Int
  ) {
    self.learnsHalf = learnsHalf
    name = shape.name
    inputs = shape.inputs
    outputs = shape.outputs
    rank = shape.rank
    alpha = shape.alpha
    plainAlpha = shape.plainAlpha
    scale = shape.scale
    owners = [parameters, gradients]
    a = parameters.base + offset
    b = a + shape.rank * shape.inputs
    gradA = gradients.base + offset
    gradB = gradA + shape.rank * shape.inputs
    magnitude =
      shape.hasMagnitude
      ? MagnitudeVector(
        values: b + shape.rank * shape.outputs, gradients: gradB + shape.rank * shape.outputs,
        outputs: shape.outputs) : nil
    dropoutStream = CounterRandom(seed: 0, purpose: "dropout \(shape.name)").key
  }

  /// Adds `scale · B · A` to the rows `range` of the layer's weight.
  ///
  /// - Parameters:
  ///   - weight: `[range.count, inputs]`, added to.
  ///   - factor: multiplies the scale.
  public func addDelta(rows range: Range<Int>, to weight: Matrix, factor: Float = 1) {
    GEMM.multiply(
      m: range.count, n: inputs, k: rank, a: b + range.lowerBound * rank, rsa: rank, csa: 1, b: a,
      ldb: inputs,
      c: weight.base, ldc: weight.stride, alpha: scale * factor, accumulate: true)
  }
}

/// What a module's matrices must look like, before there is memory for them.
public struct LoRAModuleShape: Sendable, Equatable {
  /// The layer's Hugging Face path.
  public var name: String
  /// Input features.
  public var inputs: Int
  /// Output features.
  public var outputs: Int
  /// Inner dimension.
  public var rank: Int
  /// Numerator of the scale.
  public var alpha: Double
  /// Whether the scale is `alpha / √rank`.
  public var isRankStabilized: Bool
  /// Whether it has a magnitude for each output, as DoRA has.
  public var hasMagnitude: Bool

  /// Describes a module.
  public init(
    name: String, inputs: Int, outputs: Int, rank: Int, alpha: Double, isRankStabilized: Bool,
    hasMagnitude: Bool = false
  ) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.rank = rank
    self.alpha = alpha
    self.isRankStabilized = isRankStabilized
    self.hasMagnitude = hasMagnitude
  }

  /// The factor on `B A`.
  public var scale: Float {
    Float(isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
  }

  /// The alpha that gives the same scale without rsLoRA: `alpha · √rank` under it.
  public var plainAlpha: Double {
    isRankStabilized ? alpha * Double(rank).squareRoot() : alpha
  }

  /// Numbers in A, B and the magnitudes together.
  public var parameterCount: Int { rank * (inputs + outputs) + (hasMagnitude ? outputs : 0) }
}
