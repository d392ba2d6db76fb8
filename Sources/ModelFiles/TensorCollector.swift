import Quantization
import Serialization

/// Gathers the tensors of a model under their Hugging Face names, refusing what a family has no use for.
///
/// A tensor that were merely ignored could be one that changes what the model computes.
struct TensorCollector {
  private(set) var names: [String] = []
  private(set) var tensors: [String: StoredTensor] = [:]
  private let family: ModelFamily
  private let configuration: JSONObject

  init(family: ModelFamily, configuration: JSONObject) {
    self.family = family
    self.configuration = configuration
  }

  /// Adds a tensor with a GGUF name.
  mutating func addGGUF(
    _ tensor: TensorDescription, in file: MappedFile
  ) throws(ModelFileError) {
    // Its contents are in the configuration as `rope_scaling`.
    if tensor.name == "rope_freqs.weight" { return }
    guard let (name, headsKey) = family.huggingFaceName(ofGGUF: tensor.name) else {
      throw stranger(tensor, file)
    }
    var heads: Int?
    if let headsKey, let count = configuration[headsKey]?.intValue {
      // Both factors are bounded by the configuration's check, so the product fits.
      let rows = count * (configuration["head_dim"]?.intValue ?? 0)
      guard tensor.shape.first == rows else {
        throw .malformed(
          path: file.path, place: "tensor \(tensor.name)",
          problem: "has the shape \(tensor.shape), but the metadata call for \(rows) rows")
      }
      heads = count
    }
    try add(
      tensor, as: name, heads: heads, offset: family.ggufOffset(ofHuggingFace: name), in: file)
  }

  /// Adds a tensor with a Hugging Face name.
  mutating func addHuggingFace(
    _ tensor: TensorDescription, in file: MappedFile
  ) throws(ModelFileError) {
    // A constant that old versions of Transformers saved; it follows from the configuration.
    if tensor.name.hasSuffix(".rotary_emb.inv_freq") { return }
    guard family.ggufName(ofHuggingFace: tensor.name) != nil else { throw stranger(tensor, file) }
    // A tied head is the embedding, whatever else a file holds: so does Transformers read it.
    if tensor.name == "lm_head.weight", configuration["tie_word_embeddings"]?.boolValue == true {
      return
    }
    try add(tensor, as: tensor.name, heads: nil, in: file)
  }

  private mutating func add(
    _ tensor: TensorDescription, as name: String, heads: Int?, offset: Float = 0,
    in file: MappedFile
  ) throws(ModelFileError) {
    guard let storage = tensor.type.storage else {
      throw .unsupported(
        path: file.path,
        problem: "tensor \(tensor.name) is stored as \(tensor.type.name), "
          + "which Lorikeet cannot compute with",
        remedy: "use a model stored as one of these: \(TensorType.supportedNames)")
    }
    guard tensors[name] == nil else {
      throw .malformed(
        path: file.path, place: "tensor \(tensor.name)", problem: "occurs in another file too")
    }
    names.append(name)
    tensors[name] = StoredTensor(
      name: name, shape: tensor.shape, type: storage, rowPermutationHeads: heads,
      valueOffset: offset, file: file, byteOffset: tensor.byteOffset, byteCount: tensor.byteCount)
  }

  private func stranger(_ tensor: TensorDescription, _ file: MappedFile) -> ModelFileError {
    .unsupported(
      path: file.path,
      problem: "tensor \(tensor.name) is no part of a \(family.modelType) model",
      remedy: "use a plain \(family.modelType) model")
  }
}
