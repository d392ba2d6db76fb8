public import Quantization

/// What a model writer wrote.
public struct WrittenModel: Sendable {
  /// The file or folder.
  public let path: String
  /// How many tensors are stored as each type, the most frequent first.
  ///
  /// A block type does not fit every tensor, so this can be a mix.
  public let typeCounts: [(type: StorageType, count: Int)]
  /// The size of the weight files in bytes.
  public let byteCount: Int
}
