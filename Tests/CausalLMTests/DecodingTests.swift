import CausalLM
import LoRA
import ModelFiles
import TestSupport
import Testing

@Suite("Decoding") struct DecodingTests {
  private static let sequences: [[Int32]] = [
    [1, 85, 91, 59, 20], [1, 20, 7, 7, 9], [7, 300, 17, 42, 9], [1, 85, 91, 60, 3],
    [2, 4, 8, 16, 32],
  ]

  @Test(
    "token by token gives the logits of the whole forward pass, streamed or not",
    arguments: [
      ("tiny-tied", "lora/all-linear"), ("tiny-tied", "methods/dora/initial"), ("tiny-odd", nil),
      ("tiny-tied.mixed.gguf", nil),
    ])
  func equalsForward(_ name: String, _ adapter: String?) throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/\(name)")))
    if let adapter {
      model.attach(try AdapterFolder.read(Fixture.path(adapter), for: model.adaptableLayers))
    }
    for count in [1, 3, 4, 5] {
      let sequences = Array(Self.sequences.prefix(count))
      let caches = sequences.map { _ in KeyValueCache(model, capacity: 2) }
      model.prefill(sequences.map { Array($0.prefix(2)) }, caches: caches) { _, _ in }
      for position in 2..<5 {
        var decoded = [[Float]](repeating: [], count: count)
        model.decode(sequences.map { $0[position] }, caches: caches) { index, logits in
          decoded[index] = Array(logits)
        }
        for (sequence, got) in zip(sequences, decoded) {
          let prefix = Array(sequence.prefix(position + 1))
          let whole = model.logits(TokenBatch(sequences: [prefix]), rows: [position])[0]
          #expect(relativeError(got, whole) < 2e-6, "\(count) sequences, position \(position)")
        }
      }
    }
  }
}
