import Inference
import Quantization
import Testing

@Suite("What decides between ways of merging") struct MergePolicyTests {
  private static let trials: [(way: MergeWay, divergence: Double, byteCount: Int)] = [
    (.plain, 0.03, 100), (.refit, 0.02, 100), (.apart, 0.0, 120),
  ]

  @Test("takes the nearest, and a second file only where that is allowed")
  func choice() {
    #expect(MergePolicy.oneFile.choice(among: Self.trials) == 1)
    #expect(MergePolicy.closest.choice(among: Self.trials) == 2)
    #expect(MergePolicy.apart.choice(among: [Self.trials[2]]) == 0)
    #expect(MergePolicy.oneFile.choice(among: [Self.trials[2]]) == nil)
  }

  @Test("takes the smaller, then the first, of equals, and what gives no numbers last")
  func ties() {
    #expect(
      MergePolicy.closest.choice(among: [(.plain, 0, 3), (.refit, 0, 2), (.apart, 0, 2)]) == 1)
    #expect(
      MergePolicy.oneFile.choice(among: [(.plain, .nan, 1), (.refit, 5, 1), (.apart, 0, 1)]) == 1)
    #expect(MergePolicy.plain.choice(among: [(.plain, .nan, 1)]) == 0)
  }

  @Test("tries what differs: of types that a search fits already there is no refit")
  func ways() {
    #expect(MergePolicy.oneFile.ways(for: .q4_0) == [.plain, .refit, .apart])
    #expect(MergePolicy.closest.ways(for: .q4_k) == [.plain, .apart])
    #expect(MergePolicy.plain.ways(for: .q4_0) == [.plain])
  }
}
