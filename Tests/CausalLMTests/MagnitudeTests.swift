import CausalLM
import Datasets
import Foundation
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import TestSupport
import Testing

@Suite("DoRA") struct MagnitudeTests {
  /// A model with an adapter of random numbers, whose magnitudes are up to a fifth off the norms.
  static func model(_ name: String = "models/tiny-tied", dropout: Double = 0) throws -> (
    CausalLM, LoRAAdapter
  ) {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path(name)))
    let configuration = LoRAConfiguration(rank: 3, alpha: 6, dropout: dropout, usesDoRA: true)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    fill(adapter, seed: 5)
    model.updateMagnitudes(of: adapter, initializing: true)
    var numbers = SeededNumbers(6)
    for module in adapter.modules {
      let magnitudes = try #require(module.magnitude)
      for (index, number) in numbers.floats(module.outputs, within: 0.2).enumerated() {
        magnitudes.values[index] *= 1 + number
      }
    }
    model.attach(adapter)
    return (model, adapter)
  }

  private static func fill(_ adapter: LoRAAdapter, seed: UInt64) {
    var numbers = SeededNumbers(seed)
    for (index, number) in numbers.floats(adapter.parameters.count, within: 0.1).enumerated() {
      adapter.parameters.base[index] = number
    }
  }

  /// The rows of `c ∘ (W + scale · B A)`, with c from its definition, in double.
  private static func weight(_ module: LoRAModule, _ model: CausalLM) throws -> [[Double]] {
    let weight = try #require(model.weight(named: module.name))
    let magnitude = try #require(module.magnitude)
    var row = [Float](repeating: 0, count: module.inputs)
    return (0..<module.outputs).map { j in
      weight.readRow(j, into: &row)
      let sum = row.indices.map { column in
        Double(row[column])
          + Double(module.scale)
          * (0..<module.rank).reduce(0.0) {
            $0 + Double(module.b[j * module.rank + $1])
              * Double(module.a[$1 * module.inputs + column])
          }
      }
      let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return sum.map { $0 * Double(magnitude.values[j]) / norm }
    }
  }

  @Test("merged rows have the length of the magnitude and the direction of base and adapter")
  func merges() throws {
    let (model, adapter) = try Self.model("models/tiny-odd")
    for module in adapter.modules {
      let expected = try Self.weight(module, model)
      let weight = try #require(model.weight(named: module.name))
      let merged = FloatBuffer(count: module.outputs * module.inputs)
      weight.read(0..<module.outputs, into: merged.base)
      let base = merged.array
      module.merge(
        rows: 0..<module.outputs, into: merged.matrix(rows: module.outputs, columns: module.inputs))
      let wanted = expected.flatMap { $0 }
      let size = largestMagnitude(wanted)
      expectClose(merged.array, wanted, relative: 1e-5, absolute: 1e-6 * size, module.name)
      let delta = zip(wanted, base).reduce(0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
      #expect(
        abs(module.deltaNorm - delta.squareRoot()) < 1e-5 * delta.squareRoot(), "\(module.name)")
    }
  }

  @Test("a fresh adapter changes no logit, and no weight")
  func freshAdapter() throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let batch = TokenBatch(sequences: [[1, 85, 91, 59, 20, 7, 300]])
    let base = model.logits(batch).flatMap { $0 }
    let configuration = LoRAConfiguration(rank: 4, usesDoRA: true)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    adapter.initialize(.kaimingUniform, seed: 1)
    model.updateMagnitudes(of: adapter, initializing: true)
    model.attach(adapter)
    #expect(relativeError(model.logits(batch).flatMap { $0 }, base) < 1e-6)
    #expect(adapter.modules.allSatisfy { $0.deltaNorm < 1e-6 })
  }

  @Test(
    "gradients are central differences with the norms held, module by module",
    arguments: [
      ("models/tiny-tied", 0), ("models/tiny-tied", 0.25), ("families/qwen3", 0),
      ("families/gemma2", 0), ("families/gemma2", 0.25),
    ])
  func centralDifferences(_ name: String, _ probability: Double) throws {
    let (model, adapter) = try Self.model(name, dropout: probability)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: true)
    let seed = probability > 0 ? DropoutSeed(seed: 3, step: 5) : nil
    func loss(_ scale: Float = 0) -> Double {
      model.accumulateGradients(batch, gradientScale: scale, dropout: seed).loss
    }
    adapter.clearGradients()
    _ = loss(1)
    /// The slope along a stretch of the gradient against the length of that stretch.
    func expectSlope(
      _ values: UnsafeMutablePointer<Float>, _ gradient: [Float], _ label: String,
      update: () -> Void
    ) {
      let length = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let step = 0.1 / length
      let kept = gradient.indices.map { values[$0] }
      func moved(_ sign: Double) -> Double {
        for index in gradient.indices {
          values[index] = kept[index] + Float(sign * step * Double(gradient[index]) / length)
        }
        update()
        return loss()
      }
      let slope = (moved(1) - moved(-1)) / (2 * step)
      for index in gradient.indices { values[index] = kept[index] }
      update()
      #expect(abs(slope - length) < 0.01 * length, "\(label): \(slope), not \(length)")
    }
    for module in adapter.modules {
      func gradient(_ base: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: base, count: count))
      }
      let magnitude = try #require(module.magnitude)
      expectSlope(
        module.a, gradient(module.gradA, module.rank * module.inputs), "\(module.name) A"
      ) {}
      expectSlope(
        module.b, gradient(module.gradB, module.rank * module.outputs), "\(module.name) B"
      ) {}
      // A and B are as they were, so the norms are, too.
      expectSlope(
        magnitude.values, gradient(magnitude.gradients, module.outputs), "\(module.name) m"
      ) { model.updateMagnitudes() }
    }
  }

  @Test("steps back to the base where the adapter is off")
  func withoutAdapter() throws {
    let (model, _) = try Self.model()
    let batch = TokenBatch(sequences: [[1, 85, 91, 59, 20, 7, 300]])
    let tuned = model.logits(batch).flatMap { $0 }
    let off = model.withoutAdapter { model.logits(batch).flatMap { $0 } }
    model.attach(nil)
    let base = model.logits(batch).flatMap { $0 }
    expectSameBits(off, base)
    #expect(relativeError(tuned, base) > 1e-2)
  }

  @Test("a folder of PEFT's is written back with the same tensors and settings")
  func isWrittenBack() throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let adapter = try AdapterFolder.read(
      Fixture.path("methods/dora/initial"), for: model.adaptableLayers)
    let path = NSTemporaryDirectory() + "lorikeet-dora-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try AdapterFolder.save(adapter, as: path, baseModel: "tiny-tied")
    let (ours, theirs) = (
      try TensorFixture(path: "\(path)/adapter_model.safetensors"),
      try TensorFixture("methods/dora/initial/adapter_model.safetensors")
    )
    #expect(ours.names.sorted() == theirs.names.sorted())
    #expect(ours.names.filter { $0.hasSuffix(".lora_magnitude_vector") }.count == 14)
    for name in theirs.names {
      #expect(ours.shape(name) == theirs.shape(name))
      expectSameBits(ours.floats(name), theirs.floats(name), name)
    }
    let (found, json) = try AdapterFolder.readConfiguration(path)
    let (expected, theirJSON) = try AdapterFolder.readConfiguration(
      Fixture.path("methods/dora/initial"))
    #expect(found.usesDoRA && found == expected)
    #expect(Set(json.keys) == Set(theirJSON.keys))
  }

  @Test("norms do not depend on the number of threads")
  func threads() throws {
    let (model, adapter) = try Self.model()
    expectSameBitsOnAnyThreads {
      model.updateMagnitudes()
      return adapter.modules.flatMap { ($0.magnitude?.factors.array ?? []) + [Float($0.deltaNorm)] }
    }
  }
}
