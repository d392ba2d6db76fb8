import Scoring
import Testing

@Suite("RetrievalQuality") struct RetrievalQualityTests {
  @Test("counts passages for precision and documents for recall")
  func counts() throws {
    let quality = try #require(
      RetrievalQuality(retrieved: ["x", "a", "a", "y"], relevant: ["a", "b", "b"]))
    #expect(quality.hit == 1)
    #expect(quality.reciprocalRank == 0.5)
    #expect(quality.contextPrecision == 0.5)
    #expect(quality.contextRecall == 0.5)
  }

  @Test("is 0 where nothing right was found, and unknown where nothing is right")
  func nothing() throws {
    for retrieved in [[], ["x"]] {
      let quality = try #require(RetrievalQuality(retrieved: retrieved, relevant: ["a"]))
      #expect(quality.hit == 0 && quality.reciprocalRank == 0)
      #expect(quality.contextPrecision == 0 && quality.contextRecall == 0)
    }
    #expect(RetrievalQuality(retrieved: ["x"], relevant: []) == nil)
  }
}
