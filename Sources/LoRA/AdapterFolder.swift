internal import ModelFiles
public import Quantization
public import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// An adapter on disk, exactly as PEFT keeps it: `adapter_config.json` and `adapter_model.safetensors`.
///
/// - SeeAlso: PEFT 0.21, `LoraConfig` and `get_peft_model_state_dict`.
public enum AdapterFolder {
  static let configurationName = "adapter_config.json"
  static let tensorsName = "adapter_model.safetensors"
  /// The PEFT release whose keys are written.
  static let peftVersion = "0.21.2"
  private static let prefix = "base_model.model."

  /// Reads the configuration alone.
  ///
  /// - Throws: `LoRAError` for what is missing, impossible or unsupported.
  public static func readConfiguration(_ folder: String) throws -> (LoRAConfiguration, JSONObject) {
    let path = "\(folder)/\(configurationName)"
    guard access(path, F_OK) == 0 else { throw LoRAError.missingFile(path: path) }
    let file = try MappedFile(path: path)
    let json: JSONValue
    do {
      json = try file.withBytes { try JSON.parse($0) }
    } catch {
      throw LoRAError.badConfiguration(path: path, reason: "\(error)")
    }
    guard let object = json.objectValue else {
      throw LoRAError.badConfiguration(
        path: path, reason: "holds no JSON object; take the adapter's own file")
    }
    return (try configuration(object, path: path), object)
  }

  /// What an adapter's configuration calls its base: a path, or `org/name`, with `@revision` if it has one.
  ///
  /// - Throws: `LoRAError` if it is no folder of PEFT's, or names no base.
  public static func baseModel(_ folder: String) throws -> String {
    var status = stat()
    guard stat(folder, &status) == 0 else { throw LoRAError.missingFile(path: folder) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw LoRAError.namesNoBase(path: folder) }
    let (_, json) = try readConfiguration(folder)
    guard let name = json["base_model_name_or_path"]?.stringValue, !name.isEmpty else {
      throw LoRAError.namesNoBase(path: "\(folder)/\(configurationName)")
    }
    return name + (json["revision"]?.stringValue.map { "@\($0)" } ?? "")
  }

  /// Reads an adapter for a model.
  ///
  /// Strict: every tensor is used, every target is filled, every shape fits.
  ///
  /// - Parameters:
  ///   - folder: the PEFT folder.
  ///   - layers: the model's linear layers.
  public static func read(_ folder: String, for layers: [LoRAConfiguration.Layer]) throws
    -> LoRAAdapter
  {
    let (configuration, _) = try readConfiguration(folder)
    let shapes = try configuration.shapes(for: layers)
    // A configuration may ask for any rank; only the tensors show that memory of that size is needed.
    let path = "\(folder)/\(tensorsName)"
    let file = try openTensors(path)
    try check(shapes.flatMap(tensors), against: file, path: path)
    let adapter = LoRAAdapter(shapes: shapes, configuration: configuration)
    try load(file, path: path, into: adapter)
    return adapter
  }

  /// Fills an adapter from a safetensors file in PEFT's names.
  public static func load(_ path: String, into adapter: LoRAAdapter) throws {
    try load(try openTensors(path), path: path, into: adapter)
  }

  private static func openTensors(_ path: String) throws -> SafetensorsFile {
    guard access(path, F_OK) == 0 else { throw LoRAError.missingFile(path: path) }
    return try SafetensorsFile(path: path)
  }

  private static func load(
    _ file: SafetensorsFile, path: String, into adapter: LoRAAdapter
  ) throws {
    defer { withExtendedLifetime(file) {} }
    let tensors = tensors(of: adapter)
    try check(tensors.map { ($0.name, $0.shape) }, against: file, path: path)
    for tensor in tensors {
      guard let description = file.tensor(named: tensor.name), let type = description.type.storage
      else { continue }
      type.dequantize(
        file.file.baseAddress + description.byteOffset, count: description.elementCount,
        into: tensor.values)
    }
  }

  /// Refuses a file that does not hold just these tensors in types that can be read.
  private static func check(
    _ tensors: [(name: String, shape: [Int])], against file: SafetensorsFile, path: String
  ) throws(LoRAError) {
    var unused = Set(file.tensors.map(\.name))
    for tensor in tensors {
      guard let description = file.tensor(named: tensor.name) else {
        throw LoRAError.missingTensor(path: path, name: tensor.name)
      }
      guard description.shape == tensor.shape else {
        throw LoRAError.shapeMismatch(
          path: path, name: tensor.name, found: description.shape, expected: tensor.shape)
      }
      guard let type = description.type.storage, type.blockElements == 1 else {
        throw LoRAError.unsupported(path: path, feature: "tensors of type \(description.type.name)")
      }
      unused.remove(tensor.name)
    }
    if let name = unused.min() { throw LoRAError.unexpectedTensor(path: path, name: name) }
  }

  /// Writes an adapter to a folder that is being made.
  ///
  /// - Parameters:
  ///   - staging: a folder that exists.
  ///   - baseModel: what `base_model_name_or_path` says.
  ///   - type: f32, f16 or bf16.
  /// - Throws: `ModelFileError`, or `LoRAError.inexpressible` where f16 cannot hold a number.
  public static func write(
    _ adapter: LoRAAdapter, to staging: String, baseModel: String, as type: StorageType = .f32
  ) throws {
    let json = json(adapter.configuration, adapter: adapter, baseModel: baseModel)
    let file = try AtomicFile(path: "\(staging)/\(configurationName)")
    try file.write(JSONValue.object(json).serialized(pretty: true))
    try file.commit()
    let path = "\(staging)/\(tensorsName)"
    let tensors = tensors(of: adapter)
    let named = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    let writer = try SafetensorsWriter(
      path: path,
      tensors: tensors.map {
        PlannedTensor(name: $0.name, shape: $0.shape, type: TensorType(type))
      })
    // The writer has its own order, that of the reference library.
    for tensor in writer.tensors {
      guard let values = named[tensor.name]?.values else { continue }
      try RowEncoder(
        name: tensor.name, shape: tensor.shape, type: type, rowPermutationHeads: nil
      ).encode(
        from: AdapterRows(
          values, columns: tensor.shape.last ?? 1, type: type, path: tensorsName
        ).rows
      ) { try writer.write($0) }
    }
    try writer.commit()
  }

  /// Writes an adapter as a new folder, which appears when it is complete.
  ///
  /// - Throws: `ModelFileError` where `folder` exists or cannot be written.
  public static func save(_ adapter: LoRAAdapter, as folder: String, baseModel: String) throws {
    try save(as: folder) { try write(adapter, to: $0, baseModel: baseModel) }
  }

  /// Makes a new folder of what `write` puts into the one it is given; it appears when that is complete.
  ///
  /// - Throws: `ModelFileError` where `folder` exists or cannot be written, and what `write` throws.
  public static func save(as folder: String, write: (_ staging: String) throws -> Void) throws {
    let staged = try StagedFolder(path: folder)
    try write(staged.stagingPath)
    try staged.commit()
  }

  private struct NamedTensor {
    let name: String
    let shape: [Int]
    let values: UnsafeMutablePointer<Float>
  }

  /// The tensors that PEFT keeps of a module: A, B, and the magnitudes where there are some.
  private static func tensors(of shape: LoRAModuleShape) -> [(name: String, shape: [Int])] {
    [
      ("\(prefix)\(shape.name).lora_A.weight", [shape.rank, shape.inputs]),
      ("\(prefix)\(shape.name).lora_B.weight", [shape.outputs, shape.rank]),
    ]
      + (shape.hasMagnitude
        ? [("\(prefix)\(shape.name).lora_magnitude_vector", [shape.outputs])] : [])
  }

  private static func tensors(of adapter: LoRAAdapter) -> [NamedTensor] {
    adapter.modules.flatMap { module in
      [
        NamedTensor(
          name: "\(prefix)\(module.name).lora_A.weight", shape: [module.rank, module.inputs],
          values: module.a),
        NamedTensor(
          name: "\(prefix)\(module.name).lora_B.weight", shape: [module.outputs, module.rank],
          values: module.b),
      ]
        + (module.magnitude.map {
          [
            NamedTensor(
              name: "\(prefix)\(module.name).lora_magnitude_vector", shape: [module.outputs],
              values: $0.values)
          ]
        } ?? [])
    }
  }
}
