import Testing

@testable import Tokenization

@Suite("BytePairMerger") struct TokenizerBytePairMergerTests {
  /// Random rules over few tokens, so that ranks compete and pairs come and go.
  private static func merger(
    seed: inout some RandomNumberGenerator, rules count: Int
  ) -> BytePairMerger<MergeTable> {
    var rules: [MergeRule] = []
    for made in 4..<Int32(4 + count) {
      // A result is made by one rule only, as the texts of tokens have it.
      let left = Int32.random(in: 0..<made, using: &seed)
      let right = Int32.random(in: 0..<made, using: &seed)
      rules.append(MergeRule(left: left, right: right, result: made))
    }
    return BytePairMerger(table: MergeTable(rules))
  }

  @Test("joining by heap equals joining by search", arguments: [1, 2, 3, 7, 40, 41, 200])
  func heapEqualsSearch(_ length: Int) {
    var seed = LinearCongruential(state: UInt64(length))
    for _ in 0..<200 {
      let merger = Self.merger(seed: &seed, rules: 60)
      var word: [Symbol] = []
      for _ in 0..<length {
        let id = Int32.random(in: 0..<4, using: &seed)
        let gap = Int.random(in: 0..<8, using: &seed) / 7
        word.append(Symbol(id: id, length: 1, gap: gap))
      }
      var searched = word
      var heaped = word
      merger.mergeBySearch(&searched)
      merger.mergeByHeap(&heaped)
      #expect(searched == heaped)
      let covered = word.reduce(0) { $0 + $1.length + $1.gap }
      #expect(heaped.reduce(0) { $0 + $1.length + $1.gap } == covered)
    }
  }

  @Test("the lowest rank is joined first, and of one rank the leftmost pair")
  func orderOfRules() {
    // a = 0, b = 1, c = 2: "bc" before "ab", then "aa".
    let merger = BytePairMerger(
      table: MergeTable([
        MergeRule(left: 1, right: 2, result: 3), MergeRule(left: 0, right: 1, result: 4),
        MergeRule(left: 0, right: 0, result: 5),
      ]))
    func merged(_ ids: [Int32]) -> [Int32] {
      var word = ids.map { Symbol(id: $0, length: 1) }
      merger.merge(&word)
      return word.map(\.id)
    }
    #expect(merged([0, 1, 2]) == [0, 3])
    #expect(merged([0, 1, 1, 2]) == [4, 3])
    #expect(merged([0, 0, 0]) == [5, 0])
    #expect(merged([]) == [])
  }

  @Test("of two rules for one pair the later counts")
  func laterRuleCounts() {
    let table = MergeTable([
      MergeRule(left: 0, right: 1, result: 2), MergeRule(left: 0, right: 1, result: 3),
    ])
    #expect(table[0, 1] == Merge(rank: 1, result: 3))
    #expect(table[1, 0] == .none)
    #expect(MergeTable([])[0, 0] == .none)
  }
}

/// Knuth's MMIX generator: the same numbers in every run.
struct LinearCongruential: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    var result: UInt64 = 0
    for _ in 0..<2 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      result = result << 32 | state >> 32
    }
    return result
  }
}
