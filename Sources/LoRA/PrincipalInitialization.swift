internal import Kernels
public import Quantization

#if canImport(Glibc)
  import Glibc
#endif

/// PiSSA: an adapter that begins as the principal part of the weight, and a base that is what is left.
///
///     W = U S Vᵀ,   A₀ = √(S_r / scale) V_rᵀ,   B₀ = U_r √(S_r / scale)
///     y = (W − scale · B₀ A₀) x + scale · B (A x)
///
/// W itself stays as it is, in whatever form it is kept: the residual is W with a frozen low-rank term, so that
///
///     y = W x + scale · [B  −B₀] [A; A₀] x
///
/// is plain LoRA of twice the rank, of which half learns. That is what PEFT makes of a PiSSA adapter when it is to be
/// used with the base as it was, and what is saved, merged and exported here.
///
/// - SeeAlso: Meng et al. 2024, "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language
///   Models", arXiv:2404.02948.
extension LoRAAdapter {
  /// Sets A and B of every module to the principal part of its weight, and the frozen halves to take it off again.
  ///
  /// - Parameters:
  ///   - weight: the frozen weight of a layer by its path.
  ///   - progress: hears of each layer that is done.
  /// - Throws: `LoRAError.lapackMissing`, `.rankBeyondWeight`, or `.noDecomposition` for a weight that is not finite.
  public func initializePrincipal(
    weight: (_ name: String) -> WeightMatrix?, progress: (_ done: Int, _ of: Int) -> Void
  ) throws(LoRAError) {
    for module in modules {
      let limit = min(module.inputs, module.outputs)
      guard module.learningRank <= limit else {
        throw .rankBeyondWeight(name: module.name, rank: module.learningRank, limit: limit)
      }
    }
    let decomposition = try SingularValues()
    let weights = modules.map { weight($0.name) }
    let largest = modules.reduce(0) { max($0, $1.inputs * $1.outputs) }
    let buffers = (0..<Parallel.threads).map { _ in FloatBuffer(count: largest) }
    let failures = FloatBuffer(count: modules.count)
    // Each decomposition is one thread's; between batches there is time to say how far it is.
    let batch = 4 * buffers.count
    for first in stride(from: 0, to: modules.count, by: batch) {
      let count = min(batch, modules.count - first)
      Parallel.run(count) { task, worker in
        let (module, matrix) = (modules[first + task], buffers[worker].base)
        guard let weight = weights[first + task] else { return }
        weight.read(0..<module.outputs, into: matrix)
        let isFound = decomposition.decompose(
          matrix, rows: module.outputs, columns: module.inputs
        ) { values, right, left, stride in
          module.setPrincipal(values, right: right, left: left, leftStride: stride)
        }
        if !isFound || !module.isFinite { failures.base[first + task] = 1 }
      }
      for index in first..<first + count where failures.base[index] != 0 {
        throw .noDecomposition(name: modules[index].name)
      }
      progress(first + count, modules.count)
    }
  }

  /// Clears the gradients of what does not learn.
  public func clearFrozenGradients() {
    guard learnsHalf else { return }
    for module in modules {
      let (learning, rank) = (module.learningRank, module.rank)
      (module.gradA + learning * module.inputs).update(
        repeating: 0, count: (rank - learning) * module.inputs)
      for row in 0..<module.outputs {
        (module.gradB + row * rank + learning).update(repeating: 0, count: rank - learning)
      }
    }
  }
}

extension LoRAModule {
  /// Columns of B that learn, the first of them.
  var learningRank: Int { learnsHalf ? rank / 2 : rank }

  fileprivate var isFinite: Bool {
    (0..<rank * inputs).allSatisfy { a[$0].isFinite }
      && (0..<rank * outputs).allSatisfy { b[$0].isFinite }
  }

  fileprivate func setPrincipal(
    _ values: UnsafePointer<Float>, right: UnsafePointer<Float>, left: UnsafePointer<Float>,
    leftStride: Int
  ) {
    let learning = learningRank
    for index in 0..<learning {
      let root = (values[index] / scale).squareRoot()
      for column in 0..<inputs {
        let value = root * right[index * inputs + column]
        a[index * inputs + column] = value
        a[(learning + index) * inputs + column] = value
      }
      for row in 0..<outputs {
        let value = root * left[row * leftStride + index]
        b[row * rank + index] = value
        b[row * rank + learning + index] = -value
      }
    }
  }
}

extension LoRAConfiguration {
  /// The configuration of the plain adapter that a PiSSA adapter is: twice the rank, and the same scale.
  public var doubled: LoRAConfiguration {
    var result = self
    let factor = isRankStabilized ? 2.0.squareRoot() : 2
    result.rank *= 2
    result.alpha *= factor
    result.rankOverrides = rankOverrides.map { .init(pattern: $0.pattern, value: $0.value * 2) }
    result.alphaOverrides = alphaOverrides.map {
      .init(pattern: $0.pattern, value: $0.value * factor)
    }
    return result
  }
}
