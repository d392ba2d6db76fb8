internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Softmax cross-entropy over rows of logits, with a weight for each target.
///
///     loss_ij = log Σ_v exp(logit_iv) − logit_i,target_j          in nats
///     ∂(Σ weight_ij · loss_ij · scale)/∂logit_iv = Σ_j weight_ij · scale · (softmax_iv − [v = target_j])
///
/// With label smoothing ε a target's distribution is a mixture of the target and the uniform one:
///
///     loss_ij = log Σ_v exp(logit_iv) − (1 − ε) · logit_i,target_j − ε · mean_v(logit_iv)
///     ∂loss_ij/∂logit_iv = softmax_iv − (1 − ε) · [v = target_j] − ε / vocabulary
///
/// A model may bound its logits, `logit = cap · tanh(y / cap)`; the gradient is then that by `y`, which has the factor
/// `1 − (logit / cap)²`.
///
/// A row has one target, or, where examples share their beginning and go on differently, several.
///
/// - SeeAlso: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567,
///   section 7, for the smoothing; Transformers' `LabelSmoother` has the same numbers.
public enum CrossEntropy {
  /// What a row of logits says about a target.
  public struct RowResult: Sendable {
    /// Negative log-likelihood of the target in nats, smoothed where that was asked for.
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
  ///   - smoothing: ε; 0 for the plain loss.
  ///   - results: `[targets]`, overwritten.
  public static func evaluate(
    _ logits: Matrix, firstTargets: UnsafePointer<Int>? = nil, targets: UnsafePointer<Int32>,
    gradientScales: UnsafePointer<Float>?, softCap: Float? = nil, smoothing: Float = 0,
    results: UnsafeMutablePointer<RowResult>, path: KernelPath = .active
  ) {
    let n = logits.columns
    let results = UncheckedPointer(results)
    Parallel.run(logits.rows) { row, _ in
      let x = logits.row(row)
      let range = firstTargets.map { $0[row]..<$0[row + 1] } ?? row..<row + 1
      let largest = VectorMath.max(n, x, path)
      let exponentials: Float
      // How far the mean logit is below the largest.
      var meanGap: Float = 0
      if smoothing > 0 {
        let sums = VectorMath.sumExpAndSum(n, shift: largest, x, path)
        exponentials = sums.exponentials
        meanGap = -sums.values / Float(n)
      } else {
        exponentials = VectorMath.sumExp(n, shift: largest, x, path)
      }
      let logSum = largest + logf(exponentials)
      var scale: Float = 0
      for index in range {
        let targetLogit = x[Int(targets[index])]
        var result = RowResult()
        result.loss = logSum - targetLogit
        if smoothing > 0 {
          result.loss = (1 - smoothing) * result.loss + smoothing * (logSum - largest + meanGap)
        }
        result.isCorrect = targetLogit == largest
        if let softCap { result.slope = 1 - (targetLogit / softCap) * (targetLogit / softCap) }
        results.pointer?[index] = result
        scale += gradientScales?[index] ?? 0
      }
      guard let gradientScales else { return }
      let even = scale * smoothing / Float(n)
      if let softCap {
        VectorMath.cappedScaledExp(n, scale, shift: logSum, minus: even, cap: softCap, x, path)
        for index in range {
          x[Int(targets[index])] -=
            (1 - smoothing) * gradientScales[index] * (results.pointer?[index].slope ?? 1)
        }
        return
      }
      guard smoothing > 0 else {
        VectorMath.scaledExp(n, scale, shift: logSum, x, path)
        for index in range { x[Int(targets[index])] -= gradientScales[index] }
        return
      }
      VectorMath.scaledExp(n, scale, shift: logSum, minus: even, x, path)
      for index in range {
        x[Int(targets[index])] -= (1 - smoothing) * gradientScales[index]
      }
    }
  }
}
