import Serialization

/// A folder as Transformers' `save_pretrained` writes it: settings, weights, tokenizer.
struct HuggingFaceFolder {
  let path: String
  /// config.json as it stands.
  let configuration: JSONObject
  /// The weight files, sorted by name.
  let weights: [SafetensorsFile]

  /// Opens settings and weights of the folder `path`.
  init(path: String) throws(ModelFileError) {
    self.path = withoutTrailingSlashes(path)
    let configurationPath = "\(self.path)/config.json"
    guard exists(configurationPath) else { throw Self.notAModel(self.path) }
    guard let configuration = try Self.readJSON(configurationPath).objectValue else {
      throw .malformed(path: configurationPath, place: "the text", problem: "is not an object")
    }
    self.configuration = configuration
    weights = try Self.openWeights(self.path)
  }

  /// The family config.json names, or why Lorikeet cannot use the model.
  func family() throws(ModelFileError) -> ModelFamily {
    let place = "\(path)/config.json"
    guard let modelType = configuration["model_type"]?.stringValue else {
      throw .malformed(path: place, place: "model_type", problem: "is missing or not text")
    }
    guard let family = ModelFamily.all.first(where: { $0.modelType == modelType }) else {
      throw .unsupported(
        path: place, problem: "has the model_type \(modelType), which Lorikeet does not know",
        remedy: "use a model of one of these: \(ModelFamily.supportedNames)")
    }
    return family
  }

  /// The JSON in the file `name`, or nil where there is no such file.
  func json(_ name: String) throws(ModelFileError) -> JSONValue? {
    let file = "\(path)/\(name)"
    return exists(file) ? try Self.readJSON(file) : nil
  }

  /// The text in the file `name`, or nil where there is no such file.
  func text(_ name: String) throws(ModelFileError) -> String? {
    guard exists("\(path)/\(name)") else { return nil }
    let file = try MappedFile(path: "\(path)/\(name)")
    guard let text = file.text(0..<file.count) else {
      throw .malformed(path: file.path, place: "the text", problem: "is not UTF-8")
    }
    return text
  }

  /// The chat template: a file of its own, or a key of tokenizer_config.json; of several, `default`.
  func chatTemplate() throws(ModelFileError) -> String? {
    if let template = try text("chat_template.jinja") { return template }
    guard let value = try json("tokenizer_config.json")?["chat_template"], !value.isNull else {
      return nil
    }
    if let template = value.stringValue { return template }
    let named = (value.arrayValue ?? []).first { $0["name"]?.stringValue == "default" }
    guard let template = named?["template"]?.stringValue else {
      throw .malformed(
        path: "\(path)/tokenizer_config.json", place: "chat_template",
        problem: "is neither text nor a list with a template named \"default\"")
    }
    return template
  }

  static func readJSON(_ path: String) throws(ModelFileError) -> JSONValue {
    let file = try MappedFile(path: path)
    do throws(JSONError) {
      return try JSON.parse(file.bytes)
    } catch {
      throw .malformed(path: path, place: "the text", problem: "is not JSON (\(error))")
    }
  }

  private static func notAModel(_ path: String) -> ModelFileError {
    let names = namesInFolder(path) ?? []
    if names.contains("adapter_config.json") {
      return .missing(
        path: path, problem: "holds an adapter, not a model", remedy: "name its base model instead")
    }
    if let gguf = names.first(where: { $0.hasSuffix(".gguf") }) {
      return .missing(
        path: path, problem: "is a folder without config.json",
        remedy: "name the file itself, such as \(path)/\(gguf)")
    }
    return .missing(
      path: path, problem: "is a folder without config.json",
      remedy: "name a Hugging Face model folder or a .gguf file")
  }
}

extension HuggingFaceFolder {
  static let singleName = "model.safetensors"
  static let indexName = "model.safetensors.index.json"

  private static func openWeights(_ path: String) throws(ModelFileError) -> [SafetensorsFile] {
    if exists("\(path)/\(singleName)") {
      return [try SafetensorsFile(path: "\(path)/\(singleName)")]
    }
    guard exists("\(path)/\(indexName)") else {
      let others = (namesInFolder(path) ?? []).filter {
        $0.hasSuffix(".bin") || $0.hasSuffix(".pth") || $0.hasSuffix(".pt")
      }
      guard let other = others.first else {
        throw .missing(
          path: path, problem: "has neither \(singleName) nor \(indexName)",
          remedy: "download the model again")
      }
      throw .unsupported(
        path: path, problem: "keeps its weights in \(other), a pickle that can run code",
        remedy: "save the model again as safetensors")
    }
    return try openShards(path)
  }

  /// Opens every file the index names and checks that each has the tensors it should have.
  private static func openShards(_ path: String) throws(ModelFileError) -> [SafetensorsFile] {
    let indexPath = "\(path)/\(indexName)"
    guard let map = try readJSON(indexPath)["weight_map"]?.objectValue, !map.isEmpty else {
      throw .malformed(
        path: indexPath, place: "weight_map", problem: "is missing, empty or not an object")
    }
    var shards: [String: SafetensorsFile] = [:]
    for (tensor, value) in map.members {
      guard let name = value.stringValue, isShardName(name) else {
        throw .malformed(
          path: indexPath, place: "tensor \(tensor)",
          problem: "is said to be in \(value.serialized()), "
            + "which is not the name of a .safetensors file in this folder")
      }
      let shard: SafetensorsFile
      if let opened = shards[name] {
        shard = opened
      } else {
        shard = try SafetensorsFile(path: "\(path)/\(name)")
        shards[name] = shard
      }
      guard shard.tensor(named: tensor) != nil else {
        throw .malformed(
          path: indexPath, place: "tensor \(tensor)", problem: "is not in \(name), named for it")
      }
    }
    return shards.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Whether `name` can only be a file in the same folder.
  private static func isShardName(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") && !name.hasPrefix(".")
      && name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 != 0 }
  }
}
