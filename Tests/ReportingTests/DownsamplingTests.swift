import Reporting
import Testing

@Suite("Downsampling") struct DownsamplingTests {
  @Test("keeps the least and the greatest value", arguments: [1, 2, 399, 400, 401, 100_003])
  func keepsExtremes(_ count: Int) {
    var points = (0..<count).map { Point(Double($0), Double($0 % 7)) }
    points[count / 3].y = -50
    points[count - 1].y = 90
    let envelopes = Downsampling.envelopes(points, count: 400).compactMap { $0 }
    #expect(envelopes.count == min(400, count))
    #expect(envelopes.map(\.low).min() == (count > 1 ? -50 : 90))
    #expect(envelopes.map(\.high).max() == 90)
    #expect(envelopes.allSatisfy { $0.low <= $0.mean && $0.mean <= $0.high })
    #expect(zip(envelopes, envelopes.dropFirst()).allSatisfy { $0.x < $1.x })
  }

  @Test("leaves points that are not finite out, and a run of them alone is a gap")
  func gaps() {
    let values = [1, .nan, 3, .nan, .nan, .infinity, 7, 8]
    let points = values.enumerated().map { Point(Double($0.offset), $0.element) }
    let envelopes = Downsampling.envelopes(points, count: 4)
    #expect(envelopes.map { $0 == nil } == [false, false, true, false])
    #expect(envelopes[0] == Envelope(x: 0, low: 1, high: 1, mean: 1))
    #expect(envelopes[3] == Envelope(x: 6.5, low: 7, high: 8, mean: 7.5))
    #expect(Downsampling.envelopes([], count: 4).isEmpty)
  }

  @Test("the running mean of one value is that value, and begins unbiased")
  func runningMean() {
    let constant = (0..<50).map { Point(Double($0), 3) }
    for point in Downsampling.runningMean(constant, span: 10) {
      #expect(abs(point.y - 3) < 1e-12)
    }
    let two = Downsampling.runningMean([Point(0, 1), Point(1, .nan), Point(2, 4)], span: 2)
    // β = 1/2: (1/2 · 1 + 4) / (1/2 + 1).
    #expect(two == [Point(0, 1), Point(2, 3)])
  }
}
