import CausalLM
import Inference
import Kernels
import Quantization
import Serialization

/// The model that a benchmark runs, and in which of the library's ways: the one place where command-line options become
/// settings of the library.
struct ModelUnderTest {
  /// How the frozen weights are kept.
  enum Precision: String, CaseIterable {
    /// As the file has them.
    case file
    /// NF4 with double quantisation.
    case nf4
  }

  /// The options that `init` reads.
  static let options = ["--model", "--precision", "--compute", "--max-memory", "--threads"]
  /// The switches that `init` reads.
  static let switches = ["--without-trie"]

  let path: String
  let precision: Precision
  let compute: Arithmetic
  /// Whether prefixes that rows of a step share are computed once.
  let sharesPrefixes: Bool
  /// The megabytes that the library is told to stay within.
  let maxMemory: Int?

  init(_ options: Options) throws {
    path = options.string("--model") ?? "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    precision = try options.choice("--precision", default: .file)
    compute = try options.choice("--compute", default: .f32)
    sharesPrefixes = !options.has("--without-trie")
    maxMemory = try options.integer("--max-memory")
    if let threads = try options.integer("--threads") { Parallel.threads = threads }
  }

  /// Loads the model so.
  func load() throws -> ChatModel {
    let chat = try ChatModel(path: path, precision: libraryPrecision)
    chat.model.compute(in: compute)
    return chat
  }

  private var libraryPrecision: CausalLM.Precision {
    switch precision {
    case .file: .stored
    case .nf4: .nf4(doubleQuantized: true)
    }
  }

  /// The settings, for a benchmark's result.
  func describe(in json: inout JSONObject) {
    json["precision"] = .string(precision.rawValue)
    json["compute"] = .string(compute.rawValue)
    json["shares_prefixes"] = .bool(sharesPrefixes)
    if let maxMemory { json["max_memory_megabytes"] = .integer(maxMemory) }
    json["threads"] = .integer(Parallel.threads)
    json["kernels"] = .string(KernelPath.active.description)
  }
}
