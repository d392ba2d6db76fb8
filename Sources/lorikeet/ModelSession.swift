import CausalLM
import Datasets
import Inference
import LoRA
import ModelFiles
import Serialization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Loads models, and shows how far that is where it takes long.
enum ModelSession {
  /// Opens a model; refuses one that memory cannot hold.
  static func load(_ path: String, _ precision: CausalLM.Precision, _ console: Console) throws
    -> ChatModel
  {
    let file = try ModelFile.open(path)
    try Memory.check(file, precision)
    let name = precision == .stored ? "loading" : "quantising to NF4"
    return try console.stage(name, in: .things("blocks")) { progress in
      try ChatModel(path: path, precision: precision, progress: progress)
    }
  }

  /// A model's hash, for which every byte of it is read.
  static func contentHash(of file: ModelFile, _ console: Console) throws -> String {
    try console.stage("hashing the base", in: .bytes) { try file.contentHash(progress: $0) }
  }
}

/// What memory this process can have.
enum Memory {
  /// Bytes that may still be allocated, as the kernel estimates it.
  static var availableBytes: Int {
    guard let file = fopen("/proc/meminfo", "r") else { return Int.max }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    while fgets(&line, 127, file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix("MemAvailable:") {
        let words = text.split { $0 == " " }
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1_024 : Int.max
      }
    }
    return Int.max
  }

  /// Throws where f32 weights, gradients and both moments cannot be in memory.
  static func checkTraining(_ file: ModelFile) throws {
    let (needed, available) = (16 * file.parameterCount, availableBytes)
    if needed > available {
      throw ModelError.tooLargeToTrain(
        path: file.path, neededBytes: needed, availableBytes: available)
    }
  }

  /// Throws where the model's weights alone cannot be in memory.
  static func check(_ file: ModelFile, _ precision: CausalLM.Precision) throws {
    let needed =
      precision == .stored
      ? file.byteCount : min(file.byteCount, file.parameterCount * 9 / 16) + file.parameterCount / 8
    let available = availableBytes
    if needed > available {
      throw ModelError.tooLarge(path: file.path, neededBytes: needed, availableBytes: available)
    }
  }
}
