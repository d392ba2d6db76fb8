import CausalLM
import Datasets
import Kernels
import LoRA
import ModelFiles
import TestSupport
import Testing

@Suite("Shared beginnings") struct SharedPrefixTests {
  /// Rows that share beginnings within beginnings; one is the beginning of others, two are the same, one stands alone.
  ///
  /// Long enough to pass the blocks of 64 queries and 32 keys. Every second token or so counts, some of them shared.
  static func examples(seed: UInt64) -> [TokenizedExample] {
    var numbers = SeededNumbers(seed)
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(numbers.integer(below: 320)) }
    }
    let outer = tokens(70)
    let inner = outer + tokens(33)
    let twice = inner + tokens(7)
    let rows = [
      inner + tokens(1), outer + tokens(66), twice, inner, tokens(41), outer + tokens(3), twice,
      inner + tokens(20), outer, tokens(5),
    ]
    return rows.enumerated().map { index, row in
      TokenizedExample(
        tokens: row, lossWeights: row.map { _ in Float(numbers.integer(below: 3)) / 2 },
        source: ExampleSource(path: "rows", line: index + 1))
    }
  }

  /// A tiny model whose adapter changes something.
  static func model(dropout: Double = 0) throws -> (CausalLM, LoRAAdapter) {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let configuration = LoRAConfiguration(rank: 4, alpha: 8, dropout: dropout)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers), configuration: configuration)
    var numbers = SeededNumbers(7)
    for (index, number) in numbers.floats(adapter.parameters.count, within: 0.1).enumerated() {
      adapter.parameters.base[index] = number
    }
    model.attach(adapter)
    return (model, adapter)
  }

  private func batches(seed: UInt64) -> (shared: MicroBatch, apart: MicroBatch) {
    let examples = Self.examples(seed: seed)
    let indices = Array(examples.indices)
    return (
      MicroBatch(examples, indices: indices, sharesPrefixes: true),
      MicroBatch(examples, indices: indices)
    )
  }

  @Test("change neither loss nor any gradient", arguments: [0, 0.25])
  func gradients(_ probability: Double) throws {
    let (model, adapter) = try Self.model(dropout: probability)
    let (shared, apart) = batches(seed: 1)
    #expect(shared.tokens.count < apart.tokens.count / 2)
    let dropout = probability > 0 ? DropoutSeed(seed: 3, step: 5) : nil
    func run(_ batch: MicroBatch) -> (LossSums, [[Float]]) {
      adapter.clearGradients()
      let sums = model.accumulateGradients(
        batch, gradientScale: 1 / Float(batch.totalLossWeight), dropout: dropout)
      return (
        sums,
        adapter.modules.flatMap { module in
          [(module.gradA, module.inputs), (module.gradB, module.outputs)].map {
            [Float](UnsafeBufferPointer(start: $0, count: module.rank * $1))
          }
        }
      )
    }
    let (expectedSums, expected) = run(apart)
    let (sums, gradients) = run(shared)
    #expect(abs(sums.loss - expectedSums.loss) < 1e-6 * expectedSums.loss)
    #expect(sums.weight == expectedSums.weight)
    #expect(sums.positions == expectedSums.positions)
    #expect(sums.correct == expectedSums.correct)
    for (index, (gradient, reference)) in zip(gradients, expected).enumerated() {
      #expect(largestMagnitude(reference) > 0)
      #expect(
        relativeError(gradient, reference) < 1e-5, "\(adapter.modules[index / 2].name)")
    }
    // With other masks the loss is another, so that the masks above were the same.
    guard let dropout else { return }
    let other = model.accumulateGradients(
      shared, gradientScale: 1, dropout: DropoutSeed(seed: dropout.seed, step: dropout.step + 1))
    #expect(abs(other.loss - sums.loss) > 1e-3 * sums.loss)
  }

  @Test(
    "change no bit of any row's logits, however the weights are stored",
    arguments: [
      ("tiny-tied", .stored), ("tiny-untied", .stored), ("tiny-odd", .stored),
      ("tiny-tied.mixed.gguf", .stored), ("tiny-tied", .nf4(doubleQuantized: true)),
    ] as [(String, CausalLM.Precision)])
  func logits(_ name: String, _ precision: CausalLM.Precision) throws {
    let model = try CausalLM.load(
      try ModelFile.open(Fixture.path("models/\(name)")), precision: precision)
    let rows = Self.examples(seed: 2).map(\.tokens)
    let layout = TokenLayout(rows, sharesPrefixes: true)
    let shared = model.logits(TokenBatch(tokens: layout.tokens, segments: layout.segments))
    let apart = model.logits(TokenBatch(sequences: rows))
    let expanded = rows.indices.flatMap { layout.ranges(of: $0).joined() }.flatMap { shared[$0] }
    expectSameBits(expanded, apart.flatMap { $0 })
  }

  @Test("give the loss that a pass without gradients gives")
  func loss() throws {
    let (model, _) = try Self.model()
    let (shared, apart) = batches(seed: 3)
    let (sums, expected) = (model.loss(shared), model.loss(apart))
    #expect(abs(sums.loss - expected.loss) < 1e-6 * expected.loss)
    #expect(sums.positions == expected.positions && sums.correct == expected.correct)
  }

  @Test("give the same bits on any number of threads")
  func threads() throws {
    let (model, adapter) = try Self.model(dropout: 0.25)
    let (shared, _) = batches(seed: 4)
    expectSameBitsOnAnyThreads("gradients") {
      adapter.clearGradients()
      let sums = model.accumulateGradients(
        shared, gradientScale: 1, dropout: DropoutSeed(seed: 1, step: 0))
      return [Float(sums.loss)]
        + UnsafeBufferPointer(start: adapter.gradients.base, count: adapter.gradients.count)
    }
  }

  @Test("fill the caches that prompts fill on their own, with the same bits")
  func prefill() throws {
    let (model, _) = try Self.model()
    let prompts = Self.examples(seed: 5).map(\.tokens)
    func run(_ sharesPrefixes: Bool) -> [[Float]] {
      let caches = prompts.map { _ in KeyValueCache(model, capacity: 8) }
      var logits = [[Float]](repeating: [], count: prompts.count)
      model.prefill(prompts, caches: caches, sharesPrefixes: sharesPrefixes) {
        logits[$0] += $1
      }
      #expect(caches.map(\.count) == prompts.map(\.count))
      // One more token, which reads all of the cache.
      model.decode(prompts.indices.map { Int32($0) }, caches: caches) { logits[$0] += $1 }
      return logits
    }
    for (shared, apart) in zip(run(true), run(false)) { expectSameBits(shared, apart) }
  }

  @Test("read before are continued with the bits of a whole prompt", arguments: [1, 33, 70])
  func continuation(_ count: Int) throws {
    let (model, _) = try Self.model()
    let examples = Self.examples(seed: 6)
    let prompts = examples.map(\.tokens).filter { $0.starts(with: examples[1].tokens.prefix(70)) }
      .filter { $0.count > 70 }
    #expect(prompts.count > 4)
    func run(_ prompts: [[Int32]], _ caches: [KeyValueCache], after prefix: KeyValueCache? = nil)
      -> [[Float]]
    {
      var logits = [[Float]](repeating: [], count: prompts.count)
      model.prefill(prompts, caches: caches, after: prefix) { logits[$0] += $1 }
      model.decode(prompts.map { _ in 9 }, caches: caches) { logits[$0] += $1 }
      return logits
    }
    let whole = run(prompts, prompts.map { _ in KeyValueCache(model) })
    let prefix = KeyValueCache(model, capacity: 4)
    model.prefill([Array(prompts[0].prefix(count))], caches: [prefix]) { _, _ in }
    let caches = prompts.map { _ in KeyValueCache(copying: prefix, capacity: 16) }
    let continued = run(prompts.map { Array($0.dropFirst(count)) }, caches, after: prefix)
    for (got, expected) in zip(continued, whole) { expectSameBits(got, expected) }
    #expect(prefix.count == count)
    #expect(caches.map(\.count) == prompts.map { $0.count + 1 })
  }
}
