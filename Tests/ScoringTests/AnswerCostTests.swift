import Scoring
import Testing

@Suite("AnswerCost") struct AnswerCostTests {
  @Test("takes quantiles as NumPy does")
  func quantiles() throws {
    let values = [3.0, 1, 2, 10]
    #expect(AnswerCost.quantile(0.5, of: values) == 2.5)
    #expect(abs(try #require(AnswerCost.quantile(0.95, of: values)) - 8.95) < 1e-12)
    #expect(AnswerCost.quantile(1, of: values) == 10)
    #expect(AnswerCost.quantile(0, of: values) == 1)
    #expect(AnswerCost.quantile(0.95, of: [7]) == 7)
    #expect(AnswerCost.quantile(0.5, of: []) == nil)
  }

  @Test("prices time on cores")
  func price() {
    #expect(AnswerCost.price(seconds: 1_800, cores: 4, pricePerCoreHour: 0.05) == 0.1)
  }

  @Test("breaks even after the first question by which training is paid for, or never")
  func breakEven() {
    func questions(_ training: Double, _ own: Double, _ other: Double) -> Int? {
      AnswerCost.breakEven(
        preparation: training, secondsPerQuestion: own, against: 0, secondsPerQuestion: other)
    }
    #expect(questions(600, 0.5, 1.5) == 600)
    #expect(questions(600.5, 0.5, 1.5) == 601)
    #expect(questions(600, 1.5, 1.5) == nil)
    #expect(questions(600, 2, 1.5) == nil)
    #expect(questions(0, 1, 1.5) == 0)
    #expect(questions(0, 2, 1.5) == nil)
    #expect(questions(1e9, 1, 1 + 1e-9) == nil)
    #expect(questions(.infinity, 1, 2) == nil)
    #expect(
      AnswerCost.breakEven(
        preparation: 60, secondsPerQuestion: 1, against: 50, secondsPerQuestion: 2) == 10)
  }
}
