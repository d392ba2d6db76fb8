import Scoring
import Testing

@Suite("Resampling") struct ResamplingTests {
  private static let a = (0..<80).map { Double(($0 * 37) % 11) / 10 }
  private static let b = (0..<80).map { Double(($0 * 17) % 7) / 10 }

  @Test("gives the intervals of PairedBootstrap, alone and paired")
  func agrees() {
    let resampling = Resampling([Self.a, Self.b])
    #expect(resampling.interval(0) == PairedBootstrap.mean(Self.a))
    #expect(resampling.interval(1) == PairedBootstrap.mean(Self.b))
    let (mine, reference) = (
      resampling.difference(0, 1), PairedBootstrap.difference(Self.a, Self.b)
    )
    #expect(abs(mine.mean - reference.mean) < 1e-12)
    #expect(abs(mine.low - reference.low) < 1e-12)
    #expect(abs(mine.high - reference.high) < 1e-12)
  }

  @Test("widens with confidence and turns with the order of systems")
  func confidence() {
    let resampling = Resampling([Self.a, Self.b])
    let (narrow, wide) = (
      resampling.difference(0, 1), resampling.difference(0, 1, confidence: 0.995)
    )
    #expect(wide.low < narrow.low && narrow.high < wide.high && wide.mean == narrow.mean)
    let turned = resampling.difference(1, 0)
    #expect(abs(turned.low + narrow.high) < 1e-12 && abs(turned.high + narrow.low) < 1e-12)
  }

  @Test("pairs: a difference that is the same on each question is certain, however scores spread")
  func paired() {
    let shifted = Self.a.map { $0 + 0.125 }
    let difference = Resampling([shifted, Self.a]).difference(0, 1)
    #expect(difference.high - difference.low < 1e-12)
    #expect(abs(difference.mean - 0.125) < 1e-12)
  }

  @Test("says how many questions would decide")
  func needed() throws {
    // Differences of 1 and 0 in turn: mean ½, deviation about ½, so (2.802)² ≈ 8.
    let ones = (0..<100).map { Double($0 % 2) }
    let zeros = [Double](repeating: 0, count: 100)
    let resampling = Resampling([ones, zeros])
    #expect(resampling.questionsToDecide(0, 1) == 8)
    #expect(resampling.questionsToDecide(1, 0) == 8)
    #expect(Resampling([zeros, zeros]).questionsToDecide(0, 1) == nil)
    // A tenth of the difference at the same deviation needs about a hundred times as many.
    let faint = (0..<100).map { $0 < 55 ? 0.5 : -0.5 }
    let count = try #require(Resampling([faint, zeros]).questionsToDecide(0, 1))
    #expect((780...800).contains(count), "\(count)")
  }

  @Test("bears nothing and one question")
  func small() {
    #expect(Resampling([[], []]).difference(0, 1) == Interval(mean: 0, low: 0, high: 0))
    #expect(Resampling([]).count == 0)
    #expect(Resampling([[0.5]]).interval(0) == Interval(mean: 0.5, low: 0.5, high: 0.5))
    #expect(Resampling([[0.5]]).questionsToDecide(0, 0) == nil)
  }
}
