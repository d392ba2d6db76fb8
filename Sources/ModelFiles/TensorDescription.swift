/// What a file says about one tensor: all but its values.
public struct TensorDescription: Sendable, Equatable {
  /// The name in the file, such as `blk.0.attn_q.weight`.
  public let name: String
  /// Row-major, as Hugging Face orders it: a linear layer's weight is `[out, in]`.
  public let shape: [Int]
  /// How the elements are stored.
  public let type: TensorType
  /// Where the first byte lies, counted from the start of the file.
  public let byteOffset: Int
  /// How many bytes the values take.
  public let byteCount: Int

  /// How many elements the tensor has.
  public var elementCount: Int { shape.reduce(1, *) }
}

extension [TensorDescription] {
  /// Two tensors that share bytes, or nil where all are disjoint.
  func overlappingPair() -> (TensorDescription, TensorDescription)? {
    let byOffset = self.filter { $0.byteCount > 0 }.sorted { $0.byteOffset < $1.byteOffset }
    for (first, second) in zip(byOffset, byOffset.dropFirst())
    where first.byteOffset + first.byteCount > second.byteOffset {
      return (first, second)
    }
    return nil
  }
}

/// A tensor that is going to be written.
public struct PlannedTensor: Sendable, Equatable {
  /// The name in the file.
  public let name: String
  /// Row-major, as Hugging Face orders it.
  public let shape: [Int]
  /// How the elements will be stored.
  public let type: TensorType

  /// A tensor to be written.
  public init(name: String, shape: [Int], type: TensorType) {
    self.name = name
    self.shape = shape
    self.type = type
  }

  /// How many bytes the tensor will take in the file at `path`.
  func byteCount(in path: String) throws(ModelFileError) -> Int {
    guard (shape.last ?? 1).isMultiple(of: type.blockElements),
      let count = type.byteCount(shape: shape)
    else {
      throw .invalidRequest(
        path: path, problem: "tensor \(name) of shape \(shape) cannot be stored as \(type.name)",
        remedy: "choose another type")
    }
    return count
  }
}
