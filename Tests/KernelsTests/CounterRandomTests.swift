import Kernels
import Testing

@Suite("CounterRandom") struct CounterRandomTests {
  /// From `tests/kat_vectors` of the Random123 library: `philox4x32 10`, low words first.
  struct KnownAnswer: Sendable {
    let counter, stream, key: UInt64
    let words: [UInt32]
  }

  static let knownAnswers = [
    KnownAnswer(
      counter: 0, stream: 0, key: 0,
      words: [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    KnownAnswer(
      counter: .max, stream: .max, key: .max,
      words: [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    KnownAnswer(
      counter: 0x85a3_08d3_243f_6a88, stream: 0x0370_7344_1319_8a2e, key: 0x299f_31d0_a409_3822,
      words: [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
  ]

  @Test("is Philox4x32-10 as Random123 publishes it", arguments: knownAnswers)
  func knownAnswer(_ answer: KnownAnswer) {
    let w = CounterRandom(key: answer.key).words(answer.counter, stream: answer.stream)
    #expect([w.0, w.1, w.2, w.3] == answer.words)
  }

  @Test("bits and uniform numbers are the first words")
  func derived() {
    let random = CounterRandom(key: 0)
    #expect(random.bits(0) == 0xe169_c58d_6627_e8d5)
    #expect(random.uniform(0) == Float(0x66_27e8) * 0x1p-24)
    let uniform = (0..<10_000).map { random.uniform($0) }
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    #expect((uniform.reduce(0, +) / 10_000 - 0.5).magnitude < 0.015)
  }

  @Test("seed and purpose each make another stream, the same in every run")
  func streams() {
    let keys = [("a", 1), ("b", 1), ("a", 2), ("", 1), ("aa", 1)].map {
      CounterRandom(seed: $0.1, purpose: $0.0).key
    }
    #expect(Set(keys).count == keys.count)
    #expect(CounterRandom(seed: 42, purpose: "shuffle").key == 8_278_849_981_694_458_643)
  }

  @Test("integers stay below their bound and reach all of it", arguments: [1, 2, 3, 10, 97])
  func integers(_ bound: Int) {
    let random = CounterRandom(seed: 3, purpose: "test")
    let drawn = (0..<2_000).map { random.integer(below: bound, $0) }
    #expect(Set(drawn) == Set(0..<bound))
  }

  @Test("a permutation holds every number once", arguments: [0, 1, 2, 3, 97, 1_000])
  func permutation(_ count: Int) {
    let random = CounterRandom(seed: 3, purpose: "test")
    let order = random.permutation(count)
    #expect(order.sorted() == Array(0..<count))
    #expect(order == random.permutation(count))
    if count > 3 { #expect(order != random.permutation(count, stream: 1)) }
  }

  @Test("permutations stay as they are from version to version")
  func permutationIsStable() {
    // A checkpoint's place in the data is a place in such an order.
    #expect(
      CounterRandom(seed: 42, purpose: "shuffle").permutation(10) == [0, 7, 4, 8, 6, 3, 9, 5, 2, 1])
    #expect(
      CounterRandom(seed: 42, purpose: "shuffle").permutation(10, stream: 1) == [
        9, 8, 5, 4, 0, 6, 3, 2, 7, 1,
      ])
  }

  @Test("all permutations of three are equally likely")
  func permutationIsFair() {
    let random = CounterRandom(seed: 5, purpose: "test")
    var counts: [[Int]: Int] = [:]
    for stream in 0..<6_000 {
      counts[random.permutation(3, stream: UInt64(stream)), default: 0] += 1
    }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
  }
}
