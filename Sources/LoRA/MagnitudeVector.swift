public import Kernels
public import Quantization

/// DoRA's magnitude of one adapted layer: how long each row of its weight is to be, apart from where it points.
///
///     v   = W + scale · B A                      [outputs, inputs]
///     n_j = ‖v_j‖,   c_j = m_j / n_j
///     y   = c ∘ (v x)
///
/// n is taken for a constant by the gradient, as the paper (section 4.3) and PEFT have it; then
///
///     ∂m_j = Σ_t ∂y_tj · (v x_t)_j / n_j
///
/// and everything below gets `c ∘ ∂y` where LoRA's gets `∂y`.
///
/// n follows from W without the product `B A`:
///
///     n_j² = ‖W_j‖² + 2 scale · B_j (A W_jᵀ) + scale² · B_j (A Aᵀ) B_jᵀ
///
/// It is right for the numbers that A and B had at the last `update`, which whoever changes them calls.
///
/// - SeeAlso: Liu et al. 2024, "DoRA: Weight-Decomposed Low-Rank Adaptation", arXiv:2402.09353.
public final class MagnitudeVector: @unchecked Sendable {
  /// m, `[outputs]`; PEFT's `lora_magnitude_vector`.
  public let values: UnsafeMutablePointer<Float>
  /// ∂loss/∂m, as `values`.
  public let gradients: UnsafeMutablePointer<Float>
  /// c, `[outputs]`.
  public let factors: FloatBuffer
  /// 1 / n, `[outputs]`; 0 where n is.
  public let inverseNorms: FloatBuffer
  /// ‖c ∘ v − W‖, the Frobenius norm of what the adapter changes the weight by.
  public private(set) var deltaNorm = 0.0

  private let outputs: Int
  // ‖W_j‖² of the weight that it was updated with, read once; and each row's share of `deltaNorm`².
  private var weightNorms: FloatBuffer?
  private weak var weight: WeightMatrix?
  private let deltas: FloatBuffer

  init(values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, outputs: Int) {
    self.values = values
    self.gradients = gradients
    self.outputs = outputs
    factors = FloatBuffer(count: outputs)
    inverseNorms = FloatBuffer(count: outputs)
    deltas = FloatBuffer(count: outputs)
  }

  /// Bytes it takes beside the adapter's flat buffers.
  var byteCount: Int { 4 * 4 * outputs }

  /// Memory for `update`, which modules take in turn.
  public final class Workspace: @unchecked Sendable {
    fileprivate private(set) var buffer = FloatBuffer(count: 0)
    fileprivate let stacks = LoRAStack.Workspace()

    /// Makes an empty one.
    public init() {}

    /// Bytes it takes.
    public var byteCount: Int { 4 * buffer.count + stacks.byteCount }

    fileprivate func reserve(_ count: Int) {
      if buffer.count < count { buffer = FloatBuffer(count: count) }
    }
  }

  /// Makes n and c those of the module's present numbers.
  ///
  /// - Parameters:
  ///   - module: the module that this is the magnitude of.
  ///   - weight: the layer's frozen weight, W.
  ///   - initializing: makes m equal to n, so that the layer's weight is v.
  func update(
    _ module: LoRAModule, weight: WeightMatrix, initializing: Bool, _ workspace: Workspace
  ) {
    let (rank, inputs, outputs) = (module.rank, module.inputs, outputs)
    if self.weight !== weight || weightNorms == nil {
      weightNorms = weight.squaredRowNorms()
      self.weight = weight
    }
    guard let weightNorms else { return }
    workspace.reserve(2 * rank * outputs + rank * rank)
    let base = workspace.buffer.base
    let a = Matrix(module.a, rows: rank, columns: inputs)
    // A Wᵀ, [rank, outputs]; A Aᵀ, [rank, rank]; B (A Aᵀ), [outputs, rank].
    let products = Matrix(base, rows: rank, columns: outputs)
    let gram = Matrix(base + rank * outputs, rows: rank, columns: rank)
    let turned = Matrix(gram.base + rank * rank, rows: outputs, columns: rank)
    WeightMatrix.forward(
      [WeightMatrix.Product(weight: weight, outputs: products)], a, streams: false)
    LoRAStack([module], workspace: workspace.stacks).project(a, module: 0, into: gram)
    let scale = Double(module.scale)
    Parallel.rows(outputs, block: 32) { [self] rows, _ in
      GEMM.multiply(
        m: rows.count, n: rank, k: rank, a: module.b + rows.lowerBound * rank, rsa: rank, csa: 1,
        b: gram.base, ldb: rank, c: turned.row(rows.lowerBound), ldc: rank)
      for row in rows {
        let (b, turned) = (module.b + row * rank, turned.row(row))
        var (cross, square) = (0.0, 0.0)
        for k in 0..<rank {
          cross += Double(b[k]) * Double(products.row(k)[row])
          square += Double(b[k]) * Double(turned[k])
        }
        (cross, square) = (scale * cross, max(0, scale * scale * square))
        let weightNorm = Double(weightNorms.base[row])
        let norm = max(0, weightNorm + 2 * cross + square).squareRoot()
        if initializing { values[row] = Float(norm) }
        let inverse = norm > 0 ? 1 / norm : 0
        let factor = Double(values[row]) * inverse
        inverseNorms.base[row] = Float(inverse)
        factors.base[row] = Float(factor)
        let excess = factor - 1
        deltas.base[row] = Float(
          max(
            0,
            excess * excess * weightNorm + 2 * excess * factor * cross + factor * factor * square))
      }
    }
    if weight.integer != nil { weight.releaseStoredPages() }
    deltaNorm = (0..<outputs).reduce(0.0) { $0 + Double(deltas.base[$1]) }.squareRoot()
  }
}

extension LoRAModule {
  /// Makes DoRA's norms those of the present A and B; nothing for a module without magnitudes.
  ///
  /// - Parameters:
  ///   - weight: the layer's frozen weight.
  ///   - initializing: sets the magnitudes so that they change nothing.
  public func updateMagnitude(
    weight: WeightMatrix, initializing: Bool = false, _ workspace: MagnitudeVector.Workspace
  ) {
    magnitude?.update(self, weight: weight, initializing: initializing, workspace)
  }

  /// Turns rows of the frozen weight into those of base and adapter together.
  ///
  /// - Parameters:
  ///   - range: the rows.
  ///   - weight: `[range.count, inputs]`, the frozen weight's rows; replaced.
  ///   - factor: multiplies the adapter's scale; 1 for a module with magnitudes.
  public func merge(rows range: Range<Int>, into weight: Matrix, factor: Float = 1) {
    addDelta(rows: range, to: weight, factor: factor)
    guard let magnitude else { return }
    for (index, row) in range.enumerated() {
      let (values, factor) = (weight.row(index), magnitude.factors.base[row])
      for column in 0..<inputs { values[column] *= factor }
    }
  }
}

extension LoRAAdapter {
  /// Whether its layers have magnitudes.
  public var hasMagnitudes: Bool { configuration.usesDoRA }

  /// Bytes that DoRA's norms take beside the parameters.
  public var magnitudeByteCount: Int { modules.reduce(0) { $0 + ($1.magnitude?.byteCount ?? 0) } }
}
