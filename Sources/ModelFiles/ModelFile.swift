public import Quantization
public import Serialization

/// One opened model, whichever format it is kept in, under Hugging Face's names and keys.
///
/// Opening reads and checks names, shapes and settings only; weights stay in the file until used.
public final class ModelFile: Sendable {
  /// How a model is kept.
  public enum Format: String, Sendable {
    /// One GGUF file.
    case gguf
    /// A folder with config.json and safetensors files.
    case huggingFace
  }

  /// What the user wrote.
  public let path: String
  /// Where the model was found: a file, or a folder, possibly in the Hugging Face cache.
  public let location: String
  /// How the model is kept.
  public let format: Format
  /// The settings under Hugging Face's keys, defaults filled in and checked.
  ///
  /// Always there: `architectures`, `model_type`, `vocab_size`, `hidden_size`, `intermediate_size`,
  /// `num_hidden_layers`, `num_attention_heads`, `num_key_value_heads`, `head_dim`, `rms_norm_eps`,
  /// `rope_theta`, `rope_scaling` (null for none), `rope_parameters`, `max_position_embeddings`,
  /// `tie_word_embeddings`, `attention_bias`, `mlp_bias`, `torch_dtype`.
  public let configuration: JSONObject
  /// What the settings say of the blocks, beyond their shapes.
  public let blocks: BlockSettings
  /// The Hugging Face names of all tensors, in the file's order.
  public let tensorNames: [String]

  let family: ModelFamily
  let source: Source
  private let tensors: [String: StoredTensor]

  /// What the model was opened from.
  enum Source: Sendable {
    case gguf(GGUFFile)
    case folder(HuggingFaceFolder)
  }

  /// Opens the model `path` names: a .gguf file, a Hugging Face folder, or `org/name` or
  /// `org/name@revision` in the local Hugging Face cache.
  ///
  /// - Throws: ``ModelFileError`` where there is no such model, where it is damaged, or where it is
  ///   of a kind Lorikeet does not know.
  public static func open(_ path: String) throws(ModelFileError) -> ModelFile {
    try open(path, cache: HuggingFaceCache())
  }

  static func open(_ path: String, cache: HuggingFaceCache) throws(ModelFileError) -> ModelFile {
    if isFolder(path) {
      return try ModelFile(path: path, folder: HuggingFaceFolder(path: path))
    }
    if exists(path) {
      return try ModelFile(path: path, gguf: openGGUF(path))
    }
    guard let name = HuggingFaceCache.split(path) else {
      throw .missing(path: path, problem: "no such file or folder", remedy: "check the path")
    }
    guard let snapshot = try cache.snapshot(of: path) else {
      throw .missing(
        path: path,
        problem: "no such file or folder, and no such model in the Hugging Face cache"
          + (cache.folder.map { " \($0)" } ?? ""),
        remedy: "check the path, or fetch it with: hf download \(name.owner)/\(name.model)"
          + (name.revision.map { " --revision \($0)" } ?? ""))
    }
    return try ModelFile(path: path, folder: HuggingFaceFolder(path: snapshot))
  }

  private static func openGGUF(_ path: String) throws(ModelFileError) -> GGUFFile {
    let file = try MappedFile(path: path)
    guard !GGUFFile.hasMagic(file) else { return try GGUFFile(file) }
    let name = lastComponent(of: path)
    guard name.hasSuffix(".safetensors") || name.hasSuffix(".json") else {
      throw .unsupported(
        path: path, problem: "does not begin as a GGUF file does",
        remedy: "name a .gguf file or a Hugging Face model folder")
    }
    throw .unsupported(
      path: path, problem: "is one file of a Hugging Face model",
      remedy: "name its folder, \(parentFolder(of: path))")
  }

  private init(path: String, gguf: GGUFFile) throws(ModelFileError) {
    self.path = path
    location = path
    format = .gguf
    source = .gguf(gguf)
    family = try GGUFConfiguration.family(of: gguf)
    let translated = try GGUFConfiguration(gguf: gguf, family: family).configuration()
    configuration = try ModelConfiguration(path: path, source: translated, family: family)
      .normalized()
    blocks = try BlockSettings(family, configuration, path: path)
    var collector = TensorCollector(family: family, configuration: configuration)
    for tensor in gguf.tensors { try collector.addGGUF(tensor, in: gguf.file) }
    tensorNames = collector.names
    tensors = collector.tensors
  }

  private init(path: String, folder: HuggingFaceFolder) throws(ModelFileError) {
    self.path = path
    location = folder.path
    format = .huggingFace
    source = .folder(folder)
    family = try folder.family()
    let place = "\(folder.path)/config.json"
    configuration = try ModelConfiguration(
      path: place, source: folder.configuration, family: family
    ).normalized()
    blocks = try BlockSettings(family, configuration, path: place)
    var collector = TensorCollector(family: family, configuration: configuration)
    for shard in folder.weights {
      for tensor in shard.tensors { try collector.addHuggingFace(tensor, in: shard.file) }
    }
    tensorNames = collector.names
    tensors = collector.tensors
  }
}

extension ModelFile {
  /// The name of the model family, such as `llama`.
  public var architecture: String { family.modelType }

  /// The tensor with the Hugging Face name `name`, or nil.
  public func tensor(named name: String) -> StoredTensor? { tensors[name] }

  /// Whether the output head is the embedding matrix.
  public var hasTiedEmbeddings: Bool {
    configuration["tie_word_embeddings"]?.boolValue ?? false
  }

  /// A name for people: what the file calls itself, else its file or folder name.
  public var displayName: String {
    switch source {
    case .gguf(let gguf):
      if let name = gguf.value("general.name")?.stringValue, !name.isEmpty { return name }
      return lastComponent(of: path)
    case .folder:
      return HuggingFaceCache.split(path) != nil && location != path
        ? path : lastComponent(of: location)
    }
  }

  /// The weight files.
  public var weightFiles: [MappedFile] {
    switch source {
    case .gguf(let gguf): [gguf.file]
    case .folder(let folder): folder.weights.map(\.file)
    }
  }

  /// The size of the weight files in bytes.
  public var byteCount: Int { weightFiles.reduce(0) { $0 + $1.count } }

  /// How many weights the model has.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.elementCount } }

  /// How many tensors are stored as each type, the most frequent first.
  public var typeCounts: [(type: StorageType, count: Int)] {
    StorageType.counts(tensors.values.map(\.type))
  }

  /// The Jinja source of the chat template, or nil where the model has none.
  ///
  /// - Throws: where a file beside the weights is damaged.
  public func chatTemplate() throws(ModelFileError) -> String? {
    switch source {
    case .folder(let folder): return try folder.chatTemplate()
    case .gguf(let gguf):
      guard let value = gguf.value("tokenizer.chat_template") else { return nil }
      guard let text = value.stringValue else {
        throw .malformed(
          path: path, place: "metadata tokenizer.chat_template", problem: "is not UTF-8 text")
      }
      return text
    }
  }

  /// What generation_config.json says, or nil where there is none.
  ///
  /// - Throws: where that file is damaged.
  public func generationConfiguration() throws(ModelFileError) -> JSONObject? {
    guard case .folder(let folder) = source else { return nil }
    return try folder.json("generation_config.json")?.objectValue
  }
}

extension StorageType {
  /// How often each type occurs, the most frequent first, equals in the order of declaration.
  static func counts(_ types: some Sequence<StorageType>) -> [(type: StorageType, count: Int)] {
    var counts: [StorageType: Int] = [:]
    for type in types { counts[type, default: 0] += 1 }
    return allCases.compactMap { type in counts[type].map { (type, $0) } }
      .enumerated().sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }
      .map(\.element)
  }
}
