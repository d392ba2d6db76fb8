public import Kernels
public import Quantization

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
  /// `alpha / rank`, or `alpha / √rank` under rsLoRA.
  public let scale: Float
  /// `[rank, inputs]`.
  public let a: UnsafeMutablePointer<Float>
  /// `[outputs, rank]`.
  public let b: UnsafeMutablePointer<Float>
  /// ∂loss/∂A, as `a`.
  public let gradA: UnsafeMutablePointer<Float>
  /// ∂loss/∂B, as `b`.
  public let gradB: UnsafeMutablePointer<Float>
  /// Names the module's dropout masks.
  public let dropoutStream: UInt64

  private let panels: FloatBuffer
  // 0, 1, 2, …: A's rows as a product of few vectors names them.
  private let rowsOfA: [Int32]
  // Own the memory of the four matrices, for a module that outlives its adapter.
  private let owners: [FloatBuffer]

  /// Makes the module whose matrices begin at `offset` of an adapter's flat buffers.
  init(shape: LoRAModuleShape, parameters: FloatBuffer, gradients: FloatBuffer, offset: Int) {
    name = shape.name
    inputs = shape.inputs
    outputs = shape.outputs
    rank = shape.rank
    alpha = shape.alpha
    scale = shape.scale
    owners = [parameters, gradients]
    a = parameters.base + offset
    b = a + shape.rank * shape.inputs
    gradA = gradients.base + offset
    gradB = gradA + shape.rank * shape.inputs
    dropoutStream = CounterRandom(seed: 0, purpose: "dropout \(shape.name)").key
    rowsOfA = [Int32](0..<Int32(shape.rank))
    panels = FloatBuffer(count: (shape.rank + 31) / 32 * 32 * shape.inputs)
  }

  /// Rows that one task of the products over tokens takes.
  private static let tokenBlock = 48
  /// Rows of B's gradient that one task takes.
  private static let outputBlock = 48

  /// Writes `z = input · Aᵀ`.
  ///
  /// - Parameters:
  ///   - input: `[tokens, inputs]`, after dropout.
  ///   - down: `[tokens, rank]`, overwritten.
  public func project(_ input: Matrix, into down: Matrix) {
    if input.rows <= WeightMatrix.streamedRows {
      // Turning A into panels would take longer than the product.
      WeightStorage.blocks(.f32, base: UnsafeRawPointer(a), columns: inputs).multiply(
        rows: rowsOfA, rowCount: rank, by: input, into: down)
      return
    }
    for first in stride(from: 0, to: rank, by: 32) {
      GEMM.transposePanel(
        k: inputs, n: min(32, rank - first), a: a + first * inputs, lda: inputs,
        panel: panels.base + first * inputs)
    }
    Parallel.rows(input.rows, block: Self.tokenBlock) { rows, _ in
      for first in stride(from: 0, to: rank, by: 32) {
        GEMM.panel(
          m: rows.count, n: min(32, rank - first), k: inputs, a: input.row(rows.lowerBound),
          rsa: input.stride,
          csa: 1, b: panels.base + first * inputs, ldb: 32, c: down.row(rows.lowerBound) + first,
          ldc: down.stride)
      }
    }
  }

  /// Writes `u = gradOutput · B`, the gradient of `z` but for the scale.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - up: `[tokens, rank]`, overwritten.
  public func projectBack(_ gradOutput: Matrix, into up: Matrix) {
    Parallel.rows(gradOutput.rows, block: Self.tokenBlock) { rows, _ in
      GEMM.multiply(
        m: rows.count, n: rank, k: outputs, a: gradOutput.row(rows.lowerBound),
        rsa: gradOutput.stride, csa: 1,
        b: b, ldb: rank, c: up.row(rows.lowerBound), ldc: up.stride)
    }
  }

  /// Adds the gradients of A and B.
  ///
  ///     gradB += scale · gradOutputᵀ · z,    gradA += scale · uᵀ · input
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - input: `[tokens, inputs]`, after dropout.
  ///   - down: `z` of `project`.
  ///   - up: `u` of `projectBack`.
  public func addGradients(gradOutput: Matrix, input: Matrix, down: Matrix, up: Matrix) {
    let outputTasks = (outputs + Self.outputBlock - 1) / Self.outputBlock
    let inputTasks = (inputs + 31) / 32
    Parallel.run(outputTasks + inputTasks) { task, _ in
      if task < outputTasks {
        let first = task * Self.outputBlock
        GEMM.multiply(
          m: min(Self.outputBlock, outputs - first), n: rank, k: gradOutput.rows,
          a: gradOutput.base + first,
          rsa: 1, csa: gradOutput.stride, b: down.base, ldb: down.stride, c: gradB + first * rank,
          ldc: rank,
          alpha: scale, accumulate: true)
      } else {
        let first = (task - outputTasks) * 32
        GEMM.panel(
          m: rank, n: min(32, inputs - first), k: input.rows, a: up.base, rsa: 1, csa: up.stride,
          b: input.base + first, ldb: input.stride, c: gradA + first, ldc: inputs, alpha: scale,
          accumulate: true)
      }
    }
  }

  /// The term that the forward product of the frozen weight adds, given `z`.
  public func forwardTerm(_ down: Matrix) -> WeightMatrix.LowRankTerm {
    WeightMatrix.LowRankTerm(left: down, right: b, scale: scale)
  }

  /// The term that the backward product of the frozen weight adds, given `u`.
  public func backwardTerm(_ up: Matrix) -> WeightMatrix.LowRankTerm {
    WeightMatrix.LowRankTerm(left: up, right: a, scale: scale)
  }

  /// Writes `scale · u · A`, the adapter's share of ∂loss/∂input before dropout, to `gradInput`, overwritten.
  public func projectInputGradient(_ up: Matrix, into gradInput: Matrix) {
    Parallel.rows(up.rows, block: Self.tokenBlock) { rows, _ in
      GEMM.multiply(
        m: rows.count, n: inputs, k: rank, a: up.row(rows.lowerBound), rsa: up.stride, csa: 1, b: a,
        ldb: inputs,
        c: gradInput.row(rows.lowerBound), ldc: gradInput.stride, alpha: scale)
    }
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

  /// Describes a module.
  public init(
    name: String, inputs: Int, outputs: Int, rank: Int, alpha: Double, isRankStabilized: Bool
  ) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.rank = rank
    self.alpha = alpha
    self.isRankStabilized = isRankStabilized
  }

  /// The factor on `B A`.
  public var scale: Float {
    Float(isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
  }

  /// Numbers in A and B together.
  public var parameterCount: Int { rank * (inputs + outputs) }
}
