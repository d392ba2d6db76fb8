internal import CMicroKernels

#if canImport(Glibc)
  import Glibc
#endif

/// Rotary position embedding in Hugging Face's rotate-half form.
///
/// With `θ_j = position · frequency_j`, and `frequency_j = base^(−2j / headDimension)` unless a model stretches it, the
/// pair `(x_j, x_{j + half})` of each head turns by `θ_j` and, in YaRN, grows by the attention factor. Its gradient is
/// turned back and grows likewise, so one routine serves both directions.
///
/// - SeeAlso: Su et al. 2021, "RoFormer", arXiv:2104.09864.
public final class RotaryEmbedding: @unchecked Sendable {
  private static let block = 16

  /// Numbers in a head, an even count.
  public let headDimension: Int
  /// Angles per unit of position, `[headDimension / 2]`.
  private let frequencies: [Float]
  private let attentionFactor: Float
  // Tables of `[positions, headDimension / 2]`, grown on the one thread that runs the model.
  private var cosine = FloatBuffer(count: 0)
  private var sine = FloatBuffer(count: 0)
  private var positions = 0

  /// Prepares rotations for heads of `headDimension` numbers with the model's `base` (`rope_theta`).
  public convenience init(headDimension: Int, base: Double) {
    self.init(
      frequencies: (0..<headDimension / 2).map { j in
        // Transformers forms these in f32: the exponent first, then the power, then its inverse.
        1 / powf(Float(base), Float(2 * j) / Float(headDimension))
      })
  }

  /// Prepares rotations for heads of twice as many numbers as there are frequencies.
  ///
  /// - Parameters:
  ///   - frequencies: angles per unit of position, `[headDimension / 2]`.
  ///   - attentionFactor: what a rotated pair is multiplied by.
  public init(frequencies: [Float], attentionFactor: Float = 1) {
    headDimension = 2 * frequencies.count
    self.frequencies = frequencies
    self.attentionFactor = attentionFactor
  }

  /// Makes sure the tables reach `count` positions.
  public func reserve(positions count: Int) {
    guard count > positions else { return }
    let capacity = max(count, 2 * positions, 256)
    let half = headDimension / 2
    cosine = FloatBuffer(count: capacity * half)
    sine = FloatBuffer(count: capacity * half)
    for position in 0..<capacity {
      for j in 0..<half {
        // The angle is an f32 product, as in the reference; its cosine is taken in double and rounded once.
        let angle = Double(Float(position) * frequencies[j])
        cosine.base[position * half + j] = Float(cos(angle)) * attentionFactor
        sine.base[position * half + j] = Float(sin(angle)) * attentionFactor
      }
    }
    positions = capacity
  }

  /// Rotates every head of every row in place.
  ///
  /// - Parameters:
  ///   - x: `[tokens, heads · headDimension]`.
  ///   - positions: `[tokens]`; `reserve(positions:)` must have covered the largest.
  ///   - inverse: turns back, as the backward pass needs.
  public func rotate(
    _ x: Matrix, positions: UnsafePointer<Int32>, inverse: Bool = false, path: KernelPath = .active
  ) {
    let half = headDimension / 2
    let heads = x.columns / headDimension
    let sign: Float = inverse ? -1 : 1
    let (cosine, sine) = (self.cosine, self.sine)
    Parallel.rows(x.rows, block: Self.block) { rows, _ in
      for row in rows {
        let c = cosine.base + Int(positions[row]) * half
        let s = sine.base + Int(positions[row]) * half
        for head in 0..<heads {
          let values = x.row(row) + head * self.headDimension
          switch path {
          case .avx512: lk_rotate_avx512(Int64(half), sign, c, s, values)
          case .avx2: lk_rotate_avx2(Int64(half), sign, c, s, values)
          case .baseline: lk_rotate_baseline(Int64(half), sign, c, s, values)
          }
        }
      }
    }
  }
}
