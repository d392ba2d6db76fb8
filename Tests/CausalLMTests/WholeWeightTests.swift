import CausalLM
import Datasets
import Kernels
import LoRA
import ModelFiles
import Quantization
import TestSupport
import Testing

/// Weights that are trained as a whole, in every family.
@Suite("Weights trained as a whole") struct WholeWeightTests {
  /// A model of which every weight is trained.
  static func full(_ family: String, _ format: String = "") throws -> (CausalLM, LoRAAdapter) {
    let model = try FamilyTests.load(family + format)
    let adapter = LoRAAdapter(
      shapes: [], whole: model.fullWeights, configuration: LoRAConfiguration())
    model.fillWholeWeights(of: adapter)
    model.attach(adapter)
    return (model, adapter)
  }

  /// A tiny model with an adapter beside whole modules; B is zero, so it changes nothing.
  static func beside(
    _ modules: [String], of name: String = "models/tiny-tied", dropout: Double = 0,
    usesDoRA: Bool = false, layers: [Int]? = nil
  ) throws -> (CausalLM, LoRAAdapter) {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path(name)))
    let configuration = LoRAConfiguration(
      rank: 4, alpha: 8, dropout: dropout, layers: layers, usesDoRA: usesDoRA,
      wholeModules: modules)
    let adapter = LoRAAdapter(
      shapes: try configuration.shapes(for: model.adaptableLayers),
      whole: try configuration.wholeShapes(of: model.weights), configuration: configuration)
    model.fillWholeWeights(of: adapter)
    adapter.initialize(.kaimingUniform, seed: 5)
    model.updateMagnitudes(of: adapter, initializing: true)
    model.attach(adapter)
    return (model, adapter)
  }

  private static let batch = TokenBatch(sequences: [[5, 301, 17, 2, 2, 88], [9, 5]])

  private static func logits(_ model: CausalLM) -> [Float] { model.logits(batch).flatMap { $0 } }

  @Test("change no bit of the logits at first", arguments: FamilyTests.names, FamilyTests.formats)
  func beginAsTheModel(_ family: String, _ format: String) throws {
    let plain = try FamilyTests.load(family + format)
    let (model, adapter) = try Self.full(family, format)
    expectSameBits(Self.logits(model), Self.logits(plain))
    #expect(adapter.isFullModel && !adapter.untiesHead)
    #expect(Set(adapter.wholeWeights.map(\.name)).count == adapter.wholeWeights.count)
    let file = try ModelFile.open(Fixture.path("families/\(family)\(format)"))
    #expect(Set(adapter.wholeWeights.map(\.name)) == Set(file.tensorNames))
  }

  @Test("are not there when the base is asked for")
  func withoutAdapter() throws {
    let (model, adapter) = try Self.full("gemma3_text")
    let before = Self.logits(model)
    for index in 0..<adapter.parameters.count { adapter.parameters.base[index] *= 1.1 }
    model.takeUpParameters()
    #expect(relativeError(Self.logits(model), before) > 1e-2)
    expectSameBits(model.withoutAdapter { Self.logits(model) }, before)
    model.attach(nil)
    expectSameBits(Self.logits(model), before)
  }

  @Test("have the gradient of central differences, each along itself", arguments: FamilyTests.names)
  func centralDifferences(_ family: String) throws {
    let (model, adapter) = try Self.full(family)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: true)
    Self.expectSlopes(model, adapter, batch, examples)
  }

  @Test(
    "have it beside adapters, too, where the head was tied and where it was not",
    arguments: ["tiny-tied", "tiny-untied"],
    [["embed_tokens"], ["lm_head"], ["embed_tokens", "lm_head"], ["norm", "v_proj"]])
  func besideAdapters(_ name: String, _ modules: [String]) throws {
    for usesDoRA in [false, true] {
      let (model, adapter) = try Self.beside(modules, of: "models/\(name)", usesDoRA: usesDoRA)
      #expect(adapter.untiesHead == (modules != ["norm", "v_proj"]))
      let examples = SharedPrefixTests.examples(seed: 1)
      let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: true)
      Self.expectSlopes(model, adapter, batch, examples)
    }
  }

  /// Along its own gradient the loss rises by the gradient's length.
  private static func expectSlopes(
    _ model: CausalLM, _ adapter: LoRAAdapter, _ batch: MicroBatch, _ examples: [TokenizedExample]
  ) {
    let weight = batch.predictions.reduce(0) { $0 + Double($1.weight) }
    _ = model.accumulateGradients(batch, gradientScale: Float(1 / weight), dropout: nil)
    let kept = adapter.parameters.array
    for whole in adapter.wholeWeights {
      let gradient = (0..<whole.count).map { Double(whole.gradients[$0]) }
      let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(length > 0, "\(whole.name)")
      let first = whole.values - adapter.parameters.base
      func loss(_ step: Double) -> Double {
        for index in 0..<whole.count {
          whole.values[index] = kept[first + index] + Float(step * gradient[index] / length)
        }
        model.takeUpParameters()
        return model.loss(batch).mean
      }
      // Two widths, so that what is left of the curvature is of the fourth order.
      let step = 2e-2
      let wide = (loss(2 * step) - loss(-2 * step)) / (4 * step)
      let narrow = (loss(step) - loss(-step)) / (2 * step)
      _ = loss(0)
      // The loss is right to some 10⁻⁷, so that a slope is to 10⁻⁵.
      let error = abs((4 * narrow - wide) / 3 - length)
      #expect(error < 2e-3 * length + 2e-5, "\(whole.name): \(error) of \(length)")
    }
  }

  /// Loss and gradients of rows that share beginnings.
  private static func numbers(
    _ family: String, shares: Bool = true, plan: ActivationPlan = ActivationPlan()
  ) throws -> [Float] {
    let (model, adapter) = try full(family)
    model.keepActivations(plan)
    let examples = SharedPrefixTests.examples(seed: 1)
    let batch = MicroBatch(examples, indices: Array(examples.indices), sharesPrefixes: shares)
    let sums = model.accumulateGradients(batch, gradientScale: 0.01, dropout: nil)
    return [Float(sums.loss)] + adapter.gradients.array
  }

  @Test(
    "have the same bits on any number of threads, and where activations are computed again",
    arguments: ["qwen2", "gemma3_text"])
  func sameBits(_ family: String) throws {
    let kept = try Self.numbers(family)
    try expectSameBits(Self.numbers(family, plan: ActivationPlan(keptBlocks: 0)), kept)
    expectSameBitsOnAnyThreads { (try? Self.numbers(family)) ?? [] }
  }

  @Test("have the gradients of rows laid out singly", arguments: ["qwen3", "gemma2"])
  func sharedBeginnings(_ family: String) throws {
    let (shared, apart) = (try Self.numbers(family), try Self.numbers(family, shares: false))
    #expect(relativeError(Array(shared.dropFirst()), Array(apart.dropFirst())) < 1e-5)
    let rounded = try Self.numbers(family, plan: ActivationPlan(storage: .bf16))
    let error = relativeError(Array(rounded.dropFirst()), Array(shared.dropFirst()))
    #expect(error < 2e-2 && error > 0)
  }

  @Test("of a whole model are tied as the model is, and beside adapters are not")
  func tying() throws {
    let (model, adapter) = try Self.full("gemma3_text")
    let head = try #require(adapter.wholeWeight(named: "model.embed_tokens.weight"))
    #expect(adapter.wholeWeight(named: "lm_head.weight") == nil)
    let before = Self.logits(model)
    // Embeddings of a token that is not read: only a tied head sees the change.
    head.values[7 * model.configuration.hiddenSize] += 1
    let changed = Self.logits(model)
    let width = model.configuration.vocabularySize
    #expect((0..<changed.count).allSatisfy { ($0 % width == 7) == (changed[$0] != before[$0]) })

    for (modules, isChanged) in [(["embed_tokens"], false), (["lm_head"], true)] {
      let (model, adapter) = try Self.beside(modules)
      let before = Self.logits(model)
      adapter.wholeWeights[0].values[7 * model.configuration.hiddenSize] += 1
      #expect((Self.logits(model) != before) == isChanged)
    }
  }

  @Test("are computed with in f32 beside frozen ones in integers")
  func integers() throws {
    let modules = ["lm_head", "k_proj"]
    let (exact, _) = try Self.beside(modules)
    let (model, adapter) = try Self.beside(modules)
    model.compute(in: .w8a16)
    let error = relativeError(Self.logits(model), Self.logits(exact))
    #expect(error > 0 && error < 2e-2)
    let examples = SharedPrefixTests.examples(seed: 3)
    let batch = MicroBatch(examples, indices: Array(examples.indices))
    for model in [model, exact] {
      _ = model.accumulateGradients(batch, gradientScale: 0.01, dropout: nil)
    }
    #expect(
      relativeError(adapter.gradients.array, try #require(exact.adapter).gradients.array) < 5e-2)
  }

  @Test("see no dropout, which is of adapters alone")
  func dropout() throws {
    for usesDoRA in [false, true] {
      let (model, adapter) = try Self.beside(["k_proj"], dropout: 0.5, usesDoRA: usesDoRA)
      let (plain, other) = try Self.beside(["k_proj"], usesDoRA: usesDoRA)
      let examples = SharedPrefixTests.examples(seed: 3)
      let batch = MicroBatch(examples, indices: Array(examples.indices))
      // B is zero, so that masks change nothing but A's inputs.
      _ = model.accumulateGradients(
        batch, gradientScale: 0.01, dropout: DropoutSeed(seed: 1, step: 1))
      _ = plain.accumulateGradients(batch, gradientScale: 0.01, dropout: nil)
      for (dropped, whole) in zip(adapter.wholeWeights, other.wholeWeights) {
        let values = (0..<whole.count).map { dropped.gradients[$0] }
        #expect(relativeError(values, (0..<whole.count).map { whole.gradients[$0] }) < 1e-5)
      }
    }
  }

  @Test("above the lowest adapted block leave the blocks below it alone, and embeddings do not")
  func trunk() throws {
    #expect(try Self.beside(["lm_head", "model.norm"], layers: [1]).0.trunkBlockCount == 1)
    #expect(try Self.beside(["embed_tokens"], layers: [1]).0.trunkBlockCount == 0)
    #expect(try Self.beside(["layers.0.input_layernorm"], layers: [1]).0.trunkBlockCount == 0)
  }

  @Test("are counted in the memory plan, and what they replace is not")
  func memory() throws {
    let workload = MemoryPlan.Workload(
      cuts: [.init(tokensAtOnce: 256, largestPart: 100, mostSupervised: 50, computedTokens: 100)],
      longestRow: 100, adapterCopies: 5, dataBytes: 0, threads: 2)
    func parts(_ model: CausalLM) throws -> [String: Int] {
      let plan = try #require(MemoryPlan.fastest(model, workload, limit: nil))
      return Dictionary(uniqueKeysWithValues: plan.parts.map { ($0.name, $0.bytes) })
    }
    let (plain, _) = try Self.beside([])
    let (saving, adapter) = try Self.beside(["embed_tokens", "lm_head"])
    let (full, whole) = try Self.full("qwen2")
    let table = 4 * plain.configuration.vocabularySize * plain.configuration.hiddenSize
    #expect(try parts(plain)["whole modules and optimizer"] == nil)
    #expect(try parts(saving)["whole modules and optimizer"] == 5 * 2 * table)
    #expect(try parts(saving)["adapter and optimizer"] == parts(plain)["adapter and optimizer"])
    #expect(adapter.parameters.count > 2 * table / 4)
    // The rows' order of two matrices comes, and the matrix that both replace goes.
    #expect(
      try #require(parts(plain)["weights"]) - (try #require(parts(saving)["weights"])) > table / 2)
    #expect(try parts(full)["all weights and optimizer"] == 5 * 4 * whole.parameters.count)
    #expect(try parts(full)["adapter and optimizer"] == nil)
    #expect(try #require(parts(full)["weights"]) < 4 * whole.parameters.count / 4)
  }
}
