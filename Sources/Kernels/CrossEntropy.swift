internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Softmax cross-entropy over rows of logits, with a weight for each target.
///
///     loss_ij = log Σ_v exp(logit_iv) − logit_i,target_j          in nats
///     ∂(Σ weight_ij · loss_ij · scale)/∂logit_iv = Σ_j weight_ij · scale · (softmax_iv − [v = target_j])
///
/// A model may bound its logits, `logit = cap · tanh(y / cap)`; the gradient is then that by `y`, which has the factor
/// `1 − (logit / cap)²`.
///
/// A row has one target, or, where examples share their beginning and go on differently, several.
public enum CrossEntropy {
  /// What a row of logits says about a target.
  public struct RowResult: Sendable {
    /// Negative log-likelihood of the target in nats.
    public var loss: Float = 0
    /// Whether the target has the largest logit.
    public var isCorrect = false
    // ∂logit/∂y of the target; 1 where logits are not bounded.
    var slope: Float = 1
    /// Makes an empty result.
    public init() {}
  }

  /// Computes every target's loss and, where `gradientScales` is given, replaces the logits by their gradient.
  ///
  /// - Parameters:
  ///   - logits: `[rows, vocabulary]`.
  ///   - firstTargets: `[rows + 1]`, where each row's targets begin and the last's end; nil for one a row.
  ///   - targets: `[targets]`, row by row.
  ///   - gradientScales: `[targets]`, `weight · scale`; nil leaves the logits as they are.
  ///   - softCap: what the logits were bounded to; nil where they were not.
  ///   - results: `[targets]`, overwritten.
  public static func evaluate(
    _ logits: Matrix, firstTargets: UnsafePointer<Int>? = nil, targets: UnsafePointer<Int32>,
    gradientScales: UnsafePointer<Float>?, softCap: Float? = nil,
    results: UnsafeMutablePointer<RowResult>, path: KernelPath = .active
  ) {
    let n = logits.columns
    let results = UncheckedPointer(results)
    Parallel.run(logits.rows) { row, _ in
      let x = logits.row(row)
      let range = firstTargets.map { $0[row]..<$0[row + 1] } ?? row..<row + 1
      let largest = VectorMath.max(n, x, path)
      let logSum = largest + logf(VectorMath.sumExp(n, shift: largest, x, path))
      var scale: Float = 0
      for index in range {
        let targetLogit = x[Int(targets[index])]
        var result = RowResult()
        result.loss = logSum - targetLogit
        result.isCorrect = targetLogit == largest
        if let softCap { result.slope = 1 - (targetLogit / softCap) * (targetLogit / softCap) }
        results.pointer?[index] = result
        scale += gradientScales?[index] ?? 0
      }
      guard let gradientScales else { return }
      if let softCap {
        VectorMath.cappedScaledExp(n, scale, shift: logSum, cap: softCap, x, path)
        for index in range {
          x[Int(targets[index])] -= gradientScales[index] * (results.pointer?[index].slope ?? 1)
        }
        return
      }
      VectorMath.scaledExp(n, scale, shift: logSum, x, path)
      for index in range { x[Int(targets[index])] -= gradientScales[index] }
    }
  }
}
