import Scoring
import Testing

@Suite("LearningCurve") struct LearningCurveTests {
  /// `count` questions whose mean is exactly `mean`.
  private static func scores(_ mean: Double, _ count: Int = 40, spread: Double = 0.1) -> [Double] {
    (0..<count).map { mean + ($0.isMultiple(of: 2) ? spread : -spread) }
  }

  @Test("continues an inverse power law")
  func law() throws {
    func score(_ n: Double) -> Double { 0.9 - 2 / n.squareRoot() }
    let curve = LearningCurve(
      [400, 50, 100, 200].map { .init(examples: $0, scores: Self.scores(score(Double($0)))) })
    #expect(curve.points.map(\.examples) == [50, 100, 200, 400])
    let gain = try #require(curve.gain(of: 100))
    #expect(abs(gain.mean - (score(500) - score(400))) < 1e-9)
    // The questions differ alike at all sizes, so that drawing others moves no difference.
    #expect(gain.high - gain.low < 1e-9)
    let more = try #require(curve.gain(of: 1_000))
    #expect(abs(more.mean - (score(1_400) - score(400))) < 1e-9)
  }

  @Test("of scores that do not rise is no gain, with an interval about it")
  func flat() throws {
    let noisy = [50, 100, 200].enumerated().map { index, examples in
      LearningCurve.Point(
        examples: examples,
        scores: (0..<40).map { (($0 + 13 * index) * 7) % 10 < 5 ? 1.0 : 0 })
    }
    let gain = try #require(LearningCurve(noisy).gain())
    #expect(gain.low < 0 && gain.high > 0 && abs(gain.mean) < 0.05)
    let constant = LearningCurve(
      [50, 100, 200].map { .init(examples: $0, scores: Self.scores(0.5)) })
    #expect(constant.gain() == Interval(mean: 0, low: 0, high: 0))
  }

  @Test("cannot be told from too little")
  func unknown() {
    func gain(_ sizes: [Int], _ questions: Int = 40) -> Interval? {
      LearningCurve(
        sizes.map { .init(examples: $0, scores: Self.scores(0.4 + Double($0) / 1_000, questions)) }
      ).gain()
    }
    #expect(gain([50, 100]) == nil)
    #expect(gain([50, 100, 100]) == nil)
    #expect(gain([0, 50, 100]) == nil)
    #expect(gain([50, 100, 200], 5) == nil)
    #expect(gain([50, 100, 200], 6) != nil)
    let uneven = LearningCurve([
      .init(examples: 1, scores: Self.scores(0, 8)), .init(examples: 2, scores: Self.scores(0, 9)),
      .init(examples: 3, scores: Self.scores(0, 8)),
    ])
    #expect(uneven.gain() == nil)
  }
}

@Suite("DistractorRobustness") struct DistractorRobustnessTests {
  @Test("is what is lost against the fewest distractors, paired")
  func loss() throws {
    let scores = (0..<30).map { Double($0 % 3) / 2 }
    let robustness = try #require(
      DistractorRobustness([(4, scores.map { $0 - 0.25 }), (0, scores), (2, scores)]))
    #expect(robustness.levels.map(\.distractors) == [0, 2, 4])
    #expect(robustness.levels.map { $0.loss?.mean } == [nil, 0, 0.25])
    let loss = try #require(robustness.levels[2].loss)
    #expect(abs(loss.low - 0.25) < 1e-12 && abs(loss.high - 0.25) < 1e-12)
    #expect(DistractorRobustness([(0, scores)]) == nil)
    #expect(DistractorRobustness([(0, scores), (1, [])]) == nil)
    #expect(DistractorRobustness([]) == nil)
  }
}
