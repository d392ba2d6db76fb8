import Foundation
import Quantization
import Serialization
import TestSupport
import Tokenization
import Testing

@testable import ModelFiles

@Suite("Model writers")
struct ModelWriterTests {
  static let sources = ["tiny", "tiny.gguf"]

  static func open(_ name: String) throws -> ModelFile {
    try ModelFile.open(Fixture.path("modelfiles/\(name)"))
  }

  /// The rows of `model` itself, as a merge without an adapter would give them.
  static func rows(of model: ModelFile) -> RowSource {
    { name, rows, values in
      let tensor = try #require(model.tensor(named: name))
      #expect(values.count == rows.count * tensor.columnCount)
      tensor.dequantize(rows: rows, into: try #require(values.baseAddress))
    }
  }

  @Test("a GGUF file written of a model holds its values and settings", arguments: sources)
  func ggufHoldsTheModel(_ name: String) throws {
    let model = try Self.open(name)
    let folder = try ScratchFolder()
    let written = try GGUFModelWriter.write(
      model, to: folder.path("out.gguf"), as: .f32, rows: Self.rows(of: model))
    #expect(written.typeCounts.map(\.type) == [.f32])
    #expect(written.byteCount == (try folder.bytes("out.gguf")).count)
    let copy = try ModelFile.open(folder.path("out.gguf"))
    for tensorName in model.tensorNames {
      #expect(
        copy.tensor(named: tensorName)?.values() == model.tensor(named: tensorName)?.values(),
        "\(tensorName)")
    }
    for (key, value) in copy.configuration where key != "torch_dtype" {
      #expect(model.configuration[key] == value, "\(key)")
    }
    #expect(
      try copy.makeTokenizer().description == Self.open("tiny.gguf").makeTokenizer().description)
    #expect(try copy.chatTemplate() == model.chatTemplate())
  }

  @Test("a copy of a GGUF file made by gguf-py has the same tensor bytes")
  func ggufBytesAreEqual() throws {
    let model = try Self.open("tiny.gguf")
    let folder = try ScratchFolder()
    try GGUFModelWriter.write(
      model, to: folder.path("out.gguf"), as: .f32, rows: Self.rows(of: model))
    let source = try GGUFFile(path: model.location)
    let copy = try GGUFFile(path: folder.path("out.gguf"))
    #expect(Set(copy.keys) == Set(source.keys))
    for tensor in source.tensors {
      let other = try #require(copy.tensor(named: tensor.name))
      #expect(
        copy.file.bytes[other.byteOffset..<other.byteOffset + other.byteCount].elementsEqual(
          source.file.bytes[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount]),
        "\(tensor.name)")
    }
  }

  @Test(
    "matrices take the type asked for or what their rows fit, norms stay f32",
    arguments: StorageType.writable, sources)
  func typesAreKept(_ type: StorageType, _ name: String) throws {
    let model = try Self.open(name)
    let folder = try ScratchFolder()
    try GGUFModelWriter.write(
      model, to: folder.path("out.gguf"), as: type, rows: Self.rows(of: model))
    let copy = try ModelFile.open(folder.path("out.gguf"))
    for tensorName in copy.tensorNames {
      let tensor = try #require(copy.tensor(named: tensorName))
      #expect(tensor.type == (tensor.shape.count == 1 ? .f32 : type.fitting(columns: 32)))
      // The type rounds row by row, so permuting rows before or after must not matter.
      let original = try #require(model.tensor(named: tensorName)).values()
      #expect(tensor.values() == Self.rounded(original, to: tensor.type), "\(tensorName)")
    }
    #expect(try GGUFFile(path: folder.path("out.gguf")).value("general.file_type") != nil)
  }

  /// `values` stored as `type` and read back.
  static func rounded(_ values: [Float], to type: StorageType) -> [Float] {
    var bytes = [UInt8](
      repeating: 0, count: values.count / type.blockElements * type.blockBytes)
    var result = [Float](repeating: 0, count: values.count)
    bytes.withUnsafeMutableBytes { raw in
      guard let start = raw.baseAddress else { return }
      type.quantize(values, count: values.count, into: start)
      type.dequantize(start, count: values.count, into: &result)
    }
    return result
  }

  @Test("a writer tells how many bytes are written, up to all of them", arguments: ["o.gguf", "o"])
  func progress(_ output: String) throws {
    let model = try Self.open("tiny")
    let folder = try ScratchFolder()
    var heard: [Int] = []
    var totals: Set<Int> = []
    func hear(_ done: Int, _ total: Int) {
      heard.append(done)
      totals.insert(total)
    }
    let (path, rows) = (folder.path(output), Self.rows(of: model))
    if output.hasSuffix(".gguf") {
      try GGUFModelWriter.write(model, to: path, as: .f32, rows: rows, progress: hear)
    } else {
      try HuggingFaceWriter.write(
        model, to: path, as: .f32, maximumShardBytes: 4_000, rows: rows, progress: hear)
    }
    #expect(totals == [4 * model.parameterCount])
    #expect(heard.count >= model.tensorNames.count)
    #expect(heard == heard.sorted() && heard.last == totals.first, "\(heard)")
  }

  @Test("a row too short for whole blocks is stored as f16")
  func shortRowsFallBack() throws {
    let folder = try ScratchFolder()
    let path = try folder.write(RefusedModelTests.llama(), to: "m.gguf")
    let model = try ModelFile.open(path)
    let written = try GGUFModelWriter.write(
      model, to: folder.path("out.gguf"), as: .q8_0, rows: Self.rows(of: model))
    #expect(written.typeCounts.map(\.type) == [.f16])
  }

  @Test("a folder written of a folder has the reference library's bytes")
  func folderBytesAreEqual() throws {
    let model = try Self.open("tiny")
    let scratch = try ScratchFolder()
    try HuggingFaceWriter.write(
      model, to: scratch.path("out"), as: .bf16, rows: Self.rows(of: model))
    for file in ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"] {
      #expect(
        try scratch.bytes("out/\(file)") == Fixture.bytes("modelfiles/tiny/\(file)"), "\(file)")
    }
    #expect(try scratch.names() == ["out"])
  }

  @Test("a folder written of a GGUF file is the same model")
  func folderOfGGUF() throws {
    let model = try Self.open("tiny.gguf")
    let scratch = try ScratchFolder()
    try HuggingFaceWriter.write(
      model, to: scratch.path("out"), as: .bf16, rows: Self.rows(of: model))
    #expect(
      try scratch.bytes("out/model.safetensors")
        == Fixture.bytes("modelfiles/tiny/model.safetensors"))
    let copy = try ModelFile.open(scratch.path("out"))
    for (key, value) in try Self.open("tiny").configuration where key != "initializer_range" {
      #expect(copy.configuration[key] == value, "\(key)")
    }
    let text = "the 12 things <|im_end|> naïve"
    #expect(try copy.makeTokenizer().encode(text) == model.makeTokenizer().encode(text))
    #expect(try copy.chatTemplate() == model.chatTemplate())
    #expect(try copy.generationConfiguration()?["eos_token_id"] == 2)
    let roles = try JSON.parse(scratch.bytes("out/special_tokens_map.json"))
    #expect(roles["eos_token"] == "<|im_end|>")
  }

  @Test("weights beyond the limit are divided into files with an index", arguments: [1, 20_000])
  func shardsAreWritten(_ limit: Int) throws {
    let model = try Self.open("tiny")
    let scratch = try ScratchFolder()
    try HuggingFaceWriter.write(
      model, to: scratch.path("out"), as: .bf16, maximumShardBytes: limit,
      rows: Self.rows(of: model))
    let copy = try ModelFile.open(scratch.path("out"))
    #expect(copy.weightFiles.count > 1)
    #expect(limit > 1 || copy.weightFiles.count == 20)
    for name in model.tensorNames {
      #expect(copy.tensor(named: name)?.values() == model.tensor(named: name)?.values())
    }
    let index = try JSON.parse(scratch.bytes("out/model.safetensors.index.json"))
    #expect(index["metadata"]?["total_size"]?.intValue == 2 * model.parameterCount)
  }

  @Test("a source that fails leaves nothing behind")
  func failureLeavesNothing() throws {
    struct Failure: Error {}
    let model = try Self.open("tiny")
    let scratch = try ScratchFolder()
    #expect(throws: Failure.self) {
      try HuggingFaceWriter.write(model, to: scratch.path("out"), as: .f32) { name, _, _ in
        if name == "model.norm.weight" { throw Failure() }
      }
    }
    #expect(throws: Failure.self) {
      try GGUFModelWriter.write(model, to: scratch.path("o.gguf"), as: .f32) { name, _, _ in
        if name == "model.norm.weight" { throw Failure() }
      }
    }
    #expect(try scratch.names() == [])
  }

  @Test("an output that cannot be is refused before anything is computed")
  func wrongOutputs() throws {
    let model = try Self.open("tiny")
    let scratch = try ScratchFolder()
    let rows: RowSource = { _, _, _ in Issue.record("rows were asked for") }
    try scratch.write("x", to: "taken/file")
    try scratch.write("x", to: "taken.gguf")
    #expect(
      message { try HuggingFaceWriter.write(model, to: "o", as: .q8_0, rows: rows) }
        == "o: a Hugging Face folder cannot hold q8_0; "
        + "choose f32, f16 or bf16, or name an output that ends in .gguf")
    #expect(
      message {
        try HuggingFaceWriter.write(model, to: scratch.path("taken"), as: .f32, rows: rows)
      }.contains("exists already"))
    #expect(
      message {
        try GGUFModelWriter.write(model, to: scratch.path("taken.gguf"), as: .f32, rows: rows)
      }.contains("exists already"))
  }

  @Test("a full disk ends a write with the system's words")
  func fullDisk() throws {
    let model = try Self.open("tiny")
    let text = message {
      try GGUFModelWriter.write(model, to: "/dev/full", as: .f32, rows: Self.rows(of: model))
    }
    #expect(text.contains("/dev/full: cannot be written (No space left on device)"))
  }

  @Test(
    "permuting and undoing it is no change, and follows the formula",
    arguments: [(1, 4), (3, 8), (9, 64)])
  func permutation(_ heads: Int, _ headRows: Int) {
    let permutation = RowPermutation(rows: heads * headRows, heads: heads)
    for row in 0..<(heads * headRows) {
      #expect(permutation.huggingFaceRow(permutation.ggufRow(row)) == row)
      let (h, t, j) = (row / headRows, row % headRows / (headRows / 2), row % (headRows / 2))
      #expect(permutation.ggufRow(row) == h * headRows + 2 * j + t)
    }
  }
}
