import CausalLM
import Inference
import ModelFiles
import TestSupport
import Testing

@Suite("Generator") struct GeneratorTests {
  private static let prompts: [[Int32]] = [
    [1, 85, 91, 59], [1, 20], [1, 300, 17, 42, 9, 88, 201, 5], [7], [1, 85, 91, 60],
  ]

  private func model() throws -> CausalLM {
    try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
  }

  /// Greedy continuation without any cache.
  private func plain(_ model: CausalLM, _ prompt: [Int32], _ count: Int) -> [Int32] {
    var tokens = prompt
    for _ in 0..<count {
      let logits = model.logits(TokenBatch(sequences: [tokens]), rows: [tokens.count - 1])[0]
      tokens.append(Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0))
    }
    return Array(tokens.dropFirst(prompt.count))
  }

  @Test(
    "with a cache and in batches gives what the whole forward pass gives", arguments: [1, 2, 5])
  func equalsForward(_ batchSize: Int) throws {
    let model = try model()
    let generator = Generator(model: model, stopTokens: [], maxTokens: 12, batchSize: batchSize)
    let completions = generator.complete(Self.prompts)
    for (prompt, completion) in zip(Self.prompts, completions) {
      #expect(completion.tokens == plain(model, prompt, 12))
      #expect(completion.finishReason == .length)
    }
  }

  /// Prompts after one beginning, which is itself one of them; two are the same, and one may stand apart.
  private static func alike(withStranger: Bool) -> [[Int32]] {
    var numbers = SeededNumbers(31)
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(numbers.integer(below: 320)) }
    }
    let beginning = tokens(70)
    let longer = beginning + tokens(20)
    return [
      longer + tokens(3), beginning + tokens(5), longer, beginning, longer + tokens(1), longer,
      beginning + tokens(2),
    ] + (withStranger ? [tokens(9)] : [])
  }

  @Test(
    "answers prompts that begin alike as it answers each alone", arguments: [1, 3, 8],
    [false, true])
  func sharesPrefixes(_ batchSize: Int, _ withStranger: Bool) throws {
    let model = try model()
    let prompts = Self.alike(withStranger: withStranger)
    var generator = Generator(model: model, stopTokens: [], maxTokens: 12, batchSize: batchSize)
    let completions = generator.complete(prompts)
    generator.sharesPrefixes = false
    #expect(generator.complete(prompts) == completions)
    for (prompt, completion) in zip(prompts, completions) {
      #expect(completion.tokens == plain(model, prompt, 12))
    }
  }

  @Test("goes on from a beginning that was read before, and passes over one that is another's")
  func knownPrefix() throws {
    let model = try model()
    let generator = Generator(model: model, stopTokens: [], maxTokens: 8, batchSize: 1)
    let beginning: [Int32] = (0..<24).map { 3 + ($0 * 37) % 290 }
    let prompts = [[5, 9], [7], [11, 12, 13]].map { beginning + $0 }
    let prefix = try #require(generator.readPrefix(of: prompts))
    #expect(prefix.tokens == beginning)
    for prompt in prompts + [[1, 85, 91, 59], beginning, [4] + beginning + [9]] {
      #expect(
        generator.complete([prompt], after: prefix)[0].tokens == plain(model, prompt, 8))
    }
    #expect(generator.readPrefix(of: [[1, 2, 3], [1, 2, 4]])?.tokens == nil)
    #expect(generator.readPrefix(of: [])?.tokens == nil)
  }

  @Test("ends before a stop token, and says so")
  func stops() throws {
    let model = try model()
    let expected = plain(model, Self.prompts[0], 12)
    let stop = expected[4]
    let generator = Generator(model: model, stopTokens: [stop], maxTokens: 12)
    let completion = generator.complete([Self.prompts[0]])[0]
    #expect(completion.tokens == Array(expected.prefix { $0 != stop }))
    #expect(completion.finishReason == .stop)
  }

  @Test("samples the same tokens from the same seed, whatever the batch")
  func samplesBySeed() throws {
    let model = try model()
    func run(_ seed: UInt64, batch: Int) -> [[Int32]] {
      Generator(
        model: model, stopTokens: [],
        sampling: Sampling(temperature: 1.5, topK: 50, topP: 0.95, seed: seed),
        maxTokens: 8, batchSize: batch
      ).complete(Self.prompts).map(\.tokens)
    }
    #expect(run(1, batch: 1) == run(1, batch: 5))
    #expect(run(1, batch: 5) != run(2, batch: 5))
  }
}
