internal import CausalLM
internal import Kernels
internal import LoRA
internal import ModelFiles
internal import Quantization
public import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// A run's state on disk: adapter, moments, progress, and what they belong to.
///
///     step-N/adapter/…               the adapter as PEFT keeps it
///     step-N/optimizer.safetensors   both moments, and the best adapter so far
///     step-N/manifest.json           progress, identity, what was chosen that changes numbers, and every file's size
///                                    and SHA-256
///
/// The folder is made under a temporary name and renamed, so under its own name it is whole; the manifest makes later
/// damage recognisable. Random numbers and the order of data are functions of the seed and the step.
public enum Checkpoint {
  /// Version of the manifest.
  static let version = 2
  static let manifestName = "manifest.json"
  static let optimizerName = "optimizer.safetensors"
  static let adapterName = "adapter"

  /// Writes a checkpoint.
  ///
  /// - Parameters:
  ///   - path: the folder to make, such as `…/checkpoints/step-50`.
  ///   - run: the loop, between two steps.
  ///   - identity: what the run is of; a resume with another is refused.
  ///   - baseModel: what the adapter's configuration calls the base.
  public static func write(_ path: String, run: FineTuning, identity: JSONObject, baseModel: String)
    throws
  {
    let folder = try StagedFolder(path: path)
    let adapterPath = "\(folder.stagingPath)/\(adapterName)"
    guard mkdir(adapterPath, 0o777) == 0 else {
      throw ModelFileError.notWritten(path: adapterPath, reason: String(cString: strerror(errno)))
    }
    try AdapterFolder.write(run.adapter, to: adapterPath, baseModel: baseModel)
    let count = run.adapter.parameters.count
    let buffers =
      [("first_moment", run.firstMoment), ("second_moment", run.secondMoment)]
      + (run.bestParameters.map { [("best_parameters", $0)] } ?? [])
      + (run.retainingParameters.map { [("retaining_parameters", $0)] } ?? [])
    try SafetensorsWriter.write(
      buffers.map { .init(name: $0.0, shape: [count], values: UnsafePointer($0.1.base)) },
      path: "\(folder.stagingPath)/\(optimizerName)")

    var files = JSONObject()
    for name in [
      "\(adapterName)/adapter_config.json", "\(adapterName)/adapter_model.safetensors",
      optimizerName,
    ] {
      let file = try MappedFile(path: "\(folder.stagingPath)/\(name)")
      var entry = JSONObject()
      entry["bytes"] = .integer(file.count)
      entry["sha256"] = .string(file.digest())
      files[name] = .object(entry)
    }
    var manifest = JSONObject()
    manifest["format_version"] = .integer(version)
    manifest["state"] = .object(json(run.state))
    manifest["identity"] = .object(identity)
    var numeric = JSONObject()
    numeric["tokens_at_once"] = .integer(run.memoryPlan.cut.tokensAtOnce)
    numeric["activations"] = .string(run.memoryPlan.activations.storage.rawValue)
    manifest["memory"] = .object(numeric)
    manifest["files"] = .object(files)
    try folder.write(JSONValue.object(manifest).serialized(pretty: true), to: manifestName)
    try folder.commit()
  }

  /// The manifest of a whole checkpoint.
  ///
  /// - Throws: `TrainingError.damagedCheckpoint` where a file is missing or differs from the manifest.
  static func verifiedManifest(_ path: String) throws -> JSONObject {
    func damaged(_ reason: String) -> TrainingError {
      .damagedCheckpoint(path: path, reason: reason)
    }
    guard let file = try? MappedFile(path: "\(path)/\(manifestName)"),
      let manifest = (try? file.withBytes { try JSON.parse($0) })?.objectValue
    else { throw damaged("\(manifestName) is missing or unreadable") }
    guard manifest["format_version"]?.intValue == version else {
      throw damaged(
        "its format is version \(manifest["format_version"]?.serialized() ?? "unknown"), this program reads \(version)"
      )
    }
    guard let files = manifest["files"]?.objectValue, files.count > 0 else {
      throw damaged("its manifest lists no files")
    }
    for (name, entry) in files {
      guard !name.hasPrefix("/"), !name.contains("..") else {
        throw damaged("its manifest names \(name)")
      }
      guard let content = try? MappedFile(path: "\(path)/\(name)") else {
        throw damaged("\(name) is missing")
      }
      guard content.count == entry["bytes"]?.intValue,
        content.digest() == entry["sha256"]?.stringValue
      else { throw damaged("\(name) differs from what was saved") }
    }
    return manifest
  }

  /// Brings a run to the state of a checkpoint.
  ///
  /// - Parameters:
  ///   - identity: what the run is of.
  ///   - allowsDifferences: goes on where that is not what the checkpoint was made with, as far as its numbers fit.
  /// - Returns: in what the two differ.
  /// - Throws: `TrainingError.resumeMismatch` where they do and must not, `.damagedCheckpoint`, and what reading an
  ///   adapter throws.
  @discardableResult public static func restore(
    _ path: String, into run: FineTuning, identity: JSONObject, allowsDifferences: Bool = false
  ) throws -> [String] {
    let manifest = try verifiedManifest(path)
    let saved = manifest["identity"]?.objectValue ?? JSONObject()
    let differences = identity.compactMap { key, value in
      saved[key] == value
        ? nil : "\(key) (\(saved[key]?.serialized() ?? "none") then, \(value.serialized()) now)"
    }
    if !differences.isEmpty, !allowsDifferences {
      throw TrainingError.resumeMismatch(path: path, differences: differences)
    }
    guard let state = manifest["state"]?.objectValue.flatMap(Self.state) else {
      throw TrainingError.damagedCheckpoint(path: path, reason: "its manifest holds no state")
    }
    // The limit may be another now; what changes numbers stays.
    guard let tokens = manifest["memory"]?["tokens_at_once"]?.intValue, tokens > 0,
      let storage = manifest["memory"]?["activations"]?.stringValue.flatMap(
        ActivationPlan.Storage.init)
    else {
      throw TrainingError.damagedCheckpoint(
        path: path, reason: "its manifest does not say how activations were kept")
    }
    try run.adopt(tokensAtOnce: tokens, storage: storage)
    try AdapterFolder.load("\(path)/\(adapterName)/adapter_model.safetensors", into: run.adapter)
    let optimizer = try SafetensorsFile(path: "\(path)/\(optimizerName)")
    defer { withExtendedLifetime(optimizer) {} }
    func fill(_ buffer: FloatBuffer, _ name: String) throws {
      guard let tensor = optimizer.tensor(named: name), tensor.shape == [buffer.count],
        let type = tensor.type.storage, type.blockElements == 1
      else {
        throw TrainingError.damagedCheckpoint(path: path, reason: "\(optimizerName) lacks \(name)")
      }
      type.dequantize(
        optimizer.file.baseAddress + tensor.byteOffset, count: buffer.count, into: buffer.base)
    }
    try fill(run.firstMoment, "first_moment")
    try fill(run.secondMoment, "second_moment")
    func copy(_ name: String) throws -> FloatBuffer? {
      guard optimizer.tensor(named: name) != nil else { return nil }
      let buffer = FloatBuffer(count: run.adapter.parameters.count)
      try fill(buffer, name)
      return buffer
    }
    run.bestParameters = try copy("best_parameters")
    run.retainingParameters = try copy("retaining_parameters")
    run.model.updateMagnitudes()
    run.state = state
    run.checkpointStep = state.step
    return differences
  }

  private static func json(_ state: FineTuning.State) -> JSONObject {
    var json = JSONObject()
    json["step"] = .integer(state.step)
    json["last_loss"] = .number(state.lastLoss)
    json["best_validation_loss"] = state.bestValidationLoss.map { .number($0) } ?? .null
    json["best_step"] = state.bestStep.map { .integer($0) } ?? .null
    json["validations_without_best"] = .integer(state.validationsWithoutBest)
    json["retention_loss_before"] = state.retentionLossBefore.map { .number($0) } ?? .null
    json["retention_loss"] = state.retentionLoss.map { .number($0) } ?? .null
    json["trained_tokens"] = .integer(state.trainedTokens)
    json["supervised_tokens"] = .integer(state.supervisedTokens)
    json["seconds"] = .number(state.seconds)
    json["step_seconds"] = .number(state.stepSeconds)
    return json
  }

  private static func state(_ json: JSONObject) -> FineTuning.State? {
    var state = FineTuning.State()
    guard let step = json["step"]?.intValue, step >= 0 else { return nil }
    state.step = step
    state.lastLoss = json["last_loss"]?.doubleValue ?? 0
    state.bestValidationLoss = json["best_validation_loss"]?.doubleValue
    state.bestStep = json["best_step"]?.intValue
    state.validationsWithoutBest = json["validations_without_best"]?.intValue ?? 0
    state.retentionLossBefore = json["retention_loss_before"]?.doubleValue
    state.retentionLoss = json["retention_loss"]?.doubleValue
    state.trainedTokens = json["trained_tokens"]?.intValue ?? 0
    state.supervisedTokens = json["supervised_tokens"]?.intValue ?? 0
    state.seconds = json["seconds"]?.doubleValue ?? 0
    state.stepSeconds = json["step_seconds"]?.doubleValue ?? 0
    return state
  }
}
