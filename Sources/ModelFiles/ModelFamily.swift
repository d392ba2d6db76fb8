import Serialization

/// A family of models that share tensors, settings and computation, described by data.
///
/// The two file formats name the same things differently; a family is the dictionary between them, and says
/// what its blocks compute beyond what the blocks of every family do.
struct ModelFamily: Sendable {
  /// What `general.architecture` says in GGUF.
  let ggufArchitecture: String
  /// The GGUF key, after `<architecture>.`, whose presence tells the family from another of that architecture.
  var ggufMark: String?
  /// What `model_type` says in config.json.
  let modelType: String
  /// What `architectures` says in config.json.
  let huggingFaceArchitecture: String
  /// Whether GGUF stores the rows of query and key projections permuted.
  let permutesQueryAndKey: Bool
  /// Tensors outside the layers.
  let outerTensors: [TensorName]
  /// Tensors of each layer, after `blk.N.` in GGUF and `model.layers.N.` in Hugging Face.
  let layerTensors: [TensorName]
  /// Whole numbers, after `<architecture>.` in GGUF.
  let wholeNumbers: [SettingName]
  /// Fractions, likewise.
  let fractions: [SettingName]
  /// Linear layers with biases.
  var biases: [Biases] = []
  /// Whether queries and keys are normalised head by head before they are rotated.
  var normalizesQueriesAndKeys = false
  /// Which blocks see no further back than `sliding_window`, where the family has such a window.
  var windows: Windows?
  /// Whether `no_rope_layers` says that some blocks do not rotate.
  var skipsRotation = false
  /// Whether blocks with a window rotate by a base of their own, `rope_local_base_freq`.
  var rotatesLocally = false
  /// The function of the MLP's gate.
  var activation = BlockSettings.Activation.silu
  /// What config.json calls it.
  var activationKey = "hidden_act"
  /// Whether what attention and the MLP come to is normalised before it is added to the stream.
  var normalizesOutputs = false
  /// What is added to the weights of norms that config.json's folder has; GGUF holds the sums.
  var normOffset: Float = 0
  /// Whether embeddings are multiplied by the root of `hidden_size`.
  var scalesEmbeddings = false
  /// What `query_pre_attn_scalar` is in GGUF; nil where attention's scores go by the size of a head.
  var queryScalar: QueryScalar?
  /// Whether `attn_logit_softcapping` bounds attention's scores.
  var capsAttention = false
  /// Whether `final_logit_softcapping` bounds the logits.
  var capsLogits = false
  /// Whether llama.cpp takes the embeddings for the head, whatever else a GGUF file holds, and refuses `output.weight`.
  var tiesHeadInGGUF = false
  /// What settings are where config.json does not name them, if it is not what they are in Llama.
  var defaults: JSONObject = [:]

  /// One tensor's two names.
  struct TensorName: Sendable {
    let gguf: String
    let huggingFace: String
    /// The setting that counts the heads its rows belong to, where GGUF permutes them.
    var headsKey: String?
  }

  /// One setting's two names.
  struct SettingName: Sendable {
    let gguf: String
    let huggingFace: String
    let isRequired: Bool
    /// Whether GGUF files made from a folder say it; some settings only newer llama.cpp looks for, so that models are
    /// refused whose value is not the one that it else takes.
    var isWritten = true
  }

  /// Linear layers that have a bias.
  struct Biases: Sendable {
    /// The setting that says so; nil where they always have one.
    let key: String?
    /// The layers, by the last part of their names.
    let linears: [String]
  }

  /// How a family says that blocks see a window of `sliding_window` tokens.
  struct Windows: Sendable {
    /// The flag that turns them on; nil where the number alone does.
    let flag: String?
    /// The blocks that have one.
    let blocks: Blocks
    /// Whether a model without a size is none.
    var isRequired = false

    /// Which blocks have a window where config.json has no `layer_types`.
    enum Blocks: Sendable {
      case all
      /// Those from `max_window_layers` on.
      case upper
      /// Those that do not rotate.
      case unrotated
      /// All but each whose number, counted from 1, is a multiple of `sliding_window_pattern`, or else of this.
      case allButEvery(Int)
    }

    /// The blocks that GGUF means, which has no list; nil where it has no windows.
    var ggufBlocks: BlockSettings.BlockSet? {
      switch blocks {
      case .all: .all
      case .allButEvery(let step): .allButEvery(step)
      case .upper, .unrotated: nil
      }
    }
  }

  /// How llama.cpp knows `query_pre_attn_scalar`, for which GGUF has no key.
  struct QueryScalar: Sendable {
    /// The one size of model for which it is `hidden_size` / `num_attention_heads`, by its number of blocks; for all
    /// others it is `head_dim`.
    let sharingBlockCount: Int

    /// The number for a model of this shape.
    func inGGUF(blockCount: Int, hiddenSize: Int, heads: Int, headSize: Int) -> Int {
      blockCount == sharingBlockCount && heads > 0 ? hiddenSize / heads : headSize
    }
  }
}

extension ModelFamily {
  /// The Hugging Face name of the GGUF tensor `name`, and the setting that counts its permuted heads.
  func huggingFaceName(ofGGUF name: String) -> (name: String, headsKey: String?)? {
    if let outer = outerTensors.first(where: { $0.gguf == name }) {
      return (outer.huggingFace, nil)
    }
    guard let (layer, rest) = Self.split(name, prefix: "blk."),
      let inner = layerTensors.first(where: { $0.gguf == rest })
    else { return nil }
    let headsKey = permutesQueryAndKey ? inner.headsKey : nil
    return ("model.layers.\(layer).\(inner.huggingFace)", headsKey)
  }

  /// The GGUF name of the Hugging Face tensor `name`, and the setting that counts its permuted heads.
  func ggufName(ofHuggingFace name: String) -> (name: String, headsKey: String?)? {
    if let outer = outerTensors.first(where: { $0.huggingFace == name }) {
      return (outer.gguf, nil)
    }
    guard let (layer, rest) = Self.split(name, prefix: "model.layers."),
      let inner = layerTensors.first(where: { $0.huggingFace == rest })
    else { return nil }
    return ("blk.\(layer).\(inner.gguf)", permutesQueryAndKey ? inner.headsKey : nil)
  }

  /// What is added to each value of the tensor `name`, by its Hugging Face name, in GGUF.
  func ggufOffset(ofHuggingFace name: String) -> Float {
    name.hasSuffix("norm.weight") ? normOffset : 0
  }

  /// The number and the rest of a name `<prefix>N.<rest>`, where N is written as a number is.
  private static func split(_ name: String, prefix: String) -> (layer: Int, rest: Substring)? {
    guard name.hasPrefix(prefix) else { return nil }
    let tail = name.dropFirst(prefix.count)
    guard let dot = tail.firstIndex(of: "."), let layer = Int(tail[..<dot]), layer >= 0,
      String(layer) == tail[..<dot]
    else { return nil }
    return (layer, tail[tail.index(after: dot)...])
  }
}
