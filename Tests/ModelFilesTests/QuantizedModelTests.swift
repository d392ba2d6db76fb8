import Foundation
import Quantization
import TestSupport
import Testing

@testable import ModelFiles

@Suite("Models stored as another type")
struct QuantizedModelTests {
  /// A model with rows of super-blocks, and a folder for what is made of it.
  private func wide(
    change: (String, inout [Float]) -> Void = { _, _ in }
  ) throws -> (ModelFile, ScratchFolder) {
    let folder = try ScratchFolder()
    try WideModel.write(to: URL(fileURLWithPath: folder.path("wide")), change: change)
    return (try ModelFile.open(folder.path("wide")), folder)
  }

  @Test(
    "hold each row as the type rounds it, with the deviation told",
    arguments: [StorageType.q4_k, .q5_k, .q6_k, .q8_0, .q4_1, .bf16])
  func rowsAreRounded(_ type: StorageType) throws {
    let (model, folder) = try wide()
    var steps: [Int] = []
    var totals: Set<Int> = []
    let written = try GGUFModelWriter.quantize(model, to: folder.path("out.gguf"), as: type) {
      steps.append($0)
      totals.insert($1)
    }
    #expect(steps == steps.sorted() && totals == [steps.last ?? 0])
    #expect(steps.last == written.tensors.reduce(0) { $0 + $1.byteCount })
    let copy = try ModelFile.open(folder.path("out.gguf"))
    #expect(copy.tensorNames.count == model.tensorNames.count)
    #expect(written.typeCounts.map(\.type) == [type, .f32])
    for name in model.tensorNames {
      // Rounding goes row by row, so the permuted rows of q and k come back as if rounded in place.
      let source = try #require(model.tensor(named: name)).values()
      let stored = try #require(copy.tensor(named: name))
      let expected = ModelWriterTests.rounded(source, to: stored.type)
      #expect(stored.values() == expected, "\(name)")
      let (ggufName, _) = try #require(model.family.ggufName(ofHuggingFace: name))
      let tensor = try #require(written.tensors.first { $0.name == ggufName })
      #expect(tensor.type == stored.type && tensor.sourceType == .f32 && !tensor.isFallback)
      #expect(tensor.byteCount == stored.byteCount)
      let differences = zip(source, expected).map { Double(($0 - $1).magnitude) }
      #expect(abs((tensor.deviation?.worst ?? -1) - (differences.max() ?? 0)) < 1e-7)
      let mean = differences.reduce(0, +) / Double(differences.count)
      #expect(abs((tensor.deviation?.mean ?? -1) - mean) < 1e-7)
    }
  }

  @Test("err less with more bits")
  func moreBitsAreBetter() throws {
    let (model, folder) = try wide()
    let errors = try [StorageType.q4_k, .q5_k, .q6_k, .q8_0].map { type in
      let written = try GGUFModelWriter.quantize(
        model, to: folder.path("\(type).gguf"), as: type)
      return written.tensors.reduce(into: Deviation()) { sum, tensor in
        if let deviation = tensor.deviation { sum.add(deviation) }
      }.relative
    }
    // What these types are known for, within a fifth.
    for (error, usual) in zip(errors, [0.064, 0.033, 0.016, 0.006]) {
      #expect(error > usual * 0.8 && error < usual * 1.2, "\(errors)")
    }
  }

  @Test("keep the bytes of tensors that have the type already")
  func sameTypeIsCopied() throws {
    let (model, folder) = try wide()
    _ = try GGUFModelWriter.quantize(model, to: folder.path("first.gguf"), as: .q4_k)
    let first = try ModelFile.open(folder.path("first.gguf"))
    let again = try GGUFModelWriter.quantize(first, to: folder.path("again.gguf"), as: .q4_k)
    #expect(try folder.bytes("again.gguf") == folder.bytes("first.gguf"))
    #expect(again.tensors.allSatisfy { $0.deviation?.worst == 0 })
  }

  @Test("say which tensors had to take another type")
  func fallbacksAreTold() throws {
    let model = try ModelFile.open(Fixture.path("modelfiles/tiny"))
    let folder = try ScratchFolder()
    let written = try GGUFModelWriter.quantize(model, to: folder.path("out.gguf"), as: .q6_k)
    #expect(written.tensors.contains { $0.isFallback })
    for tensor in written.tensors {
      #expect(tensor.isFallback == (tensor.shape.count > 1))
      #expect(tensor.type == (tensor.shape.count > 1 ? .q8_0 : .f32))
    }
  }

  @Test("cannot be of a type that is only read")
  func readOnlyTypeIsRefused() throws {
    let (model, folder) = try wide()
    let path = folder.path("out.gguf")
    let text = message { _ = try GGUFModelWriter.quantize(model, to: path, as: .q2_k) }
    #expect(
      text == "\(path): Lorikeet reads q2_k and does not write it; "
        + "choose one of f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("are not written where a number has no place in the type")
  func overflowIsRefused() throws {
    let (model, folder) = try wide { name, values in
      if name.hasSuffix("up_proj.weight") { values[700] = 1e9 }
    }
    let path = folder.path("out.gguf")
    let text = message { _ = try GGUFModelWriter.quantize(model, to: path, as: .q4_k) }
    #expect(
      text == "\(path): tensor blk.0.ffn_up.weight holds numbers that cannot be stored as q4_k; "
        + "choose f32")
    #expect(try folder.names() == ["wide"])
  }
}
