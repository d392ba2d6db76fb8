import Foundation
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

@Suite("GGUF adapters") struct GGUFAdapterFileTests {
  typealias Layer = LoRAConfiguration.Layer

  /// The layers of a tiny model, with their GGUF names.
  static func layers(_ model: String = "tiny-tied") throws -> [Layer] {
    let file = try ModelFile.open(Fixture.path("models/\(model)"))
    return file.tensorNames.filter { $0.hasSuffix("_proj.weight") }.compactMap { name in
      file.tensor(named: name).map {
        Layer(
          name: String(name.dropLast(7)), inputs: $0.shape[1], outputs: $0.shape[0],
          gguf: file.ggufName(of: name))
      }
    }
  }

  /// A file in a folder of its own, which goes away with the value.
  final class ScratchFile {
    let folder = NSTemporaryDirectory() + "lorikeet-\(UUID().uuidString)"
    var path: String { "\(folder)/adapter.gguf" }
    init() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }
  }

  static func a(_ module: LoRAModule) -> [Float] {
    Array(UnsafeBufferPointer(start: module.a, count: module.rank * module.inputs))
  }
  static func b(_ module: LoRAModule) -> [Float] {
    Array(UnsafeBufferPointer(start: module.b, count: module.rank * module.outputs))
  }

  static func expectSame(_ adapter: LoRAAdapter, _ expected: LoRAAdapter) {
    #expect(adapter.modules.map(\.name) == expected.modules.map(\.name))
    for (module, reference) in zip(adapter.modules, expected.modules) {
      expectSameBits(a(module), a(reference), "\(module.name) A")
      expectSameBits(b(module), b(reference), "\(module.name) B")
      #expect(module.scale == reference.scale, "\(module.name)")
    }
  }

  @Test(
    "that gguf-py wrote hold what the PEFT folder holds, bit for bit",
    arguments: ["plain", "all-linear"])
  func readsWhatOthersWrite(_ name: String) throws {
    let layers = try Self.layers()
    let adapter = try LoRAAdapter.read(Fixture.path("lora/\(name).gguf"), for: layers)
    Self.expectSame(adapter, try LoRAAdapter.read(Fixture.path("lora/\(name)"), for: layers))
  }

  @Test(
    "have the bytes of those that gguf-py wrote, tensor by tensor",
    arguments: [("plain", StorageType.f32), ("all-linear", .f16)])
  func writesWhatOthersWrite(_ name: String, _ type: StorageType) throws {
    let layers = try Self.layers()
    let scratch = try ScratchFile()
    let written = try GGUFAdapterFile.write(
      try LoRAAdapter.read(Fixture.path("lora/\(name)"), for: layers), to: scratch.path,
      for: layers, as: type, name: "a")
    #expect(written.foldedCount == 0)
    let ours = try GGUFAdapterFile(path: scratch.path)
    let theirs = try GGUFAdapterFile(path: Fixture.path("lora/\(name).gguf"))
    #expect(ours.alpha == theirs.alpha)
    #expect(ours.architecture == "llama")
    #expect(written.byteCount == ours.file.file.count)
    #expect(Set(ours.file.tensors.map(\.name)) == Set(theirs.file.tensors.map(\.name)))
    for tensor in theirs.file.tensors {
      let other = try #require(ours.file.tensor(named: tensor.name))
      #expect(other.shape == tensor.shape && other.type == tensor.type, "\(tensor.name)")
      #expect(
        ours.file.file.bytes[other.byteOffset..<other.byteOffset + other.byteCount].elementsEqual(
          theirs.file.file.bytes[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount]),
        "\(tensor.name)")
    }
  }

  @Test(
    "written and read back hold the same bits, in each type that holds them",
    arguments: ["plain", "all-linear", "one-layer", "bf16", "regex"],
    [StorageType.f32, .f16, .bf16])
  func roundTrip(_ name: String, _ type: StorageType) throws {
    for model in ["tiny-tied", "tiny-tied.f32.gguf"] {
      let layers = try Self.layers(model)
      let adapter = try LoRAAdapter.read(Fixture.path("lora/\(name)"), for: layers)
      let scratch = try ScratchFile()
      _ = try GGUFAdapterFile.write(
        adapter, to: scratch.path, for: layers, as: type, name: "a")
      let back = try LoRAAdapter.read(scratch.path, for: layers)
      Self.expectSame(back, adapter)
      // What PEFT will be told describes the same modules.
      let shapes = try back.configuration.shapes(for: layers)
      #expect(shapes.map(\.name) == adapter.modules.map(\.name))
      #expect(shapes.map(\.scale) == adapter.modules.map(\.scale))
    }
  }

  @Test("move the rows of B in heads that are rotated, and nothing of A")
  func permutesB() throws {
    let gguf = GGUFTensorName(architecture: "llama", name: "q.weight", rowPermutationHeads: 2)
    let layers = [Layer(name: "q", inputs: 3, outputs: 12, gguf: gguf)]
    let configuration = LoRAConfiguration(rank: 1, alpha: 1, targets: .names(["q"]))
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: layers), configuration: configuration)
    let module = adapter.modules[0]
    for index in 0..<3 { module.a[index] = Float(100 + index) }
    for index in 0..<12 { module.b[index] = Float(index) }
    let scratch = try ScratchFile()
    _ = try GGUFAdapterFile.write(adapter, to: scratch.path, for: layers, name: "a")
    let file = try GGUFAdapterFile(path: scratch.path).file
    func stored(_ name: String) throws -> [Float] {
      let tensor = try #require(file.tensor(named: name))
      return (0..<tensor.elementCount).map {
        file.file.bytes.loadUnaligned(fromByteOffset: tensor.byteOffset + 4 * $0, as: Float.self)
      }
    }
    #expect(try stored("q.weight.lora_a") == [100, 101, 102])
    // Heads of six rows: row h·6 + 2j + t is row h·6 + 3t + j.
    #expect(try stored("q.weight.lora_b") == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11])
    Self.expectSame(try LoRAAdapter.read(scratch.path, for: layers), adapter)
  }

  /// scale · B of each module, what an adapter's change is proportional to.
  static func scaledB(_ adapter: LoRAAdapter) -> [[Float]] {
    adapter.modules.map { module in b(module).map { $0 * module.scale } }
  }

  static func written(_ adapter: LoRAAdapter, _ layers: [Layer]) throws -> (
    back: LoRAAdapter, GGUFAdapterFile.Written
  ) {
    let scratch = try ScratchFile()
    let written = try GGUFAdapterFile.write(
      adapter, to: scratch.path, for: layers, name: "a")
    return (try LoRAAdapter.read(scratch.path, for: layers), written)
  }

  @Test("keep rsLoRA's scale in one alpha, and fold alphas that differ into B")
  func folds() throws {
    let layers = try Self.layers()
    for (name, folded) in [("rslora", 0), ("patterns", 4)] {
      let adapter = try LoRAAdapter.read(Fixture.path("lora/\(name)"), for: layers)
      let (back, written) = try Self.written(adapter, layers)
      #expect(written.foldedCount == folded)
      #expect(back.modules.map(\.rank) == adapter.modules.map(\.rank))
      for (ours, expected) in zip(Self.scaledB(back), Self.scaledB(adapter)) {
        expectClose(ours, expected, relative: 5e-7)
      }
      if name == "rslora" {
        #expect((written.alpha - 5 * 3.0.squareRoot()).magnitude < 1e-12)
        for (ours, expected) in zip(back.modules, adapter.modules) {
          expectSameBits(Self.b(ours), Self.b(expected))
        }
      }
    }
  }

  @Test("keep rsLoRA's scale where ranks differ")
  func foldsRanksOfRSLoRA() throws {
    let layers = try Self.layers()
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, isRankStabilized: true,
      rankOverrides: [.init(pattern: "q_proj", value: 9), .init(pattern: "layers.1.*", value: 1)])
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: layers), configuration: configuration)
    for index in 0..<adapter.parameters.count {
      adapter.parameters.base[index] = Float(index % 17) - 8
    }
    let (back, written) = try Self.written(adapter, layers)
    // Block 1 has rank 1 but for its q, block 0 rank 4 but for its q: 6 of 14 layers share an alpha of 16.
    #expect(written.alpha == 16)
    #expect(written.foldedCount == 8)
    for (ours, expected) in zip(Self.scaledB(back), Self.scaledB(adapter)) {
      expectClose(ours, expected, relative: 5e-7)
    }
  }

  @Test(
    "with an alpha of 0 stay without effect, although GGUF takes 0 for a scale of 1",
    arguments: [0.0, 8.0])
  func alphaZero(_ others: Double) throws {
    let layers = try Self.layers()
    let configuration = LoRAConfiguration(
      rank: 2, alpha: others, targets: .names(["q_proj", "v_proj"]),
      alphaOverrides: [.init(pattern: "q_proj", value: 0)])
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: layers), configuration: configuration)
    for index in 0..<adapter.parameters.count { adapter.parameters.base[index] = 1 }
    let (back, written) = try Self.written(adapter, layers)
    #expect(written.alpha == (others == 0 ? 1 : others))
    for (ours, expected) in zip(Self.scaledB(back), Self.scaledB(adapter)) {
      #expect(ours == expected)
    }
  }

  @Test(
    "without an alpha have a scale of 1, in blocks of 8 bits too",
    arguments: [StorageType.q8_0, .f32])
  func withoutAlpha(_ type: StorageType) throws {
    let gguf = GGUFTensorName(architecture: "llama", name: "q.weight", rowPermutationHeads: 2)
    let layer = Layer(name: "q", inputs: 64, outputs: 12, gguf: gguf)
    let scratch = try ScratchFile()
    let shapes = ["q.weight.lora_a": [32, 64], "q.weight.lora_b": [12, 32]]
    let writer = try GGUFWriter(
      path: scratch.path, metadata: Self.entries(alpha: nil),
      tensors: shapes.sorted { $0.key < $1.key }.map {
        PlannedTensor(name: $0.key, shape: $0.value, type: TensorType(type))
      })
    for (rows, columns) in [(32, 64), (12, 32)] {
      // Each block's largest magnitude is 127, so 8 bits hold every number.
      let values = (0..<rows * columns).map { Float($0 % 32 == 0 ? 127 : $0 / 32) }
      var bytes = [UInt8](repeating: 0, count: values.count / type.blockElements * type.blockBytes)
      bytes.withUnsafeMutableBytes { target in
        if let base = target.baseAddress { type.quantize(values, count: values.count, into: base) }
      }
      try bytes.withUnsafeBytes { try writer.write($0) }
    }
    try writer.commit()
    let module = try LoRAAdapter.read(scratch.path, for: [layer]).modules[0]
    #expect(module.scale == 1)
    #expect(module.a[65] == 2)
    // Row 1 of B stands as row 2 of the file.
    #expect(Self.b(module)[32..<34] == [127, 2])
  }

  static func entries(
    type: String? = "adapter", kind: String = "lora", architecture: String = "llama",
    alpha: GGUFValue? = .float32(8)
  ) -> [(key: String, value: GGUFValue)] {
    var entries: [(key: String, value: GGUFValue)] = [
      ("general.architecture", .string(architecture)), ("adapter.type", .string(kind)),
    ]
    if let type { entries.append(("general.type", .string(type))) }
    if let alpha { entries.append(("adapter.lora.alpha", alpha)) }
    return entries
  }

  /// A file that is refused, and why.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let message: String
    var entries = GGUFAdapterFileTests.entries()
    var tensors = [
      ("blk.0.attn_q.weight.lora_a", [4, 64]), ("blk.0.attn_q.weight.lora_b", [64, 4]),
    ]
    var number: UInt32 = 0
    var testDescription: String { message }
  }

  static let refusals: [Refusal] = [
    Refusal(
      message: "is a model, not an adapter; name a PEFT adapter folder or a GGUF adapter",
      entries: entries(type: "model")),
    Refusal(
      message: "metadata general.type is missing, expected \"adapter\"", entries: entries(type: nil)
    ),
    Refusal(
      message: "metadata adapter.type is \"ia3\", expected \"lora\"", entries: entries(kind: "ia3")),
    Refusal(
      message:
        "was made for the architecture qwen2, and this model is llama; use the adapter with its own base",
      entries: entries(architecture: "qwen2")),
    Refusal(
      message: "metadata adapter.lora.alpha is not a finite floating-point number",
      entries: entries(alpha: .float32(.nan))),
    Refusal(
      message: "metadata adapter.lora.alpha is not a finite floating-point number",
      entries: entries(alpha: .float64(1e300))),
    Refusal(
      message: "metadata adapter.lora.alpha is not a finite floating-point number",
      entries: entries(alpha: .string("8"))),
    Refusal(
      message:
        "this adapter acts after certain tokens only (aLoRA), which Lorikeet cannot apply; merge it with llama-export-lora first",
      entries: entries() + [
        ("adapter.alora.invocation_tokens", .array(GGUFArray([Int32(1)])))
      ]),
    Refusal(message: "holds no matrices of LoRA; export it again", tensors: []),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_b is missing; the adapter is incomplete or was made for another model",
      tensors: [("blk.0.attn_q.weight.lora_a", [4, 64])]),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_a is missing; the adapter is incomplete or was made for another model",
      tensors: [("blk.0.attn_q.weight.lora_b", [64, 4])]),
    Refusal(
      message:
        "this adapter holds blk.0.attn_norm.weight beside the matrices of LoRA, which Lorikeet cannot apply; merge it with llama-export-lora first",
      tensors: [("blk.0.attn_norm.weight", [64])]),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_b is [64, 3] and this model needs [64, 4]; the adapter was made for another model",
      tensors: [
        ("blk.0.attn_q.weight.lora_a", [4, 64]), ("blk.0.attn_q.weight.lora_b", [64, 3]),
      ]),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_a is [4, 48] and this model needs [4, 64]; the adapter was made for another model",
      tensors: [
        ("blk.0.attn_q.weight.lora_a", [4, 48]), ("blk.0.attn_q.weight.lora_b", [64, 4]),
      ]),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_b is [32, 4] and this model needs [64, 4]; the adapter was made for another model",
      tensors: [
        ("blk.0.attn_q.weight.lora_a", [4, 64]), ("blk.0.attn_q.weight.lora_b", [32, 4]),
      ]),
    Refusal(
      message: "tensor blk.0.attn_q.weight.lora_a is [64], expected a matrix",
      tensors: [("blk.0.attn_q.weight.lora_a", [64]), ("blk.0.attn_q.weight.lora_b", [64, 4])]),
    Refusal(
      message:
        "tensor blk.0.attn_q.weight.lora_a has a rank of 65537, expected at most 65536",
      tensors: [
        ("blk.0.attn_q.weight.lora_a", [65_537, 1]), ("blk.0.attn_q.weight.lora_b", [1, 65_537]),
      ]),
    Refusal(
      message:
        "this adapter has tensors of type I32, which Lorikeet cannot apply; merge it with llama-export-lora first",
      number: 26),
    Refusal(
      message:
        "tensor blk.2.attn_q.weight.lora_a belongs to no layer of this model; the adapter was made for another model",
      tensors: [
        ("blk.2.attn_q.weight.lora_a", [4, 64]), ("blk.2.attn_q.weight.lora_b", [64, 4]),
      ]),
    Refusal(
      message:
        "this adapter changes the output head, which Lorikeet cannot apply; merge it with llama-export-lora first",
      tensors: [("output.weight.lora_a", [4, 64]), ("output.weight.lora_b", [320, 4])]),
    Refusal(
      message:
        "this adapter changes the embedding, which Lorikeet cannot apply; merge it with llama-export-lora first",
      tensors: [("token_embd.weight.lora_a", [4, 64]), ("token_embd.weight.lora_b", [320, 4])]),
  ]

  @Test("that cannot be applied are refused in one sentence", arguments: refusals)
  func refuses(_ refusal: Refusal) throws {
    let scratch = try ScratchFile()
    let type = try #require(TensorType(ggufNumber: refusal.number))
    let writer = try GGUFWriter(
      path: scratch.path, metadata: refusal.entries,
      tensors: refusal.tensors.map { PlannedTensor(name: $0.0, shape: $0.1, type: type) })
    for (_, shape) in refusal.tensors {
      try [UInt8](repeating: 0, count: 4 * shape.reduce(1, *)).withUnsafeBytes {
        try writer.write($0)
      }
    }
    try writer.commit()
    let layers = try Self.layers()
    #expect(
      Self.message { _ = try LoRAAdapter.read(scratch.path, for: layers) }
        == "\(scratch.path): \(refusal.message)")
  }

  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was refused"
    } catch {
      return "\(error)"
    }
  }

  @Test("are not written where GGUF has no word for it; nothing is left behind")
  func inexpressible() throws {
    let layers = try Self.layers()
    let adapter = try LoRAAdapter.read(Fixture.path("lora/plain"), for: layers)
    let scratch = try ScratchFile()
    let nameless = layers.map { Layer(name: $0.name, inputs: $0.inputs, outputs: $0.outputs) }
    #expect(
      Self.message {
        _ = try GGUFAdapterFile.write(adapter, to: scratch.path, for: nameless, name: "a")
      }
        == "\(scratch.path): GGUF has no name for the layer \(adapter.modules[0].name); write a PEFT folder instead"
    )
    adapter.modules[0].a[3] = -7e4
    #expect(
      Self.message {
        _ = try GGUFAdapterFile.write(
          adapter, to: scratch.path, for: layers, as: .f16, name: "a")
      }.hasSuffix("weight.lora_a holds -70000.0, which f16 cannot; write f32 or bf16"))
    #expect(
      Self.message {
        try AdapterFolder.write(adapter, to: scratch.folder, baseModel: "m", as: .f16)
      }.hasSuffix("lora_A.weight holds -70000.0, which f16 cannot; write f32 or bf16"))
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder)
    #expect(left == ["adapter_config.json"])
  }

  @Test("of no form at all are refused in one sentence")
  func otherFiles() throws {
    let layers = try Self.layers()
    let folder = Fixture.path("lora/plain")
    #expect(
      Self.message {
        _ = try LoRAAdapter.read("\(folder)/adapter_model.safetensors", for: layers)
      }
        == "\(folder)/adapter_model.safetensors: is no adapter; name a PEFT adapter folder or a GGUF adapter"
    )
    #expect(
      Self.message { _ = try LoRAAdapter.read("/nowhere/a.gguf", for: layers) }
        == "/nowhere/a.gguf: no such file; check the path")
    let model = Fixture.path("models/tiny-tied.f32.gguf")
    #expect(
      Self.message { _ = try LoRAAdapter.read(model, for: layers) }
        == "\(model): is a model, not an adapter; name a PEFT adapter folder or a GGUF adapter")
  }

  @Test("in a PEFT folder keep their bits in bf16 and f16", arguments: [StorageType.bf16, .f16])
  func folderTypes(_ type: StorageType) throws {
    let layers = try Self.layers()
    let adapter = try LoRAAdapter.read(Fixture.path("lora/bf16"), for: layers)
    let scratch = try ScratchFile()
    try AdapterFolder.write(adapter, to: scratch.folder, baseModel: "tiny-tied", as: type)
    let path = "\(scratch.folder)/adapter_model.safetensors"
    #expect(
      try SafetensorsFile(path: path).tensors.allSatisfy { $0.type == TensorType(type) })
    Self.expectSame(try LoRAAdapter.read(scratch.folder, for: layers), adapter)
  }
}
