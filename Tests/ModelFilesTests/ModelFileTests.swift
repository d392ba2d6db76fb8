import Foundation
import Quantization
import Serialization
import TestSupport
import Tokenization
import Testing

@testable import ModelFiles

@Suite("Model file")
struct ModelFileTests {
  static let folder = Fixture.path("modelfiles/tiny")
  static let sharded = Fixture.path("modelfiles/tiny-sharded")
  static let gguf = Fixture.path("modelfiles/tiny.gguf")

  @Test(
    "the same model has the same names, shapes and values in each format",
    arguments: [gguf, sharded])
  func formatsAgree(_ path: String) throws {
    let reference = try ModelFile.open(Self.folder)
    let model = try ModelFile.open(path)
    #expect(Set(model.tensorNames) == Set(reference.tensorNames))
    #expect(model.tensorNames.count == 20)
    for name in reference.tensorNames {
      let expected = try #require(reference.tensor(named: name))
      let actual = try #require(model.tensor(named: name))
      #expect(actual.shape == expected.shape)
      #expect(actual.values() == expected.values(), "\(name)")
    }
    #expect(model.parameterCount == reference.parameterCount)
    #expect(model.tensor(named: "model.layers.2.input_layernorm.weight") == nil)
  }

  @Test("rows of a permuted tensor come in Hugging Face order from any start")
  func rowsComeInOrder() throws {
    let model = try ModelFile.open(Self.gguf)
    let tensor = try #require(model.tensor(named: "model.layers.1.self_attn.k_proj.weight"))
    #expect(tensor.rowPermutationHeads == 2)
    #expect(tensor.storedRow(0) == 0)
    #expect(tensor.storedRow(4) == 1)
    #expect(tensor.storedRow(9) == 10)
    let all = tensor.values()
    var some = [Float](repeating: 0, count: 7 * tensor.columnCount)
    tensor.dequantize(rows: 5..<12, into: &some)
    #expect(some == Array(all[(5 * 32)..<(12 * 32)]))
    let value = try #require(model.tensor(named: "model.layers.1.self_attn.v_proj.weight"))
    #expect(value.rowPermutationHeads == nil)
  }

  @Test("the settings of a GGUF file are those of config.json")
  func settingsAgree() throws {
    let reference = try ModelFile.open(Self.folder).configuration
    let model = try ModelFile.open(Self.gguf).configuration
    for (key, value) in model where key != "torch_dtype" {
      #expect(reference[key] == value, "\(key)")
    }
    #expect(model["head_dim"] == 8)
    #expect(model["rms_norm_eps"] == 1e-5)
    #expect(model["rope_theta"] == 50_000.0)
    #expect(model["rope_scaling"] == .some(.null))
    #expect(model["rope_parameters"] == ["rope_type": "default", "rope_theta": 50_000.0])
    #expect(model["tie_word_embeddings"] == true)
    #expect(model["vocab_size"] == 272)
    #expect(model["torch_dtype"] == "float32")
    #expect(reference["torch_dtype"] == "bfloat16")
  }

  @Test("a model says what it is")
  func describesItself() throws {
    let gguf = try ModelFile.open(Self.gguf)
    #expect(gguf.format == .gguf)
    #expect(gguf.displayName == "Tiny")
    #expect(gguf.architecture == "llama")
    #expect(gguf.hasTiedEmbeddings)
    #expect(gguf.typeCounts.map(\.type) == [.f32])
    let folder = try ModelFile.open(Self.folder + "/")
    #expect(folder.format == .huggingFace)
    #expect(folder.displayName == "tiny")
    #expect(folder.byteCount == (try Fixture.bytes("modelfiles/tiny/model.safetensors")).count)
  }

  @Test("both formats make the same tokenizer and have the same chat template")
  func tokenizersAgree() throws {
    let gguf = try ModelFile.open(Self.gguf)
    let folder = try ModelFile.open(Self.folder)
    let (first, second) = (try gguf.makeTokenizer(), try folder.makeTokenizer())
    let text = "<|im_start|>user\nthe 12 things in a tin, naïve ☃<|im_end|>"
    #expect(first.encode(text) == second.encode(text))
    #expect(first.decode(first.encode(text)) == Array(text.utf8))
    #expect(first.endOfSequence == 2)
    let template = try #require(try gguf.chatTemplate())
    #expect(template.hasPrefix("{% for message in messages %}"))
    #expect(try folder.chatTemplate() == template)
  }

  @Test("the content hash is what sha256sum prints")
  func contentHash() throws {
    // sha256sum tiny.gguf; (cd tiny; sha256sum config.json model.safetensors | sha256sum)
    #expect(try ModelFile.open(Self.gguf).contentHash() == Self.shell("sha256sum '\(Self.gguf)'"))
    #expect(
      try ModelFile.open(Self.sharded).contentHash()
        == Self.shell("cd '\(Self.sharded)' && sha256sum config.json *.safetensors | sha256sum"))
    let heads = try [Self.gguf, Self.folder, Self.sharded].map {
      try ModelFile.open($0).headHash()
    }
    for path in [Self.gguf, Self.sharded] {
      let file = try ModelFile.open(path)
      var heard: [Int] = []
      _ = try file.contentHash { done, total in
        #expect(total == file.byteCount)
        heard.append(done)
      }
      #expect(heard == heard.sorted() && heard.last == file.byteCount, "\(heard)")
    }
    #expect(Set(heads).count == 3)
    #expect(try ModelFile.open(Self.gguf).headHash() == heads[0])
  }

  /// The first word that `command` prints.
  static func shell(_ command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
  }

  @Test("a model in the local Hugging Face cache opens by its name")
  func opensFromCache() throws {
    let scratch = try ScratchFolder()
    let snapshot = scratch.path("hub/models--org--tiny-1.0/snapshots/abc123")
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: snapshot).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: snapshot, withDestinationPath: Self.folder)
    let cache = HuggingFaceCache { ["HF_HUB_CACHE": scratch.path("hub")][$0] }
    // One snapshot leaves no doubt; then the reference decides.
    #expect(try ModelFile.open("org/tiny-1.0", cache: cache).displayName == "org/tiny-1.0")
    try scratch.write("abc123\n", to: "hub/models--org--tiny-1.0/refs/main")
    #expect(try ModelFile.open("org/tiny-1.0", cache: cache).location == snapshot)
    for reference in ["gone", "../../../etc", ""] {
      try scratch.write(reference + " ", to: "hub/models--org--tiny-1.0/refs/main")
      let text = message { _ = try ModelFile.open("org/tiny-1.0", cache: cache) }
      #expect(
        text
          == "org/tiny-1.0: no such file or folder, and no such model in the Hugging Face cache "
          + "\(scratch.path("hub")); check the path, or fetch it with: hf download org/tiny-1.0")
    }
    try scratch.write("abc123", to: "hub/models--org--tiny-1.0/refs/pr/1")
    for revision in ["pr/1", "abc123", "abc"] {
      let opened = try ModelFile.open("org/tiny-1.0@\(revision)", cache: cache)
      #expect(opened.location == snapshot, "\(revision)")
    }
    #expect(
      message { _ = try ModelFile.open("org/tiny-1.0@v2", cache: cache) }
        .hasSuffix("or fetch it with: hf download org/tiny-1.0 --revision v2"))
    // Two commits that begin alike.
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path("hub/models--org--tiny-1.0/snapshots/abc999"),
      withDestinationPath: Self.folder)
    #expect(throws: ModelFileError.self) { try ModelFile.open("org/tiny-1.0@abc", cache: cache) }
    #expect(try ModelFile.open("org/tiny-1.0@abc1", cache: cache).location == snapshot)
    for path in [
      "org/tiny/more", "tiny", "../tiny", "org/..", "/tiny", "org/tiny@", "org/tiny@../x",
      "org/tiny@a//b",
    ] {
      #expect(
        message { _ = try ModelFile.open(path, cache: cache) }
          == "\(path): no such file or folder; check the path")
    }
  }

  @Test(
    "the cache lies where Hugging Face's tools put it",
    arguments: [
      (["HF_HUB_CACHE": "/h", "HF_HOME": "/x", "HOME": "/u"], "/h"),
      (["HUGGINGFACE_HUB_CACHE": "/g", "HF_HOME": "/x"], "/g"),
      (["HF_HOME": "/x", "HOME": "/u"], "/x/hub"),
      (["HF_HUB_CACHE": "", "XDG_CACHE_HOME": "/c", "HOME": "/u"], "/c/huggingface/hub"),
      (["HOME": "/u"], "/u/.cache/huggingface/hub"),
      (["HF_HOME": "~/hf", "HOME": "/u"], "/u/hf/hub"), ([:], nil),
    ] as [([String: String], String?)])
  func cacheFolder(_ environment: [String: String], _ expected: String?) {
    #expect(HuggingFaceCache { environment[$0] }.folder == expected)
  }
}
