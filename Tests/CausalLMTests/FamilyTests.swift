import CausalLM
import Datasets
import Foundation
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

/// Every family against PyTorch, from both file formats.
@Suite("Families") struct FamilyTests {
  static let names = [
    "llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma2", "gemma3_text",
  ]
  static let formats = ["", "/model.gguf"]

  static func load(_ path: String, precision: CausalLM.Precision = .stored) throws -> CausalLM {
    try CausalLM.load(try ModelFile.open(Fixture.path("families/\(path)")), precision: precision)
  }

  static func adapted(_ family: String, format: String = "") throws -> (CausalLM, LoRAAdapter) {
    let model = try load(family + format)
    let adapter = try AdapterFolder.read(
      Fixture.path("families/\(family)/adapter"), for: model.adaptableLayers)
    model.attach(adapter)
    return (model, adapter)
  }

  @Test("give Transformers' logits, in either file format", arguments: names, formats)
  func logits(_ family: String, _ format: String) throws {
    let model = try Self.load(family + format)
    let fixture = try TensorFixture("families/\(family)/logits.safetensors")
    for length in [1, 7, 33] {
      let ids = fixture.integers("input_ids.\(length)")
      let logits = model.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
      #expect(relativeError(logits, fixture.floats("logits.\(length)")) < 2e-6, "\(length)")
    }
  }

  @Test("give PyTorch's gradients of every adapter matrix", arguments: names, formats)
  func gradients(_ family: String, _ format: String) throws {
    let (model, adapter) = try Self.adapted(family, format: format)
    let reference = try TensorFixture("families/\(family)/gradients.safetensors")
    let (batch, supervised) = GradientTests.batch(reference)
    let sums = model.accumulateGradients(batch, gradientScale: 1 / Float(supervised), dropout: nil)
    #expect(abs(Float(sums.mean) - reference.floats("loss")[0]) < 1e-5)
    for module in adapter.modules {
      let prefix = "grad.base_model.model.\(module.name)"
      for (grad, width, part) in [
        (module.gradA, module.inputs, "A"), (module.gradB, module.outputs, "B"),
      ] {
        let values = [Float](UnsafeBufferPointer(start: grad, count: module.rank * width))
        #expect(
          relativeError(values, reference.floats("\(prefix).lora_\(part).weight")) < 2e-5,
          "\(module.name) \(part)")
      }
    }
  }

  @Test("decode token by token to the logits of the whole forward pass", arguments: names)
  func decoding(_ family: String) throws {
    let (model, _) = try Self.adapted(family)
    var numbers = SeededNumbers(71)
    let sequences = [12, 9, 15].map { length in
      (0..<length).map { _ in Int32(numbers.integer(below: 320)) }
    }
    let caches = sequences.map { _ in KeyValueCache(model, capacity: 4) }
    model.prefill(sequences.map { Array($0.prefix(2)) }, caches: caches) { _, _ in }
    for position in 2..<9 {
      model.decode(sequences.map { $0[position] }, caches: caches) { index, logits in
        let prefix = Array(sequences[index].prefix(position + 1))
        let whole = model.logits(TokenBatch(sequences: [prefix]), rows: [position])[0]
        #expect(relativeError(Array(logits), whole) < 2e-6, "sequence \(index), \(position)")
      }
    }
    // What was decoded goes on as the beginning of further prompts.
    let ends = sequences.map { Array($0[9...]) }.prefix(1)
    let copies = ends.map { _ in KeyValueCache(copying: caches[0], capacity: 20) }
    model.prefill(Array(ends), caches: copies, after: caches[0]) { index, logits in
      let whole = model.logits(
        TokenBatch(sequences: [sequences[index]]), rows: [sequences[index].count - 1])[0]
      #expect(relativeError(Array(logits), whole) < 2e-6)
    }
  }

  /// Loss and gradients of rows that share beginnings.
  private static func numbers(
    _ family: String, shares: Bool = true, plan: ActivationPlan = ActivationPlan()
  ) throws -> [Float] {
    let (model, adapter) = try adapted(family)
    model.keepActivations(plan)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: shares)
    let sums = model.accumulateGradients(batch, gradientScale: 0.01, dropout: nil)
    return [Float(sums.loss)]
      + UnsafeBufferPointer(start: adapter.gradients.base, count: adapter.gradients.count)
  }

  @Test("have the same loss and gradients where beginnings are shared", arguments: names)
  func sharedBeginnings(_ family: String) throws {
    let (shared, apart) = (
      try Self.numbers(family), try Self.numbers(family, shares: false)
    )
    #expect(relativeError(Array(shared.dropFirst()), Array(apart.dropFirst())) < 1e-5)
    #expect(abs(shared[0] - apart[0]) < 1e-6 * apart[0])
    let model = try Self.load(family)
    let rows = SharedPrefixTests.examples(seed: 2).map(\.tokens)
    let layout = TokenLayout(rows, sharesPrefixes: true)
    let logits = model.logits(TokenBatch(tokens: layout.tokens, segments: layout.segments))
    expectSameBits(
      rows.indices.flatMap { layout.ranges(of: $0).joined() }.flatMap { logits[$0] },
      model.logits(TokenBatch(sequences: rows)).flatMap { $0 })
  }

  @Test("have the same bits on any number of threads, and computed again", arguments: names)
  func sameBits(_ family: String) throws {
    let kept = try Self.numbers(family)
    try expectSameBits(Self.numbers(family, plan: ActivationPlan(keptBlocks: 0)), kept)
    expectSameBitsOnAnyThreads { (try? Self.numbers(family)) ?? [] }
  }

  @Test("lose some thousandths of their gradients where activations are rounded", arguments: names)
  func rounded(_ family: String) throws {
    let kept = try Self.numbers(family)
    let rounded = try Self.numbers(family, plan: ActivationPlan(storage: .bf16))
    #expect(rounded[0] == kept[0])
    let error = relativeError(Array(rounded.dropFirst()), Array(kept.dropFirst()))
    #expect(error < 2e-2 && error > 0)
  }

  @Test("written back in either format compute the same", arguments: names, formats)
  func writtenBack(_ family: String, _ format: String) throws {
    let scratch = NSTemporaryDirectory() + "lorikeet-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    // A folder has its tokenizer beside it; the models share one.
    let source = format.isEmpty ? scratch + "/source" : Fixture.path("families/\(family)\(format)")
    if format.isEmpty {
      try FileManager.default.copyItem(
        atPath: Fixture.path("families/\(family)"), toPath: source)
      for name in ["tokenizer.json", "tokenizer_config.json"] {
        try FileManager.default.copyItem(
          atPath: Fixture.path("models/tiny-tied/\(name)"), toPath: "\(source)/\(name)")
      }
    }
    let file = try ModelFile.open(source)
    let rows: RowSource = { name, rows, values in
      let tensor = try #require(file.tensor(named: name))
      tensor.dequantize(rows: rows, into: try #require(values.baseAddress))
    }
    try GGUFModelWriter.write(file, to: scratch + "/out.gguf", as: .f16, rows: rows)
    try HuggingFaceWriter.write(file, to: scratch + "/out", as: .bf16, rows: rows)
    let ids = try TensorFixture("families/\(family)/logits.safetensors").integers("input_ids.33")
    let batch = TokenBatch(sequences: [ids])
    let expected = try CausalLM.load(file).logits(batch).flatMap { $0 }
    for output in ["/out.gguf", "/out"] {
      let copy = try ModelFile.open(scratch + output)
      #expect(copy.architecture == family)
      #expect(copy.blocks.windowSize == file.blocks.windowSize)
      #expect(Set(copy.tensorNames) == Set(file.tensorNames))
      expectSameBits(try CausalLM.load(copy).logits(batch).flatMap { $0 }, expected, output)
    }
  }

  @Test("written with a head of their own compute the same, and say so", arguments: names)
  func untied(_ family: String) throws {
    let scratch = NSTemporaryDirectory() + "lorikeet-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let file = try ModelFile.open(Fixture.path("families/\(family)/model.gguf"))
    let untied = file.untied()
    let wasTied = file.hasTiedEmbeddings
    #expect(!untied.hasTiedEmbeddings)
    #expect(untied.tensorNames.count == file.tensorNames.count + (wasTied ? 1 : 0))
    let rows: RowSource = { name, rows, values in
      let tensor = try #require(untied.tensor(named: name))
      tensor.dequantize(rows: rows, into: try #require(values.baseAddress))
    }
    let ids = try TensorFixture("families/\(family)/logits.safetensors").integers("input_ids.33")
    let batch = TokenBatch(sequences: [ids])
    let expected = try CausalLM.load(file).logits(batch).flatMap { $0 }
    for output in ["/out", "/out.gguf"] {
      let path = scratch + output
      if output == "/out" {
        try HuggingFaceWriter.write(untied, to: path, as: .f32, rows: rows)
      } else if family == "gemma2" {
        // llama.cpp would not load it.
        let error = #expect(throws: ModelFileError.self) {
          try GGUFModelWriter.write(untied, to: path, as: .f32, rows: rows)
        }
        #expect(
          error?.description.contains("has no place for a head apart from the embeddings") == true)
        continue
      } else {
        try GGUFModelWriter.write(untied, to: path, as: .f32, rows: rows)
      }
      let copy = try ModelFile.open(path)
      #expect(!copy.hasTiedEmbeddings && copy.tensor(named: "lm_head.weight") != nil)
      expectSameBits(try CausalLM.load(copy).logits(batch).flatMap { $0 }, expected, output)
    }
  }

  @Test(
    "compute as Transformers does by settings that their GGUF files have no keys for",
    arguments: ["scalar", "stretched", "listed"])
  func variants(_ name: String) throws {
    let scratch = NSTemporaryDirectory() + "lorikeet-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let family = Fixture.path("families/gemma3_text")
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    for (from, to) in [
      ("\(name).config.json", "config.json"), ("model.safetensors", "model.safetensors"),
    ] {
      try FileManager.default.copyItem(atPath: "\(family)/\(from)", toPath: "\(scratch)/\(to)")
    }
    let file = try ModelFile.open(scratch)
    let reference = try TensorFixture("families/gemma3_text/\(name).logits.safetensors")
    let batch = TokenBatch(sequences: [reference.integers("input_ids.33")])
    let logits = try CausalLM.load(file).logits(batch).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.33")) < 2e-6)
    #expect(throws: ModelFileError.self) {
      try GGUFModelWriter.write(file, to: scratch + "/out.gguf", as: .f16) { _, _, _ in }
    }
  }

  @Test(
    "stretch RoPE as Transformers does, from config.json and from GGUF's keys",
    arguments: ["linear", "yarn", "yarn-given"])
  func ropeScaling(_ name: String) throws {
    let scratch = NSTemporaryDirectory() + "lorikeet-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let folder = scratch + "/source"
    try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Fixture.path("families/llama"), toPath: folder)
    try FileManager.default.removeItem(atPath: folder + "/config.json")
    for (from, to) in [
      ("families/llama/\(name).config.json", "config.json"),
      ("models/tiny-tied/tokenizer.json", "tokenizer.json"),
      ("models/tiny-tied/tokenizer_config.json", "tokenizer_config.json"),
    ] {
      try FileManager.default.copyItem(atPath: Fixture.path(from), toPath: "\(folder)/\(to)")
    }
    let file = try ModelFile.open(folder)
    let reference = try TensorFixture("families/llama/\(name).logits.safetensors")
    let batch = TokenBatch(sequences: [reference.integers("input_ids.33")])
    let logits = try CausalLM.load(file).logits(batch).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.33")) < 2e-6)
    try GGUFModelWriter.write(file, to: scratch + "/out.gguf", as: .f16) { name, rows, values in
      let tensor = try #require(file.tensor(named: name))
      tensor.dequantize(rows: rows, into: try #require(values.baseAddress))
    }
    let copy = try CausalLM.load(try ModelFile.open(scratch + "/out.gguf"))
    #expect(relativeError(copy.logits(batch).flatMap { $0 }, logits) < 1e-6)
  }
}
