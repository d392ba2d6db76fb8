internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// AdamW: Adam with decoupled weight decay, in PyTorch's order of operations.
///
/// - SeeAlso: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
public enum AdamW {
  /// The settings of one update.
  public struct Settings: Sendable, Equatable {
    /// Step length.
    public var learningRate: Float
    /// Decay of the first moment.
    public var beta1: Float
    /// Decay of the second moment.
    public var beta2: Float
    /// Added to the root of the second moment.
    public var epsilon: Float
    /// Decoupled weight decay.
    public var weightDecay: Float

    /// Makes the settings of one update.
    public init(learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  private static let block = 16_384

  /// Updates `parameters` and both moments in place.
  ///
  /// - Parameters:
  ///   - step: the number of this update, from 1, for the bias correction.
  ///   - gradientScale: multiplies every gradient first (clipping).
  public static func update(
    _ parameters: FloatBuffer, gradients: FloatBuffer, firstMoment: FloatBuffer, secondMoment: FloatBuffer,
    step: Int, settings: Settings, gradientScale: Float = 1, path: KernelPath = .active
  ) {
    let stepSize = Float(Double(settings.learningRate) / (1 - pow(Double(settings.beta1), Double(step))))
    let rootCorrection = Float((1 - pow(Double(settings.beta2), Double(step))).squareRoot())
    Parallel.rows(parameters.count, block: block) { range, _ in
      let (n, o) = (Int64(range.count), range.lowerBound)
      let (g, m, v, p) = (
        gradients.base + o, firstMoment.base + o, secondMoment.base + o, parameters.base + o
      )
      let s = settings
      switch path {
      case .avx512:
        lk_adamw_avx512(
          n, s.learningRate, s.beta1, s.beta2, s.epsilon, s.weightDecay, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      case .avx2:
        lk_adamw_avx2(
          n, s.learningRate, s.beta1, s.beta2, s.epsilon, s.weightDecay, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      case .baseline:
        lk_adamw_baseline(
          n, s.learningRate, s.beta1, s.beta2, s.epsilon, s.weightDecay, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      }
    }
  }

  /// The Euclidean norm of `values`, summed in double in a fixed order.
  public static func norm(_ values: FloatBuffer) -> Double {
    let blocks = (values.count + block - 1) / block
    var sums = [Double](repeating: 0, count: blocks)
    sums.withUnsafeMutableBufferPointer { sums in
      let base = UncheckedPointer(sums.baseAddress)
      Parallel.rows(values.count, block: block) { range, _ in
        var sum = 0.0
        for index in range { sum += Double(values.base[index]) * Double(values.base[index]) }
        base.pointer?[range.lowerBound / block] = sum
      }
    }
    return sums.reduce(0, +).squareRoot()
  }
}

/// Carries a pointer into tasks that write disjoint elements.
struct UncheckedPointer<Element>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Element>?
  init(_ pointer: UnsafeMutablePointer<Element>?) { self.pointer = pointer }
}
