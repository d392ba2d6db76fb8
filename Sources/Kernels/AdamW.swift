internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// AdamW: Adam with decoupled weight decay, in PyTorch's order of operations.
///
/// - SeeAlso: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", arXiv:1711.05101.
public enum AdamW {
  /// The settings of one update, in double: the complements of the decays, 1 − 0.999, lose too much in Float.
  public struct Settings: Sendable, Equatable {
    /// Step length.
    public var learningRate: Double
    /// Decay of the first moment.
    public var beta1: Double
    /// Decay of the second moment.
    public var beta2: Double
    /// Added to the root of the second moment.
    public var epsilon: Double
    /// Decoupled weight decay.
    public var weightDecay: Double

    /// Makes the settings of one update.
    public init(
      learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
    }
  }

  private static let block = 16_384

  /// A part of a flat buffer: `rows` stretches of `columns` numbers each, which begin `stride` apart.
  public struct Region: Sendable, Equatable {
    /// Where the first stretch begins.
    public var offset: Int
    /// How many stretches there are.
    public var rows: Int
    /// Numbers of each.
    public var columns: Int
    /// From the beginning of one to that of the next.
    public var stride: Int

    /// Describes a part.
    public init(offset: Int, rows: Int = 1, columns: Int, stride: Int = 0) {
      self.offset = offset
      self.rows = rows
      self.columns = columns
      self.stride = stride
    }
  }

  /// Updates `parameters` and both moments in place.
  ///
  /// - Parameters:
  ///   - step: the number of this update, from 1, for the bias correction.
  ///   - region: what to update; nil for everything.
  ///   - gradientScale: multiplies every gradient first (clipping).
  public static func update(
    _ parameters: FloatBuffer, gradients: FloatBuffer, firstMoment: FloatBuffer,
    secondMoment: FloatBuffer,
    step: Int, settings: Settings, region: Region? = nil, gradientScale: Float = 1,
    path: KernelPath = .active
  ) {
    let kept = Float(1 - settings.learningRate * settings.weightDecay)
    let (complement1, complement2) = (Float(1 - settings.beta1), Float(1 - settings.beta2))
    let (beta2, epsilon) = (Float(settings.beta2), Float(settings.epsilon))
    let stepSize = Float(settings.learningRate / (1 - pow(settings.beta1, Double(step))))
    let rootCorrection = Float((1 - pow(settings.beta2, Double(step))).squareRoot())
    let region = region ?? Region(offset: 0, columns: parameters.count)
    @Sendable func update(_ o: Int, _ count: Int) {
      let n = Int64(count)
      let (g, m, v, p) = (
        gradients.base + o, firstMoment.base + o, secondMoment.base + o, parameters.base + o
      )
      switch path {
      case .avx512:
        lk_adamw_avx512(
          n, kept, complement1, beta2, complement2, epsilon, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      case .avx2:
        lk_adamw_avx2(
          n, kept, complement1, beta2, complement2, epsilon, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      case .baseline:
        lk_adamw_baseline(
          n, kept, complement1, beta2, complement2, epsilon, stepSize, rootCorrection,
          gradientScale, g, m, v, p)
      }
    }
    if region.rows == 1 {
      Parallel.rows(region.columns, block: block) { range, _ in
        update(region.offset + range.lowerBound, range.count)
      }
    } else {
      Parallel.rows(region.rows, block: max(1, block / max(1, region.columns))) { rows, _ in
        for row in rows { update(region.offset + row * region.stride, region.columns) }
      }
    }
  }

  /// The Euclidean norm of `values`, summed in double in a fixed order.
  public static func norm(_ values: FloatBuffer) -> Double {
    let parts = 64
    let size = (values.count + parts - 1) / parts
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
      sums.initialize(repeating: 0)
      let base = UncheckedPointer(sums.baseAddress)
      Parallel.run(parts) { part, _ in
        var sum = 0.0
        for index in min(part * size, values.count)..<min((part + 1) * size, values.count) {
          sum += Double(values.base[index]) * Double(values.base[index])
        }
        base.pointer?[part] = sum
      }
      return sums.reduce(0, +).squareRoot()
    }
  }
}

/// Carries a pointer into tasks that write disjoint elements.
struct UncheckedPointer<Element>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Element>?
  init(_ pointer: UnsafeMutablePointer<Element>?) { self.pointer = pointer }
}
