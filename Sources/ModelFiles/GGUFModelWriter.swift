public import Quantization
import Serialization

/// Writes a model as one GGUF file that llama.cpp loads.
public enum GGUFModelWriter {
  /// Writes the file `path`, which appears when it is complete.
  ///
  /// Matrices are stored as `type`; where their rows are not whole blocks of it, as f16, which is what
  /// llama.cpp falls back to. Norms and biases are f32. Metadata are copied from a GGUF source and made
  /// from the settings and the tokenizer of a Hugging Face folder.
  ///
  /// - Parameters:
  ///   - model: whose tensor names, shapes, settings and tokenizer to write.
  ///   - replacing: whether a file that exists may be replaced.
  ///   - rows: gives the weights in Hugging Face order; see ``RowSource``.
  ///   - progress: hears how many bytes of the weights are written.
  /// - Throws: ``ModelFileError``, a `TokenizerError`, or what `rows` throws; nothing is left behind.
  @discardableResult
  public static func write(
    _ model: ModelFile, to path: String, as type: StorageType, replacing: Bool = false,
    rows: RowSource, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> WrittenModel {
    var planned: [PlannedTensor] = []
    var encoders: [RowEncoder] = []
    for name in model.tensorNames {
      guard let tensor = model.tensor(named: name),
        let (ggufName, headsKey) = model.family.ggufName(ofHuggingFace: name)
      else { continue }
      let storage = storageType(of: tensor.shape, wanted: type)
      let heads = headsKey.flatMap { model.configuration[$0]?.intValue }
      try checkHeads(heads, of: tensor, path: path)
      planned.append(
        PlannedTensor(name: ggufName, shape: tensor.shape, type: TensorType(storage)))
      encoders.append(
        RowEncoder(
          name: name, shape: tensor.shape, type: storage, rowPermutationHeads: heads))
    }
    let factors = ropeFactors(of: model)
    if let factors {
      let tensor = PlannedTensor(
        name: "rope_freqs.weight", shape: [factors.count], type: TensorType(.f32))
      planned.insert(tensor, at: 0)
    }
    let metadata = try GGUFModelMetadata(model: model).entries(weightType: type)
    let writer = try GGUFWriter(
      path: path, metadata: metadata, tensors: planned, replacing: replacing)
    if let factors { try factors.withUnsafeBytes { try writer.write($0) } }
    let total = try planned.reduce(0) { $0 + (try $1.byteCount(in: path)) }
    var done = factors.map { $0.count * MemoryLayout<Float>.stride } ?? 0
    for encoder in encoders {
      try encoder.encode(from: rows) { bytes in
        try writer.write(bytes)
        done += bytes.count
        progress(done, total)
      }
    }
    try writer.commit()
    return WrittenModel(
      path: path, typeCounts: StorageType.counts(encoders.map(\.type)),
      byteCount: writer.byteCount)
  }

  private static func storageType(of shape: [Int], wanted type: StorageType) -> StorageType {
    guard shape.count > 1 else { return .f32 }
    return (shape.last ?? 1).isMultiple(of: type.blockElements) ? type : .f16
  }

  /// A query or key projection must have the rows its heads call for, or it cannot be permuted.
  private static func checkHeads(
    _ heads: Int?, of tensor: StoredTensor, path: String
  ) throws(ModelFileError) {
    guard let heads else { return }
    guard let rows = tensor.shape.first, rows > 0, rows.isMultiple(of: 2 * heads) else {
      throw .malformed(
        path: tensor.file.path, place: "tensor \(tensor.name)",
        problem: "has the shape \(tensor.shape), which does not divide into \(heads) heads")
    }
  }

  /// The divisors of Llama 3's frequencies, or nil where the model does not stretch them so.
  private static func ropeFactors(of model: ModelFile) -> [Float]? {
    guard case .llama3(let scaling) = model.blocks.ropeScaling,
      let theta = model.configuration["rope_theta"]?.doubleValue,
      let headSize = model.configuration["head_dim"]?.intValue
    else { return nil }
    return scaling.factors(headSize: headSize, theta: theta)
  }
}
