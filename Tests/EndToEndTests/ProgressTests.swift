import Reporting
import Testing

@testable import lorikeet

@Suite("Lines of progress") struct ProgressTests {
  @Test("say as much as fits, the most important first")
  func stages() {
    let quantising = Stage(name: "quantising to NF4", unit: .things("blocks"))
      .line(done: 12, of: 30, seconds: 2)
    #expect(quantising.text(columns: 79) == "quantising to NF4  12/30 blocks  40 %  left 3 s")
    #expect(quantising.text(columns: 39) == "quantising to NF4  12/30 blocks")
    let merging = Stage(name: "merging and writing", unit: .bytes)
      .line(done: 120_400_000, of: 269_100_000, seconds: 4)
    #expect(merging.text(columns: 79) == "merging and writing  120/270 MB  44 %  left 5 s")
    #expect(merging.text(columns: 39) == "merging and writing  120/270 MB")
    let answers = Stage(name: "tuned: answers", unit: .things("rows"))
      .line(done: 3, of: 200, seconds: 30)
    #expect(answers.text(columns: 79) == "tuned: answers  3/200 rows  1 %  left 32 min 50 s")
    #expect(answers.text(columns: 39) == "tuned: answers  3/200 rows")
  }

  @Test("estimate nothing at the beginning and at the end, and divide by no zero")
  func ends() {
    let stage = Stage(name: "hashing the base", unit: .bytes)
    #expect(
      stage.line(done: 1_000_000, of: 2_000_000, seconds: 0.5).text(columns: 79)
        == "hashing the base  1000/2000 kB  50 %")
    #expect(
      stage.line(done: 2_000_000, of: 2_000_000, seconds: 5).text(columns: 79)
        == "hashing the base  2000/2000 kB  100 %")
    #expect(stage.line(done: 0, of: 0, seconds: 5).text(columns: 79) == "hashing the base  0/0 kB")
  }

  @Test(
    "count wide characters as the two columns that they take",
    arguments: [("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("👍🏽", 2), ("", 0)])
  func width(_ text: String, _ columns: Int) {
    #expect(TextWidth.columns(of: text) == columns)
    #expect(TextWidth.shortened(text, columns: columns) == text)
    for limit in 1...4 {
      #expect(TextWidth.columns(of: TextWidth.shortened(text, columns: limit)) <= limit)
    }
  }

  @Test("show what prompts are answered, a line each, at any width", arguments: [80, 40])
  func answers(_ columns: Int) {
    let sample = ReportData.Sample(
      source: "", messages: [.init(role: "user", content: "Where is\norder 5? " + long)],
      reference: "{\"a\": 1}", base: "I am\u{1B}[31m sorry. 日本 " + long, tuned: "{\"a\": 1}\n")
    var wrong = sample
    wrong.tuned = "{}"
    let asked = AnswerLines.text(
      "the base model", [sample, sample].map(AnswerLines.asked), columns: columns)
    #expect(asked[0] == "sample prompts, the base model:")
    #expect(asked.count == 5)
    #expect(asked[1].hasPrefix("  1  asked   Where is\\norder 5? "))
    #expect(asked[2].hasPrefix("     answer  I am\\u{001B}[31m sorry."))
    #expect(asked[3].hasPrefix("  2  asked   "))
    for line in asked.dropFirst() {
      #expect(TextWidth.columns(of: line) <= columns - 1 && line.hasSuffix("…"), "\(line)")
    }
    let answered = AnswerLines.text(
      "after step 5", [AnswerLines.answered(sample), [], AnswerLines.answered(wrong)],
      columns: columns)
    #expect(
      answered == [
        "sample prompts, after step 5:", "  1  answer ✓  {\"a\": 1}\\n", "  3  answer    {}",
      ])
    #expect(AnswerLines.text("after step 6", [[], []], columns: columns) == [])
  }

  private let long = String(repeating: "a long text ", count: 20)
}
