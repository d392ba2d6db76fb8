import CausalLM
import Kernels
import Serialization

/// Prompts read and continued greedily, on past every end of text, so that each run decodes the same number of tokens.
struct DecodingBenchmark {
  /// Most prompt tokens that are read at once, as in `Generator`.
  private static let prefillTokens = 1_024

  var model: ModelUnderTest
  var sequences: Int
  var promptTokens: Int
  var tokens: Int
  /// The best of so many counts.
  var repeats: Int

  func run() throws -> JSONObject {
    let chat = try model.load()
    let transformer = chat.model
    let random = CounterRandom(seed: 1, purpose: "benchmark decoding")
    let prompts = (0..<sequences).map { sequence in
      (0..<promptTokens).map { position in
        Int32(
          random.integer(
            below: transformer.configuration.vocabularySize,
            UInt64(sequence * promptTokens + position)))
      }
    }
    var (promptRate, decodeRate) = (0.0, 0.0)
    for _ in 0..<repeats {
      let seconds = decode(prompts, transformer)
      promptRate = max(promptRate, Double(sequences * promptTokens) / seconds.reading)
      decodeRate = max(decodeRate, Double(sequences * (tokens - 1)) / seconds.decoding)
    }
    var json = JSONObject()
    model.describe(in: &json)
    json["sequences"] = .integer(sequences)
    json["prompt_tokens"] = .integer(promptTokens)
    json["tokens"] = .integer(tokens)
    json["prompt_tokens_per_second"] = .number(promptRate)
    json["tokens_per_second"] = .number(decodeRate)
    json["peak_rss_bytes"] = .integer(try ThisProcess.peakResidentBytes())
    return json
  }

  /// Reads all prompts, continues them, and returns the seconds of each.
  private func decode(
    _ prompts: [[Int32]], _ transformer: CausalLM
  ) -> (reading: Double, decoding: Double) {
    let caches = prompts.map { _ in KeyValueCache(transformer, capacity: promptTokens + tokens) }
    var next = [Int32](repeating: 0, count: sequences)
    let clock = ContinuousClock()
    let began = clock.now
    let group = max(1, Self.prefillTokens / promptTokens)
    for first in stride(from: 0, to: sequences, by: group) {
      let range = first..<min(sequences, first + group)
      transformer.prefill(Array(prompts[range]), caches: Array(caches[range])) { index, logits in
        next[first + index] = Self.likeliest(logits)
      }
    }
    let hasRead = clock.now
    // The first token came with the prompt.
    for _ in 1..<tokens {
      let last = next
      transformer.decode(last, caches: caches) { sequence, logits in
        next[sequence] = Self.likeliest(logits)
      }
    }
    return ((hasRead - began) / .seconds(1), (clock.now - hasRead) / .seconds(1))
  }

  private static func likeliest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for token in logits.indices where logits[token] > logits[best] { best = token }
    return Int32(best)
  }
}
