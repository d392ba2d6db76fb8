import Quantization
import Serialization
import Tokenization

/// The metadata a GGUF file of a model needs so that llama.cpp loads it.
struct GGUFModelMetadata {
  let model: ModelFile

  /// Keys and values in the order to be written.
  func entries(weightType: StorageType) throws -> [(key: String, value: GGUFValue)] {
    let fileType = GGUFValue.uint32(Self.fileType(weightType))
    switch model.source {
    case .gguf(let gguf): return copied(gguf, fileType: fileType)
    case .folder: return try made(fileType: fileType)
    }
  }

  /// The number `general.file_type` has for files mostly of one type.
  ///
  /// - SeeAlso: `enum llama_ftype` in llama.h.
  private static func fileType(_ type: StorageType) -> UInt32 {
    switch type {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q2_k: 10
    case .q3_k: 11
    case .q4_k: 14
    case .q5_k: 16
    case .q6_k: 18
    case .iq4_nl: 25
    case .bf16: 32
    }
  }

  /// All of a GGUF file's metadata, but for what describes how it stores its tensors.
  private func copied(
    _ gguf: GGUFFile, fileType: GGUFValue
  ) -> [(key: String, value: GGUFValue)] {
    let version = GGUFValue.uint32(2)
    var entries: [(key: String, value: GGUFValue)] = []
    for key in gguf.keys where key != "general.alignment" && !key.hasPrefix("split.") {
      switch key {
      case "general.file_type": entries.append((key, fileType))
      case "general.quantization_version": entries.append((key, version))
      default:
        if let value = gguf.value(key) { entries.append((key, value)) }
      }
    }
    for (key, value) in [
      ("general.file_type", fileType), ("general.quantization_version", version),
    ] where gguf.value(key) == nil {
      entries.append((key, value))
    }
    return entries
  }

  private func made(fileType: GGUFValue) throws -> [(key: String, value: GGUFValue)] {
    try checkBlocks()
    let family = model.family
    let architecture = family.ggufArchitecture
    let settings = model.configuration
    func key(_ name: String) -> String { "\(architecture).\(name)" }
    func number(_ key: String) -> Int? { settings[key]?.intValue }

    var entries: [(key: String, value: GGUFValue)] = [
      ("general.architecture", .string(architecture)),
      ("general.type", .string("model")),
      ("general.name", .string(model.displayName)),
    ]
    for setting in family.wholeNumbers where setting.isWritten {
      guard let value = number(setting.huggingFace) else { continue }
      entries.append((key(setting.gguf), .uint32(UInt32(value))))
    }
    if let headSize = number("head_dim") {
      entries.append((key("attention.value_length"), .uint32(UInt32(headSize))))
      entries.append((key("rope.dimension_count"), .uint32(UInt32(headSize))))
    }
    for setting in family.fractions where setting.isWritten {
      guard let value = settings[setting.huggingFace]?.doubleValue else { continue }
      entries.append((key(setting.gguf), .float32(Float(value))))
    }
    if let size = number("vocab_size") {
      entries.append((key("vocab_size"), .uint32(UInt32(size))))
    }
    entries += try ropeScaling().map { (key($0.key), $0.value) }
    entries.append(("general.file_type", fileType))
    entries.append(("general.quantization_version", .uint32(2)))
    entries += try GGUFVocabulary.entries(
      of: try model.makeTokenizer().description, embeddingRows: number("vocab_size") ?? 0,
      path: model.location)
    if let template = try model.chatTemplate() {
      entries.append(("tokenizer.chat_template", .string(template)))
    }
    return entries
  }

  /// The stretching of RoPE that GGUF has keys for; Llama 3's is a tensor instead.
  private func ropeScaling() throws(ModelFileError) -> [(key: String, value: GGUFValue)] {
    switch model.blocks.ropeScaling {
    case .none, .llama3: return []
    case .linear(let factor):
      return [
        ("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(Float(factor))),
      ]
    case .yarn(let yarn):
      guard yarn.truncates else {
        throw .unsupported(
          path: model.location, problem: "has a YaRN ramp between whole pairs",
          remedy: "write a Hugging Face folder instead of a .gguf file")
      }
      let share = yarn.attentionFactor / YarnRopeScaling.attentionFactor(yarn.factor)
      return [
        ("rope.scaling.type", .string("yarn")),
        ("rope.scaling.factor", .float32(Float(yarn.factor))),
        ("rope.scaling.original_context_length", .uint32(UInt32(yarn.originalContextLength))),
        ("rope.scaling.attn_factor", .float32(Float(share))),
        ("rope.scaling.yarn_beta_fast", .float32(Float(yarn.betaFast))),
        ("rope.scaling.yarn_beta_slow", .float32(Float(yarn.betaSlow))),
      ]
    }
  }

  /// Refuses blocks that the architecture has no keys for.
  private func checkBlocks() throws(ModelFileError) {
    let (blocks, family) = (model.blocks, model.family)
    let count = model.configuration["num_hidden_layers"]?.intValue ?? 0
    let meant = family.windows?.ggufBlocks
    if blocks.windowSize != nil,
      (0..<count).contains(where: { blocks.windowed.contains($0) != meant?.contains($0) })
    {
      throw .unsupported(
        path: model.location,
        problem: "sees a window of \(blocks.windowSize ?? 0) tokens, which GGUF's architecture "
          + "\(family.ggufArchitecture) cannot say",
        remedy: "write a Hugging Face folder instead of a .gguf file")
    }
    if family.skipsRotation,
      (0..<count).contains(where: { blocks.rotates(block: $0) == ($0 % 4 == 3) })
    {
      throw .unsupported(
        path: model.location,
        problem: "rotates other blocks than GGUF's architecture \(family.ggufArchitecture) does",
        remedy: "write a Hugging Face folder instead of a .gguf file")
    }
    if let setting = otherThanGGUF() {
      throw .unsupported(
        path: model.location,
        problem: "has \(setting), which GGUF's architecture \(family.ggufArchitecture) cannot say",
        remedy: "write a Hugging Face folder instead of a .gguf file")
    }
  }

  /// A setting that is not what llama.cpp takes for granted in the architecture.
  private func otherThanGGUF() -> String? {
    let (blocks, family, settings) = (model.blocks, model.family, model.configuration)
    func number(_ key: String) -> Int { settings[key]?.intValue ?? 0 }
    if let meant = family.queryScalar?.inGGUF(
      blockCount: number("num_hidden_layers"), hiddenSize: number("hidden_size"),
      heads: number("num_attention_heads"), headSize: number("head_dim")),
      let scalar = blocks.queryScalar, scalar != Double(meant)
    {
      return "a query_pre_attn_scalar other than \(meant)"
    }
    if let theta = blocks.localRopeTheta, theta != 10_000 {
      return "a rope_local_base_freq other than 10000"
    }
    // Where there is a key, llama.cpp takes a bound of its own for one that is not said.
    for (key, value) in [
      ("attn_logit_softcapping", blocks.attentionSoftCap),
      ("final_logit_softcapping", blocks.logitSoftCap),
    ] {
      let isSaid = family.fractions.contains { $0.huggingFace == key }
      if isSaid != (value != nil) { return "\(isSaid ? "no" : "a") \(key)" }
    }
    return nil
  }
}
