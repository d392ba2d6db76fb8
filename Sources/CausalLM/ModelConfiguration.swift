public import ModelFiles
public import Serialization

/// The shape of a decoder-only transformer, from the keys of a Hugging Face `config.json`.
public struct ModelConfiguration: Sendable, Equatable {
  /// Width of the residual stream: `hidden_size`.
  public var hiddenSize: Int
  /// Width of the MLP: `intermediate_size`.
  public var intermediateSize: Int
  /// Number of blocks: `num_hidden_layers`.
  public var layerCount: Int
  /// Query heads: `num_attention_heads`.
  public var headCount: Int
  /// Key/value heads: `num_key_value_heads`.
  public var keyValueHeadCount: Int
  /// Numbers in a head: `head_dim`.
  public var headDimension: Int
  /// Tokens in the vocabulary: `vocab_size`.
  public var vocabularySize: Int
  /// Base of the rotary embedding: `rope_theta`.
  public var ropeTheta: Double
  /// Added to the mean square in norms: `rms_norm_eps`.
  public var rmsNormEpsilon: Float
  /// Whether the head is the embedding matrix: `tie_word_embeddings`.
  public var isTied: Bool
  /// Tokens that the model was made for: `max_position_embeddings`.
  public var maximumPositions: Int
  /// What the blocks compute beyond their shapes.
  public var blocks: BlockSettings

  /// Width of all query heads together.
  public var queryWidth: Int { headCount * headDimension }
  /// Width of all key heads together.
  public var keyValueWidth: Int { keyValueHeadCount * headDimension }

  /// Factor on attention's scores.
  public var attentionScale: Float {
    blocks.queryScalar.map { Float(1 / $0.squareRoot()) }
      ?? 1 / Float(headDimension).squareRoot()
  }

  /// Largest value accepted for any size, so that products of sizes cannot overflow.
  private static let largestSize = 1 << 24

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - json: the object of a `config.json`.
  ///   - blocks: what it says of the blocks.
  ///   - path: what errors call the file.
  /// - Throws: `ModelError` for a missing, impossible or unsupported value.
  public init(_ json: JSONObject, blocks: BlockSettings, path: String) throws(ModelError) {
    self.blocks = blocks
    func size(_ key: String, default fallback: Int? = nil) throws(ModelError) -> Int {
      guard let value = json[key], value != .null else {
        if let fallback { return fallback }
        throw .badConfiguration(
          path: path, reason: "\(key) is missing; the model's configuration is incomplete")
      }
      guard let number = value.intValue, number > 0, number <= Self.largestSize else {
        throw .badConfiguration(
          path: path,
          reason:
            "\(key) is \(value.serialized()), expected a whole number from 1 to \(Self.largestSize)"
        )
      }
      return number
    }
    func number(_ key: String, in object: JSONObject, default fallback: Double) throws(ModelError)
      -> Double
    {
      guard let value = object[key], value != .null else { return fallback }
      guard let number = value.doubleValue, number.isFinite, number > 0 else {
        throw .badConfiguration(
          path: path, reason: "\(key) is \(value.serialized()), expected a number above 0")
      }
      return number
    }
    hiddenSize = try size("hidden_size")
    intermediateSize = try size("intermediate_size")
    layerCount = try size("num_hidden_layers")
    headCount = try size("num_attention_heads")
    keyValueHeadCount = try size("num_key_value_heads", default: headCount)
    guard hiddenSize % headCount == 0 || json["head_dim"]?.intValue != nil else {
      throw .badConfiguration(
        path: path,
        reason: "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)")
    }
    headDimension = try size("head_dim", default: hiddenSize / headCount)
    vocabularySize = try size("vocab_size")
    maximumPositions = try size("max_position_embeddings", default: 2048)
    guard headCount % keyValueHeadCount == 0 else {
      throw .badConfiguration(
        path: path,
        reason:
          "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyValueHeadCount)"
      )
    }
    guard headDimension % 2 == 0 else {
      throw .badConfiguration(
        path: path, reason: "head_dim \(headDimension) is odd, and rotary embedding needs pairs")
    }
    // Transformers 5 nests the rotary settings, 4 kept them at the top.
    let rope = json["rope_parameters"]?.objectValue ?? json["rope_scaling"]?.objectValue
    ropeTheta = try number(
      "rope_theta", in: rope?["rope_theta"] != nil ? rope ?? json : json, default: 10_000)
    rmsNormEpsilon = Float(try number("rms_norm_eps", in: json, default: 1e-6))
    isTied = json["tie_word_embeddings"]?.boolValue ?? false
  }
}
