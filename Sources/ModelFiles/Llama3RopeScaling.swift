#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Serialization

/// The way Llama 3.1 and later stretch RoPE: long wavelengths by a factor, short ones not at all.
///
/// Hugging Face's config.json has the settings; GGUF has the resulting divisor of each frequency in
/// the tensor `rope_freqs.weight`.
///
/// - SeeAlso: `_compute_llama3_parameters` in Transformers; `generate_extra_tensors` in llama.cpp's
///   `convert_hf_to_gguf.py`.
public struct Llama3RopeScaling: Sendable, Equatable {
  var factor: Double
  var lowFrequencyFactor = 1.0
  var highFrequencyFactor = 4.0
  var originalContextLength = 8_192

  init(factor: Double) {
    self.factor = factor
  }

  /// Reads the settings under `rope_scaling`.
  init(_ settings: RopeSettings) throws(ModelFileError) {
    factor = try settings.number("factor")
    lowFrequencyFactor = try settings.number("low_freq_factor", default: lowFrequencyFactor)
    highFrequencyFactor = try settings.number("high_freq_factor", default: highFrequencyFactor)
    originalContextLength = try settings.originalLength()
    guard highFrequencyFactor > lowFrequencyFactor else {
      throw settings.malformed(
        "high_freq_factor",
        "is \(highFrequencyFactor), not above low_freq_factor, \(lowFrequencyFactor)")
    }
  }

  /// The settings as Hugging Face writes them.
  var configuration: JSONObject {
    [
      "factor": .number(factor), "high_freq_factor": .number(highFrequencyFactor),
      "low_freq_factor": .number(lowFrequencyFactor),
      "original_max_position_embeddings": .integer(originalContextLength), "rope_type": "llama3",
    ]
  }

  /// What each of the `headSize / 2` frequencies is divided by.
  ///
  /// Frequencies are rounded to single precision where the reference rounds them.
  func factors(headSize: Int, theta: Double) -> [Float] {
    let length = Double(originalContextLength)
    return stride(from: 0, to: headSize, by: 2).map { index in
      let exponent = Float(index) / Float(headSize)
      let frequency = Double(1 / powf(Float(theta), exponent))
      let wavelength = 2 * Double.pi / frequency
      if wavelength < length / highFrequencyFactor { return 1 }
      if wavelength > length / lowFrequencyFactor { return Float(factor) }
      let smooth =
        (length / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
      return Float(1 / ((1 - smooth) / factor + smooth))
    }
  }
}
