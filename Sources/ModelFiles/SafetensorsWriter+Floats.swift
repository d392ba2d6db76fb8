extension SafetensorsWriter {
  /// A tensor of floats in memory.
  public struct FloatTensor {
    /// The name in the file.
    public let name: String
    /// Row-major.
    public let shape: [Int]
    /// Its elements.
    public let values: UnsafePointer<Float>

    /// Names a tensor's elements.
    public init(name: String, shape: [Int], values: UnsafePointer<Float>) {
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// Writes a whole file of f32 tensors.
  ///
  /// - Throws: `.alreadyExists` or `.notWritten`.
  public static func write(_ tensors: [FloatTensor], path: String) throws(ModelFileError) {
    guard let type = TensorType(safetensorsName: "F32") else { return }
    let values = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    let writer = try SafetensorsWriter(
      path: path, tensors: tensors.map { PlannedTensor(name: $0.name, shape: $0.shape, type: type) }
    )
    for tensor in writer.tensors {
      guard let source = values[tensor.name] else { continue }
      let count = source.shape.reduce(1, *)
      try writer.write(UnsafeRawBufferPointer(start: source.values, count: 4 * count))
    }
    try writer.commit()
  }
}
