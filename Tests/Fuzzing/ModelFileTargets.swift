import ModelFiles
import Quantization
import Serialization
import Tokenization

/// GGUF, safetensors and config.json: what ``ModelFile`` opens.
enum ModelFileTargets {
  static func readGGUF(_ bytes: [UInt8], _ folder: String) throws {
    let file = try GGUFFile(MappedFile(copying: bytes, path: "model.gguf"))
    for key in file.keys {
      let value = file.value(key)
      _ = (value?.intValue, value?.doubleValue, value?.stringValue, value?.boolValue)
      let array = value?.arrayValue
      _ = (array?.strings?.count, array?.integers?.count, array?.floats?.count)
    }
    for tensor in file.tensors {
      require(file.tensor(named: tensor.name) == tensor, "a tensor is not found by its name")
      try dequantize(tensor, of: file.file)
    }
    let path = "\(folder)/model.gguf"
    try FuzzFile.write(bytes, to: path)
    try readModel(path)
  }

  static func readSafetensors(_ bytes: [UInt8], _ folder: String) throws {
    let file = try SafetensorsFile(MappedFile(copying: bytes, path: "model.safetensors"))
    _ = file.metadata.count
    for tensor in file.tensors {
      require(file.tensor(named: tensor.name) == tensor, "a tensor is not found by its name")
      try dequantize(tensor, of: file.file)
    }
    try FuzzFile.write(bytes, to: "\(folder)/model.safetensors")
    try readModel(folder)
  }

  /// Any JSON comes back equal after it has been written; a model's settings are put to use.
  static func readJSON(_ bytes: [UInt8], _ folder: String) throws {
    let value = try JSON.parse(bytes)
    for isPretty in [false, true] {
      let text = value.serialized(pretty: isPretty)
      require(try JSON.parse(text) == value, "JSON is another once written")
    }
    guard value["model_type"] != nil || value["hidden_size"] != nil else { return }
    try FuzzFile.write(bytes, to: "\(folder)/config.json")
    try readModel(folder)
  }

  private static func require(
    _ condition: @autoclosure () throws -> Bool, _ expectation: String
  ) {
    do {
      Fuzzing.require(try condition(), expectation)
    } catch {
      Fuzzing.require(false, "\(expectation): \(error)")
    }
  }

  private static func dequantize(_ tensor: TensorDescription, of file: MappedFile) throws {
    require(
      tensor.byteOffset >= 0 && tensor.byteCount >= 0
        && tensor.byteOffset <= file.count - tensor.byteCount, "a tensor lies outside the file")
    guard let type = tensor.type.storage, tensor.elementCount > 0 else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: tensor.elementCount) {
      if let values = $0.baseAddress {
        type.dequantize(
          file.baseAddress + tensor.byteOffset, count: tensor.elementCount, into: values)
      }
    }
  }

  private static func readModel(_ path: String) throws {
    let model = try ModelFile.open(path)
    _ = (model.displayName, model.parameterCount, model.typeCounts.count, model.byteCount)
    for name in model.tensorNames {
      guard let tensor = model.tensor(named: name) else { continue }
      _ = tensor.values().count
    }
    try each(
      {
        _ = try model.chatTemplate().map {
          try ChatTemplate(source: $0, bosToken: nil, eosToken: nil)
        }
      },
      { _ = try model.generationConfiguration() },
      { TextTargets.use(try model.makeTokenizer()) })
  }
}
