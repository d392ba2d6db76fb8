public import Configuration
internal import ModelFiles
public import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// A run's folder: configuration, metrics, checkpoints, adapter, summary.
public final class RunFolder {
  /// Where it is.
  public let path: String
  private var metrics: UnsafeMutablePointer<FILE>?

  /// Folder of checkpoints.
  public var checkpoints: String { "\(path)/checkpoints" }
  /// Folder of the finished adapter.
  public var adapter: String { "\(path)/adapter" }
  /// Folder of the finished model, where all weights were trained.
  public var model: String { "\(path)/model" }
  /// File of the activations below the adapters, while the run goes on.
  public var trunkCache: String { "\(path)/trunk.cache" }

  /// Names an existing folder, or one to be made.
  public init(_ path: String) { self.path = path }

  deinit { closeMetrics() }

  /// Makes the folder with its `config.yaml`.
  ///
  /// - Throws: `TrainingError.outputExists`, or `ModelFileError.notWritten`.
  public func create(_ configuration: RunConfiguration) throws {
    var status = stat()
    if stat(path, &status) == 0 { throw TrainingError.outputExists(path: path) }
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in "\(path)/checkpoints".split(separator: "/") {
      prefix += component
      guard mkdir(prefix, 0o777) == 0 || errno == EEXIST else {
        throw ModelFileError.notWritten(path: prefix, reason: String(cString: strerror(errno)))
      }
      prefix += "/"
    }
    try write(configuration.resolvedYAML(), to: "config.yaml")
  }

  /// Writes a file of the folder, replacing it as a whole.
  public func write(_ text: String, to name: String) throws {
    let file = try AtomicFile(path: "\(path)/\(name)", replacing: true)
    try file.write(text)
    try file.commit()
  }

  /// The checkpoints' paths, newest first.
  public func checkpointPaths() -> [String] {
    let steps = (namesInFolder(checkpoints) ?? []).compactMap { name in
      name.hasPrefix("step-") ? Int(name.dropFirst(5)) : nil
    }
    return steps.sorted(by: >).map { "\(checkpoints)/step-\($0)" }
  }

  /// Saves a checkpoint and removes those beyond `limit`, never the best one.
  ///
  /// - Returns: the new checkpoint's path.
  public func save(_ run: FineTuning, identity: JSONObject, baseModel: String, limit: Int?) throws
    -> String
  {
    let target = "\(checkpoints)/step-\(run.state.step)"
    var status = stat()
    if stat(target, &status) == 0 { removeFolder(target) }
    try Checkpoint.write(target, run: run, identity: identity, baseModel: baseModel)
    if let limit {
      let best = run.state.bestStep.map { "\(checkpoints)/step-\($0)" }
      for old in checkpointPaths().dropFirst(max(1, limit)) where old != best { removeFolder(old) }
    }
    return target
  }

  /// Restores the newest whole checkpoint, or a given one.
  ///
  /// - Parameters:
  ///   - checkpoint: the one to use; nil for the newest that is whole.
  ///   - identity: what the run is of.
  ///   - allowsDifferences: goes on although that is not what the checkpoint was made with.
  ///   - warn: hears of each checkpoint that was passed over, and of each difference.
  /// - Returns: the path of the one that was used.
  /// - Throws: `TrainingError.nothingToResume` where none is whole, and what a mismatch calls for.
  public func resume(
    _ run: FineTuning, from checkpoint: String? = nil, identity: JSONObject,
    allowsDifferences: Bool = false, warn: (String) -> Void
  ) throws -> String {
    func restore(_ path: String) throws -> String {
      let differences = try Checkpoint.restore(
        path, into: run, identity: identity, allowsDifferences: allowsDifferences)
      for difference in differences { warn("goes on with another \(difference)") }
      try truncateMetrics(after: run.state.step)
      removeAbandoned()
      return path
    }
    if let checkpoint { return try restore(checkpoint) }
    for candidate in checkpointPaths() {
      do {
        return try restore(candidate)
      } catch let error as TrainingError {
        guard case .damagedCheckpoint = error else { throw error }
        warn(error.description)
      }
    }
    throw TrainingError.nothingToResume(path: path)
  }

  /// Removes what a process that was killed had begun to write.
  private func removeAbandoned() {
    for folder in [path, checkpoints] {
      for name in namesInFolder(folder) ?? []
      where name.hasPrefix(".") && name.hasSuffix(".partial") {
        let entry = "\(folder)/\(name)"
        var status = stat()
        guard lstat(entry, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR { removeFolder(entry) } else { unlink(entry) }
      }
    }
  }

  /// Appends a line to `metrics.jsonl`.
  public func log(_ line: JSONObject) throws {
    if metrics == nil { metrics = fopen("\(path)/metrics.jsonl", "a") }
    let text = JSONValue.object(line).serialized() + "\n"
    guard let metrics, fputs(text, metrics) >= 0, fflush(metrics) == 0 else {
      throw ModelFileError.notWritten(
        path: "\(path)/metrics.jsonl", reason: String(cString: strerror(errno)))
    }
  }

  private func closeMetrics() {
    if let metrics { fclose(metrics) }
    metrics = nil
  }

  /// Drops lines of steps that will be taken again.
  private func truncateMetrics(after step: Int) throws {
    closeMetrics()
    guard let file = try? MappedFile(path: "\(path)/metrics.jsonl") else { return }
    var kept: [UInt8] = []
    for line in file.withBytes({ Array($0) }).split(separator: 10) {
      guard let json = try? JSON.parse(Array(line)), let number = json["step"]?.intValue,
        number <= step
      else { continue }
      kept += line
      kept.append(10)
    }
    let output = try AtomicFile(path: "\(path)/metrics.jsonl", replacing: true)
    try output.write(kept)
    try output.commit()
  }
}

extension RunFolder {
  /// Has the `model` folder made by `write`, in place of one that may be there.
  public func replaceModel(_ write: (_ path: String) throws -> Void) throws {
    removeFolder(model)
    try write(model)
  }

  /// Makes the `adapter` folder whole, in place of one that may be there.
  public func replaceAdapter(_ write: (_ staging: String) throws -> Void) throws {
    removeFolder(adapter)
    let folder = try StagedFolder(path: adapter)
    try write(folder.stagingPath)
    try folder.commit()
  }
}
