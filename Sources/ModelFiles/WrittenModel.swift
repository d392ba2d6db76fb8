public import Quantization

/// What a model writer wrote.
public struct WrittenModel: Sendable {
  /// The file or folder.
  public let path: String
  /// The tensors in the order of the file.
  public let tensors: [WrittenTensor]
  /// The size of the weight files in bytes.
  public let byteCount: Int

  /// How many tensors are stored as each type, the most frequent first.
  ///
  /// A block type does not fit every tensor, so this can be a mix.
  public var typeCounts: [(type: StorageType, count: Int)] {
    StorageType.counts(tensors.map(\.type))
  }
}

/// A tensor that a model writer wrote.
public struct WrittenTensor: Sendable, Equatable {
  /// The name in the file, such as `blk.0.attn_q.weight`.
  public let name: String
  /// Row-major: a linear layer's weight is `[out, in]`.
  public let shape: [Int]
  /// How the source stores it.
  public let sourceType: StorageType
  /// How it is stored now.
  public let type: StorageType
  /// Whether its rows are not whole blocks of the type asked for, so that it has another.
  public let isFallback: Bool
  /// How far what is stored is from what the source holds; nil where that was not measured.
  public internal(set) var deviation: Deviation?

  /// How many elements there are.
  public var elementCount: Int { shape.reduce(1, *) }

  /// How many bytes they take.
  public var byteCount: Int { type.byteCount(ofElements: elementCount) ?? 0 }
}
