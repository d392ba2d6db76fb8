extension RunConfiguration {
  /// The base model and its precision: section `model`.
  public struct Model: Sendable, Equatable {
    /// A `.gguf` file, a Hugging Face folder, or `org/name` in the local Hugging Face cache.
    public var path: String
    /// Whether the linear layers' weights are held in 4 bits while training (QLoRA).
    public var loadIn4Bit: Bool
    /// The 4-bit data type.
    public var quantType: QuantType
    /// Whether the scales of 4-bit blocks are themselves quantised, to 8 bits.
    public var useDoubleQuant: Bool

    /// Makes the section; what is not given has its default.
    public init(
      path: String, loadIn4Bit: Bool = false, quantType: QuantType = .nf4,
      useDoubleQuant: Bool = true
    ) {
      self.path = path
      self.loadIn4Bit = loadIn4Bit
      self.quantType = quantType
      self.useDoubleQuant = useDoubleQuant
    }
  }

  /// A 4-bit data type of bitsandbytes.
  public enum QuantType: String, Sendable, CaseIterable {
    /// The 16 quantiles of a normal distribution: Dettmers et al. 2023, arXiv:2305.14314.
    case nf4
  }
}
