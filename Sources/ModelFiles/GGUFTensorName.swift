import Serialization

/// What GGUF calls a tensor of a model, and in which order it keeps the tensor's rows.
public struct GGUFTensorName: Sendable, Equatable {
  /// What `general.architecture` says in files of such a model, such as `llama`.
  public let architecture: String
  /// The tensor's name, such as `blk.0.attn_q.weight`.
  public let name: String
  /// The number of heads whose rows GGUF permutes, or nil where it keeps Hugging Face's order.
  ///
  /// - SeeAlso: ``RowPermutation``.
  public let rowPermutationHeads: Int?

  /// Names a tensor.
  public init(architecture: String, name: String, rowPermutationHeads: Int? = nil) {
    self.architecture = architecture
    self.name = name
    self.rowPermutationHeads = rowPermutationHeads
  }
}

extension ModelFile {
  /// What GGUF calls the tensor with the Hugging Face name `name`, whichever format the model is kept in; nil where
  /// it has no name for it.
  public func ggufName(of name: String) -> GGUFTensorName? {
    guard let (ggufName, headsKey) = family.ggufName(ofHuggingFace: name) else { return nil }
    return GGUFTensorName(
      architecture: family.ggufArchitecture, name: ggufName,
      rowPermutationHeads: headsKey.flatMap { configuration[$0]?.intValue })
  }
}
