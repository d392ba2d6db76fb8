import CausalLM
import Datasets
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

/// Keeps every example's rows in memory.
private final class RowRecorder: TrunkSource {
  /// Rows of each example, by its index.
  var rows: [Int: [Float]] = [:]
  var (fills, keeps) = (0, 0)

  func fill(_ rows: Matrix, of batch: MicroBatch) -> Bool {
    guard batch.exampleIndices.allSatisfy({ self.rows[$0] != nil }) else { return false }
    for (sequence, index) in batch.exampleIndices.enumerated() {
      for (token, row) in batch.layout.ranges(of: sequence).joined().enumerated() {
        for column in 0..<rows.columns {
          rows.row(row)[column] = self.rows[index, default: []][token * rows.columns + column]
        }
      }
    }
    fills += 1
    return true
  }

  func keep(_ rows: Matrix, of batch: MicroBatch) {
    for (sequence, index) in batch.exampleIndices.enumerated() {
      self.rows[index] = batch.layout.ranges(of: sequence).joined().flatMap {
        [Float](UnsafeBufferPointer(start: rows.row($0), count: rows.columns))
      }
    }
    keeps += 1
  }
}

@Suite("Activations below the adapters") struct TrunkTests {
  static func model(
    _ name: String = "tiny-tied", _ precision: CausalLM.Precision = .stored, dropout: Double = 0,
    layers: [Int] = [1]
  ) throws -> (CausalLM, LoRAAdapter) {
    let model = try CausalLM.load(
      try ModelFile.open(Fixture.path("models/\(name)")), precision: precision)
    let configuration = LoRAConfiguration(rank: 4, alpha: 8, dropout: dropout, layers: layers)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    var numbers = SeededNumbers(7)
    for (index, number) in numbers.floats(adapter.parameters.count, within: 0.1).enumerated() {
      adapter.parameters.base[index] = number
    }
    model.attach(adapter)
    return (model, adapter)
  }

  @Test(
    "of an example have the same bits in every micro-batch, shared or not, with or without gradients",
    arguments: [
      ("tiny-tied", .stored, .f32), ("tiny-untied", .stored, .f32),
      ("tiny-tied.mixed.gguf", .stored, .f32), ("tiny-tied", .nf4(doubleQuantized: true), .f32),
      ("tiny-tied", .stored, .w8a16), ("tiny-tied", .stored, .w8a8),
      ("tiny-tied", .nf4(doubleQuantized: true), .w8a8),
    ] as [(String, CausalLM.Precision, Arithmetic)])
  func sameBits(_ name: String, _ precision: CausalLM.Precision, _ arithmetic: Arithmetic) throws {
    let (model, _) = try Self.model(name, precision, dropout: 0.25)
    model.compute(in: arithmetic)
    let examples = SharedPrefixTests.examples(seed: 4)
    let alone = RowRecorder()
    for index in examples.indices {
      _ = model.loss(MicroBatch(examples, indices: [index]), trunk: alone)
    }
    for (indices, shares) in [
      (Array(examples.indices), true), (examples.indices.reversed(), false), ([2, 6, 8], true),
      ([9, 0, 4], false),
    ] {
      let batch = MicroBatch(examples, indices: indices, sharesPrefixes: shares)
      for isRecording in [false, true] {
        let together = RowRecorder()
        if isRecording {
          _ = model.accumulateGradients(
            batch, gradientScale: 1, dropout: DropoutSeed(seed: 1, step: 2), trunk: together)
        } else {
          _ = model.loss(batch, trunk: together)
        }
        #expect(together.rows.count == indices.count)
        for index in indices {
          expectSameBits(
            together.rows[index] ?? [], alone.rows[index] ?? [],
            "row \(index) of \(indices), shared: \(shares)")
        }
      }
    }
  }

  @Test("give loss and gradients their bits when they are read back", arguments: [true, false])
  func replay(_ sharesPrefixes: Bool) throws {
    let (model, adapter) = try Self.model(dropout: 0.25)
    let examples = SharedPrefixTests.examples(seed: 5)
    let batch = MicroBatch(
      examples, indices: Array(examples.indices), sharesPrefixes: sharesPrefixes)
    func gradients(_ trunk: RowRecorder?) -> ([Float], LossSums) {
      adapter.clearGradients()
      let sums = model.accumulateGradients(
        batch, gradientScale: 0.1, dropout: DropoutSeed(seed: 1, step: 2), trunk: trunk)
      return (adapter.gradients.array, sums)
    }
    let recorder = RowRecorder()
    let (expected, sums) = gradients(nil)
    for pass in 0..<3 {
      // Another batch leaves other numbers in the buffers.
      _ = model.accumulateGradients(
        MicroBatch(examples, indices: [0]), gradientScale: 1, dropout: nil)
      let (found, foundSums) = gradients(recorder)
      expectSameBits(found, expected, "pass \(pass)")
      #expect(foundSums == sums)
      #expect(recorder.keeps == 1 && recorder.fills == pass)
    }
    #expect(model.loss(batch) == model.loss(batch, trunk: recorder))
    #expect(recorder.fills == 3)
  }

  @Test("are asked for only where there are blocks below the adapters")
  func noTrunk() throws {
    let (model, _) = try Self.model(layers: [0])
    #expect(model.trunkBlockCount == 0)
    let examples = SharedPrefixTests.examples(seed: 6)
    let recorder = RowRecorder()
    let batch = MicroBatch(examples, indices: [0, 1])
    #expect(model.loss(batch, trunk: recorder) == model.loss(batch))
    #expect(recorder.keeps == 0 && recorder.fills == 0)
    model.attach(nil)
    #expect(model.trunkBlockCount == 0)
    #expect(model.loss(batch, trunk: recorder) == model.loss(batch))
    #expect(recorder.keeps == 0)
    #expect(try Self.model(layers: [1]).0.trunkBlockCount == 1)
  }
}
