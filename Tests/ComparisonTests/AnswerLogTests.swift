import Comparison
import Foundation
import Testing

@Suite("An arm's answers") struct AnswerLogTests {
  private static let questions = (0..<5).map {
    Question(id: "\($0)", question: "question \($0)?", answer: "\($0)")
  }

  private func log(_ path: String, _ questions: [Question] = questions) throws -> AnswerLog {
    try AnswerLog(path: path, arm: .base, seed: 1, questions: questions)
  }

  private func answer(_ index: Int) -> AnswerRecord {
    AnswerRecord(arm: .base, seed: 1, question: Self.questions[index], answer: "answer \(index)")
  }

  private func filled(_ path: String, _ count: Int) throws {
    let log = try log(path)
    for index in 0..<count { try log.append(answer(index)) }
    try log.sync()
  }

  @Test("are there again, in order, and go on behind the last")
  func goesOn() throws {
    let folder = try ScratchFolder()
    let path = folder.path("a.jsonl")
    try filled(path, 2)
    let again = try log(path)
    #expect(again.answers == [answer(0), answer(1)])
    try again.append(answer(2))
    try again.sync()
    #expect(try log(path).answers.count == 3)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.split(separator: "\n").count == 3 && text.hasSuffix("\n"))
    // Fewer questions than answers: the first of them.
    #expect(try log(path, Array(Self.questions.prefix(1))).answers == [answer(0)])
  }

  @Test(
    "lose a torn last line, wherever it is torn, and nothing else", arguments: [1, 20, 60, 150])
  func torn(_ cut: Int) throws {
    let folder = try ScratchFolder()
    let path = folder.path("a.jsonl")
    try filled(path, 3)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try whole.dropLast(cut).write(to: URL(fileURLWithPath: path))
    let log = try log(path)
    #expect(log.answers == [answer(0), answer(1)])
    try log.append(answer(2))
    try log.sync()
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
  }

  @Test("lose a last line of nothing, which a crash may leave")
  func zeros() throws {
    let folder = try ScratchFolder()
    let path = folder.path("a.jsonl")
    try filled(path, 1)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try (whole + Data([0, 0, 0, 10])).write(to: URL(fileURLWithPath: path))
    #expect(try log(path).answers == [answer(0)])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
  }

  @Test("are refused where a line answers another question, or is of another arm")
  func others() throws {
    let folder = try ScratchFolder()
    let path = folder.path("a.jsonl")
    try filled(path, 3)
    var other = Self.questions
    other[1].answer = "another"
    #expect(throws: ComparisonError.damagedAnswers(path: path, line: 2)) { try log(path, other) }
    #expect(throws: ComparisonError.damagedAnswers(path: path, line: 1)) {
      try AnswerLog(path: path, arm: .tuned, seed: 1, questions: Self.questions)
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try (Data("{}\n".utf8) + whole).write(to: URL(fileURLWithPath: path))
    #expect(throws: ComparisonError.damagedAnswers(path: path, line: 1)) { try log(path) }
    // What is refused is left as it is.
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == whole.count + 3)
  }
}
