import Foundation
import Serialization
import TestSupport

/// A folder for one test's files, removed with the object.
final class ScratchFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file and returns its path.
  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
    return path(name)
  }
}

/// The run of the PEFT fixtures, through the built tool.
enum TinyRun {
  /// The configuration of `Tests/Fixtures/training/sequences.json`.
  static func configuration(
    model: String = "models/tiny-tied", is4Bit: Bool = false, steps: Int = 20
  ) -> String {
    """
    model:
      path: \(Fixture.path(model))
      load_in_4bit: \(is4Bit)
    data:
      train: \(Fixture.path("training/conversations.jsonl"))
      shuffle: false
      max_length: 256
    lora:
      init_adapter: \(Fixture.path("training/attention/initial"))
    training:
      output_dir: unused
      compute: f32
      max_steps: \(steps)
      per_device_train_batch_size: 4
      gradient_accumulation_steps: 2
      learning_rate: 1e-2
      lr_scheduler_type: cosine
      warmup_steps: 3
      weight_decay: 0.01
      save_steps: 7
      save_total_limit: null
    """
  }

  /// Whether the CPU has what `training.compute: auto` looks for.
  static let hasFastIntegers =
    ((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "").contains("avx512_vnni")

  /// Trains into `output`.
  static func train(_ config: String, output: String, _ more: [String] = []) throws -> CommandRun {
    try CommandRun(CommandRun.lorikeet, ["train", config, "--output", output, "--quiet"] + more)
  }

  /// The losses that a run logged.
  static func losses(_ run: String) throws -> [Double] {
    let text = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").compactMap {
      try JSON.parse(String($0))["loss"]?.doubleValue
    }
  }

  static func adapterBytes(_ run: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(run)/adapter/adapter_model.safetensors"))
  }
}
