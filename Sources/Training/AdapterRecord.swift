internal import LoRA
public import ModelFiles
public import Serialization

/// `lorikeet.json`, which stands beside an adapter: what it was trained on, so that it is used on the same.
///
/// A GGUF adapter holds the same text as metadata.
public struct AdapterRecord: Sendable, Equatable {
  /// The file's name in the adapter folder.
  public static let fileName = "lorikeet.json"
  /// The metadata key in a GGUF adapter.
  public static let metadataKey = "lorikeet.json"

  /// What the base model was called.
  public var baseName: String
  /// SHA-256 of the base model's files.
  public var baseHash: String
  /// `nf4`, or `file` for the file's own weights.
  public var precision: String
  /// Whether NF4's block scales were quantised themselves.
  public var isDoubleQuantized: Bool
  /// SHA-256 of the chat template's text.
  public var templateHash: String
  /// SHA-256 of the training data.
  public var dataHash: String

  /// Makes a record.
  public init(
    baseName: String, baseHash: String, precision: String, isDoubleQuantized: Bool,
    templateHash: String,
    dataHash: String
  ) {
    self.baseName = baseName
    self.baseHash = baseHash
    self.precision = precision
    self.isDoubleQuantized = isDoubleQuantized
    self.templateHash = templateHash
    self.dataHash = dataHash
  }

  /// The record as JSON.
  public var json: JSONValue {
    var object = JSONObject()
    object["format_version"] = 1
    object["base_model"] = .string(baseName)
    object["base_sha256"] = .string(baseHash)
    object["precision"] = .string(precision)
    object["bnb_4bit_use_double_quant"] = .bool(isDoubleQuantized)
    object["chat_template_sha256"] = .string(templateHash)
    object["data_sha256"] = .string(dataHash)
    return .object(object)
  }

  /// The record as an entry of a GGUF adapter's metadata.
  public var metadata: (key: String, value: GGUFValue) {
    (Self.metadataKey, .string(json.serialized()))
  }

  /// Writes the record into an adapter folder that is being made.
  ///
  /// - Throws: `ModelFileError`.
  public func write(to staging: String) throws {
    let file = try AtomicFile(path: "\(staging)/\(Self.fileName)")
    try file.write(json.serialized(pretty: true) + "\n")
    try file.commit()
  }

  /// Reads the record of an adapter, a folder or a GGUF file; nil where there is none or it is not one.
  public static func read(adapter path: String) -> AdapterRecord? {
    guard let json = LoRAAdapter.isFile(path) ? embedded(path) : beside(path),
      let hash = json["base_sha256"]?.stringValue, let precision = json["precision"]?.stringValue
    else { return nil }
    return AdapterRecord(
      baseName: json["base_model"]?.stringValue ?? "", baseHash: hash, precision: precision,
      isDoubleQuantized: json["bnb_4bit_use_double_quant"]?.boolValue ?? true,
      templateHash: json["chat_template_sha256"]?.stringValue ?? "",
      dataHash: json["data_sha256"]?.stringValue ?? "")
  }

  /// What adapters that were made into one were trained on; nil where they have no records, or met other weights.
  ///
  /// The data's hash stays only where all saw the same.
  public static func common(of adapters: [String]) -> AdapterRecord? {
    let records = adapters.map { read(adapter: $0) }
    guard var common = records.first ?? nil else { return nil }
    for record in records {
      guard let record, record.baseHash == common.baseHash, record.precision == common.precision,
        record.isDoubleQuantized == common.isDoubleQuantized
      else { return nil }
      if record.templateHash != common.templateHash { common.templateHash = "" }
      if record.dataHash != common.dataHash { common.dataHash = "" }
    }
    return common
  }

  private static func beside(_ folder: String) -> JSONValue? {
    guard let file = try? MappedFile(path: "\(folder)/\(fileName)") else { return nil }
    return try? file.withBytes { try JSON.parse($0) }
  }

  private static func embedded(_ path: String) -> JSONValue? {
    guard let file = try? MappedFile(path: path), GGUFFile.hasMagic(file),
      let gguf = try? GGUFFile(file), let text = gguf.value(metadataKey)?.stringValue
    else { return nil }
    return try? JSON.parse(text)
  }
}
