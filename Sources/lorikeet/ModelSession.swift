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

/// Loads what most commands need: model, precision, adapter.
enum ModelSession {
  /// The flags that choose a model.
  static let flags = [
    Flag(
      name: "--model", value: "M",
      help: "a .gguf file, a Hugging Face folder, or org/name in the local cache", isRequired: true),
    Flag(name: "--adapter", value: "A", help: "a PEFT adapter folder or a GGUF adapter"),
    Flag(
      name: "--load-in-4bit", value: nil,
      help: "hold the linear layers in NF4 with double quantisation"),
  ]

  /// Opens the model that the arguments name, with its adapter.
  ///
  /// An adapter's own record says what precision it was trained on; it is followed, and said so.
  static func open(_ arguments: Arguments, _ console: Console) throws -> ChatModel {
    let path = arguments.string("--model") ?? ""
    let adapter = arguments.string("--adapter")
    let record = adapter.flatMap(AdapterRecord.read)
    var precision: CausalLM.Precision = .stored
    if arguments.has("--load-in-4bit") {
      precision = .nf4(doubleQuantized: true)
      if let record, record.precision != "nf4" {
        console.note(
          "warning: the adapter was trained on the file's own weights, and --load-in-4bit changes them"
        )
      }
    } else if let record, record.precision == "nf4" {
      precision = .nf4(doubleQuantized: record.isDoubleQuantized)
      console.note("base in NF4, as the adapter was trained (\(AdapterRecord.fileName))")
    }
    let chat = try load(path, precision, console)
    if let record, record.baseHash != (try chat.file.contentHash()) {
      console.note(
        "warning: the adapter was trained on \(record.baseName), whose content differs from \(path); its answers may be worse"
      )
    }
    if let adapter { try chat.attachAdapter(adapter) }
    return chat
  }

  /// Opens a model with progress; refuses one that memory cannot hold.
  static func load(_ path: String, _ precision: CausalLM.Precision, _ console: Console) throws
    -> ChatModel
  {
    let file = try ModelFile.open(path)
    try Memory.check(file, precision)
    return try ChatModel(path: path, precision: precision) { done, of in
      console.progress("loading \(done)/\(of) layers", isLast: done == of && precision != .stored)
    }
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
