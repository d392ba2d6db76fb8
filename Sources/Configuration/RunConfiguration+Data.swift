extension RunConfiguration {
  /// The examples: section `data`.
  public struct Data: Sendable, Equatable {
    /// JSONL files to learn from, read one after the other.
    public var train: [String]
    /// JSONL files to validate on; none: no validation.
    public var validation: [String]
    /// JSONL files of what the model should not forget; measured with every validation, never learnt from.
    public var retention: [String]
    /// The longest example, in tokens.
    public var maxLength: Int
    /// What happens to an example of more than `maxLength` tokens.
    public var overlong: Overlong
    /// Whether each epoch takes the examples in a new order.
    public var shuffle: Bool
    /// Whether only what the assistant says is learnt, or the whole conversation.
    public var assistantOnlyLoss: Bool

    /// Makes the section; what is not given has its default.
    public init(
      train: [String], validation: [String] = [], retention: [String] = [],
      maxLength: Int = 1024,
      overlong: Overlong = .error, shuffle: Bool = true, assistantOnlyLoss: Bool = true
    ) {
      self.train = train
      self.validation = validation
      self.retention = retention
      self.maxLength = maxLength
      self.overlong = overlong
      self.shuffle = shuffle
      self.assistantOnlyLoss = assistantOnlyLoss
    }
  }

  /// What happens to an example that is too long.
  public enum Overlong: String, Sendable, CaseIterable {
    /// The run does not start.
    case error
    /// The example is left out.
    case drop
    /// Its end is cut off.
    case truncate
  }
}
