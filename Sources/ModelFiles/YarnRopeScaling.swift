#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
internal import Serialization

/// YaRN: frequencies that turn often within the original length are kept, those that hardly turn are divided.
///
/// With `f_j` the plain frequency and `r_j` a ramp from 0 to 1 over the pairs of a head:
///
///     frequency_j = f_j · (1 − r_j) + f_j / factor · r_j
///
/// The ramp begins at the pair that turns `betaFast` times within the original length, and ends at the one that turns
/// `betaSlow` times. Rotated queries and keys are multiplied by the attention factor, 1 + ln(factor) / 10 unless given.
///
/// - SeeAlso: Peng et al. 2023, arXiv:2309.00071; `_compute_yarn_parameters` in Transformers.
public struct YarnRopeScaling: Sendable, Equatable {
  var factor: Double
  var originalContextLength: Int
  var betaFast: Double
  var betaSlow: Double
  /// Whether the ramp begins and ends at whole pairs.
  var truncates: Bool
  var attentionFactor: Double

  /// Reads the settings under `rope_scaling`.
  init(_ settings: RopeSettings) throws(ModelFileError) {
    originalContextLength = try settings.originalLength()
    factor = try settings.number(
      "factor", default: Double(settings.contextLength) / Double(originalContextLength))
    betaFast = try settings.number("beta_fast", default: 32)
    betaSlow = try settings.number("beta_slow", default: 1)
    truncates = settings.scaling["truncate"]?.boolValue ?? true
    var sharpness = Self.attentionFactor(factor)
    // Both or neither count, as in the reference.
    let scales = ["mscale", "mscale_all_dim"].compactMap { settings.scaling[$0]?.doubleValue }
    if scales.count == 2, scales.allSatisfy({ $0 > 0 && $0 < 0x1p40 }) {
      sharpness =
        Self.attentionFactor(factor, scales[0]) / Self.attentionFactor(factor, scales[1])
    }
    attentionFactor = try settings.number("attention_factor", default: sharpness)
  }

  /// What the attention factor is where it is not given.
  static func attentionFactor(_ factor: Double, _ scale: Double = 1) -> Double {
    factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
  }

  /// The frequencies that `plain` become.
  func frequencies(_ plain: [Float], theta: Double) -> [Float] {
    let size = Double(2 * plain.count)
    func pair(turning turns: Double) -> Double {
      size * log(Double(originalContextLength) / (turns * 2 * .pi)) / (2 * log(theta))
    }
    var (low, high) = (pair(turning: betaFast), pair(turning: betaSlow))
    if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, size - 1))
    if low == high { high += 0.001 }
    return plain.enumerated().map { index, frequency in
      let ramp = min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
      return frequency / Float(factor) * ramp + frequency * (1 - ramp)
    }
  }
}
