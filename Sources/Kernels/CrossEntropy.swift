internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Softmax cross-entropy over rows of logits, with a weight for each row.
///
///     loss_i = log Σ_v exp(logit_iv) − logit_i,target          in nats
///     ∂(Σ weight_i · loss_i · scale)/∂logit_iv = weight_i · scale · (softmax_iv − [v = target])
public enum CrossEntropy {
  /// What a row of logits says about its target.
  public struct RowResult: Sendable {
    /// Negative log-likelihood of the target in nats.
    public var loss: Float = 0
    /// Whether the target has the largest logit.
    public var isCorrect = false
    /// Makes an empty result.
    public init() {}
  }

  /// Computes every row's loss and, where `gradientScales` is given, replaces the logits by their gradient.
  ///
  /// - Parameters:
  ///   - logits: `[rows, vocabulary]`.
  ///   - targets: `[rows]`.
  ///   - gradientScales: `[rows]`, `weight · scale`; nil leaves the logits as they are.
  ///   - results: `[rows]`, overwritten.
  public static func evaluate(
    _ logits: Matrix, targets: UnsafePointer<Int32>, gradientScales: UnsafePointer<Float>?,
    results: UnsafeMutablePointer<RowResult>, path: KernelPath = .active
  ) {
    let n = logits.columns
    let results = UncheckedPointer(results)
    Parallel.run(logits.rows) { row, _ in
      let x = logits.row(row)
      let target = Int(targets[row])
      let targetLogit = x[target]
      let largest = VectorMath.max(n, x, path)
      let logSum = largest + logf(VectorMath.sumExp(n, shift: largest, x, path))
      var result = RowResult()
      result.loss = logSum - targetLogit
      result.isCorrect = targetLogit == largest
      results.pointer?[row] = result
      if let scale = gradientScales?[row] {
        VectorMath.scaledExp(n, scale, shift: logSum, x, path)
        x[target] -= scale
      }
    }
  }
}
