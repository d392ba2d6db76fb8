public import Quantization
import Serialization

/// Writes a model as one GGUF file that llama.cpp loads.
public enum GGUFModelWriter {
  /// Writes the file `path`, which appears when it is complete.
  ///
  /// Matrices are stored as `type`; where their rows are not whole blocks of it, as what llama.cpp falls back to, see
  /// `StorageType.fitting(columns:)`. Norms and biases are f32. Metadata are copied from a GGUF source and made from the
  /// settings and the tokenizer of a Hugging Face folder.
  ///
  /// - Parameters:
  ///   - model: whose tensor names, shapes, settings and tokenizer to write.
  ///   - type: one that numbers can be stored as.
  ///   - replacing: whether a file that exists may be replaced.
  ///   - fitting: how the scales of blocks are chosen.
  ///   - rows: gives the weights in Hugging Face order; see ``RowSource``.
  ///   - progress: hears how many bytes of the weights are written.
  /// - Throws: ``ModelFileError``, a `TokenizerError`, or what `rows` throws; nothing is left behind.
  @discardableResult
  public static func write(
    _ model: ModelFile, to path: String, as type: StorageType, replacing: Bool = false,
    fitting: ScaleFitting = .plain, rows: RowSource,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> WrittenModel {
    try write(
      plan(model, type, path, fitting), to: path, replacing: replacing, areOwn: false, rows: rows,
      progress: progress)
  }

  /// Writes the file `path` with the model's own weights stored as another type, and measures what that cost.
  ///
  /// A tensor that has the type already is copied byte by byte. Otherwise as ``write(_:to:as:replacing:rows:progress:)``.
  ///
  /// - Throws: ``ModelFileError``, also for numbers that the type cannot hold, or a `TokenizerError`; nothing is left
  ///   behind.
  public static func quantize(
    _ model: ModelFile, to path: String, as type: StorageType, replacing: Bool = false,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> WrittenModel {
    try write(
      plan(model, type, path), to: path, replacing: replacing, areOwn: true,
      rows: { name, rows, values in
        guard let base = values.baseAddress else { return }
        model.tensor(named: name)?.dequantize(rows: rows, into: base)
      }, progress: progress)
  }

  /// A tensor to be written: where its numbers come from and what becomes of them.
  private struct Part {
    let source: StoredTensor
    let encoder: RowEncoder
    let written: WrittenTensor
  }

  /// All that is known before the first number is read.
  private struct Plan {
    let metadata: [(key: String, value: GGUFValue)]
    let ropeFactors: [Float]?
    let parts: [Part]
  }

  private static func plan(
    _ model: ModelFile, _ type: StorageType, _ path: String, _ fitting: ScaleFitting = .plain
  ) throws -> Plan {
    guard type.isWritable else {
      throw ModelFileError.invalidRequest(
        path: path, problem: "Lorikeet reads \(type.rawValue) and does not write it",
        remedy: "choose one of \(StorageType.writable.map(\.rawValue).joined(separator: ", "))")
    }
    guard !model.family.tiesHeadInGGUF || !model.tensorNames.contains("lm_head.weight") else {
      throw ModelFileError.invalidRequest(
        path: path,
        problem:
          "a GGUF file of \(model.family.modelType) has no place for a head apart from the embeddings",
        remedy: "name a folder for Hugging Face safetensors")
    }
    var parts: [Part] = []
    for name in model.tensorNames {
      guard let tensor = model.tensor(named: name),
        let (ggufName, headsKey) = model.family.ggufName(ofHuggingFace: name)
      else { continue }
      let storage = tensor.shape.count > 1 ? type.fitting(columns: tensor.columnCount) : .f32
      let heads = headsKey.flatMap { model.configuration[$0]?.intValue }
      try checkHeads(heads, of: tensor, path: path)
      parts.append(
        Part(
          source: tensor,
          encoder: RowEncoder(
            name: name, shape: tensor.shape, type: storage, rowPermutationHeads: heads,
            valueOffset: model.family.ggufOffset(ofHuggingFace: name), fitting: fitting),
          written: WrittenTensor(
            name: ggufName, shape: tensor.shape, sourceType: tensor.type, type: storage,
            isFallback: tensor.shape.count > 1 && storage != type)))
    }
    return Plan(
      metadata: try GGUFModelMetadata(model: model).entries(weightType: type),
      ropeFactors: ropeFactors(of: model), parts: parts)
  }

  /// Writes the head, then each tensor.
  ///
  /// - Parameter areOwn: whether `rows` gives what the model itself holds, so that what storing it costs is measured, and
  ///   a tensor that has its type already is copied.
  private static func write(
    _ plan: Plan, to path: String, replacing: Bool, areOwn: Bool, rows: RowSource,
    progress: (_ done: Int, _ of: Int) -> Void
  ) throws -> WrittenModel {
    var planned = plan.parts.map {
      PlannedTensor(
        name: $0.written.name, shape: $0.written.shape, type: TensorType($0.written.type))
    }
    if let factors = plan.ropeFactors {
      let tensor = PlannedTensor(
        name: "rope_freqs.weight", shape: [factors.count], type: TensorType(.f32))
      planned.insert(tensor, at: 0)
    }
    let writer = try GGUFWriter(
      path: path, metadata: plan.metadata, tensors: planned, replacing: replacing)
    if let factors = plan.ropeFactors {
      try factors.withUnsafeBytes { try writer.write($0) }
    }
    let total = plan.parts.reduce(0) { $0 + $1.written.byteCount }
    var done = 0
    let tensors = try plan.parts.map { part in
      let (source, encoder) = (part.source, part.encoder)
      var deviation = areOwn ? Deviation() : nil
      func write(_ bytes: UnsafeRawBufferPointer) throws {
        try writer.write(bytes)
        done += bytes.count
        progress(done, total)
      }
      if areOwn, source.type == encoder.type,
        source.rowPermutationHeads == encoder.rowPermutationHeads,
        source.valueOffset == encoder.valueOffset
      {
        try write(source.bytes)
      } else {
        try encoder.encode(from: rows, deviation: &deviation, to: write)
      }
      if areOwn { source.releasePages() }
      guard deviation?.isFinite ?? true else {
        throw ModelFileError.invalidRequest(
          path: path,
          problem: "tensor \(part.written.name) holds numbers that cannot be stored as "
            + encoder.type.rawValue, remedy: "choose f32")
      }
      var written = part.written
      written.deviation = deviation
      return written
    }
    try writer.commit()
    return WrittenModel(path: path, tensors: tensors, byteCount: writer.byteCount)
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
