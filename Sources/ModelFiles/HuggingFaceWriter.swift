public import Quantization
import Serialization

/// Writes a model as a folder that Transformers' `from_pretrained` loads.
public enum HuggingFaceWriter {
  /// Weights beyond so many bytes are divided into several files, as Transformers divides them.
  public static let defaultMaximumShardBytes = 5_000_000_000

  /// Writes the folder `path`, which appears when it is complete.
  ///
  /// Settings, tokenizer and chat template are the model's own: of a folder its files are copied, of a
  /// GGUF file they are made from its metadata.
  ///
  /// - Parameters:
  ///   - model: whose tensor names, shapes, settings and tokenizer to write.
  ///   - path: a folder that does not exist, or is empty.
  ///   - type: f32, f16 or bf16, for every tensor.
  ///   - rows: gives the weights; see ``RowSource``.
  ///   - progress: hears how many bytes of the weights are written.
  /// - Throws: ``ModelFileError``, a `TokenizerError`, or what `rows` throws; nothing is left behind.
  @discardableResult
  public static func write(
    _ model: ModelFile, to path: String, as type: StorageType,
    maximumShardBytes: Int = defaultMaximumShardBytes, rows: RowSource,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> WrittenModel {
    guard type.blockElements == 1 else {
      throw ModelFileError.invalidRequest(
        path: path, problem: "a Hugging Face folder cannot hold \(type.rawValue)",
        remedy: "choose f32, f16 or bf16, or name an output that ends in .gguf")
    }
    let folder = try StagedFolder(path: path)
    let sources = model.tensorNames.compactMap { model.tensor(named: $0) }
    let tensors = sources.map {
      PlannedTensor(name: $0.name, shape: $0.shape, type: TensorType(type))
    }
    let shards = try divide(tensors, maximumBytes: maximumShardBytes, path: path)
    let total = try tensors.reduce(0) { $0 + (try $1.byteCount(in: path)) }
    var done = 0
    let byteCount = try writeWeights(shards, type, in: folder, rows: rows) { bytes in
      done += bytes
      progress(done, total)
    }
    try folder.write(settings(of: model, type: type), to: "config.json")
    try writeCompanions(of: model, in: folder)
    try folder.commit()
    return WrittenModel(
      path: folder.path,
      tensors: sources.map {
        WrittenTensor(
          name: $0.name, shape: $0.shape, sourceType: $0.type, type: type, isFallback: false)
      }, byteCount: byteCount)
  }

  /// Divides tensors, in order, into files of at most `maximumBytes` or of one tensor.
  private static func divide(
    _ tensors: [PlannedTensor], maximumBytes: Int, path: String
  ) throws(ModelFileError) -> [[PlannedTensor]] {
    var shards: [[PlannedTensor]] = []
    var current: [PlannedTensor] = []
    var currentBytes = 0
    for tensor in tensors {
      let bytes = try tensor.byteCount(in: path)
      if bytes > maximumBytes {
        shards.append([tensor])
        continue
      }
      if currentBytes + bytes > maximumBytes {
        shards.append(current)
        current = []
        currentBytes = 0
      }
      current.append(tensor)
      currentBytes += bytes
    }
    if !current.isEmpty { shards.append(current) }
    return shards
  }

  /// Writes the weight files, and the index where there are several; returns their size.
  ///
  /// - Parameter written: hears of every piece of a tensor, by its bytes.
  private static func writeWeights(
    _ shards: [[PlannedTensor]], _ type: StorageType, in folder: StagedFolder, rows: RowSource,
    written: (_ bytes: Int) -> Void
  ) throws -> Int {
    var fileBytes = 0
    var tensorBytes = 0
    var places: [(String, JSONValue)] = []
    for (index, shard) in shards.enumerated() {
      let name =
        shards.count == 1
        ? HuggingFaceFolder.singleName
        : "model-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).safetensors"
      let path = "\(folder.stagingPath)/\(name)"
      let writer = try SafetensorsWriter(path: path, tensors: shard)
      for tensor in writer.tensors {
        let encoder = RowEncoder(
          name: tensor.name, shape: tensor.shape, type: type, rowPermutationHeads: nil)
        try encoder.encode(from: rows) { bytes in
          try writer.write(bytes)
          written(bytes.count)
        }
        places.append((tensor.name, .string(name)))
      }
      try writer.commit()
      tensorBytes += writer.tensorByteCount
      fileBytes += try MappedFile(path: path).count
    }
    if shards.count > 1 {
      let index: JSONValue = [
        "metadata": ["total_size": .integer(tensorBytes)],
        "weight_map": .object(JSONObject(places.sorted { $0.0 < $1.0 })),
      ]
      try folder.write(index.serialized(pretty: true) + "\n", to: HuggingFaceFolder.indexName)
    }
    return fileBytes
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  /// config.json: a folder's own with the type changed, a GGUF file's as translated.
  private static func settings(of model: ModelFile, type: StorageType) -> String {
    let precision: JSONValue =
      switch type {
      case .f16: "float16"
      case .bf16: "bfloat16"
      default: "float32"
      }
    var settings: JSONObject
    switch model.source {
    case .folder(let folder):
      settings = folder.configuration
      // Transformers 5 says `dtype`, 4 says `torch_dtype`; both read either.
      settings[settings["dtype"] == nil ? "torch_dtype" : "dtype"] = precision
      if model.isUntied { settings["tie_word_embeddings"] = false }
    case .gguf:
      settings = model.configuration
      settings["torch_dtype"] = precision
    }
    let sorted = JSONObject(settings.members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    return JSONValue.object(sorted).serialized(pretty: true) + "\n"
  }
}
