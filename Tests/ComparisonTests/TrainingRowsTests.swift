import Configuration
import Foundation
import Retrieval
import Scoring
import Serialization
import Testing

@testable import Comparison

@Suite("Rows that the trained arms learn") struct TrainingRowsTests {
  private static func folder() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    for index in 0..<9 {
      try folder.write(
        "# Part \(index)\n\nThe part called p\(index) costs \(index * 7) coins.",
        "docs/p\(index).md")
    }
    return folder
  }

  private static let questions = (0..<8).map {
    Question(
      id: "q\($0)", question: "What does the part called p\($0) cost?", answer: "\($0 * 7) coins",
      documents: ["p\($0).md"])
  }

  private func rows(
    _ questions: [Question] = questions, distractors: Int = 2, goldenShare: Double = 1,
    seed: Int = 1, limit: Int = 10_000
  ) throws -> [TrainingRows.Row] {
    let folder = try Self.folder()
    return try TrainingRows.withPassages(
      questions, try folder.finder(), distractors: distractors, goldenShare: goldenShare,
      seed: seed, limit: limit, remedy: "be brief",
      tokens: { $0.compactMap { $0["content"]?.stringValue?.utf8.count }.reduce(0, +) }
    ).map { row in
      // The scratch folder's own name differs from test to test.
      var row = row
      row.golden = row.golden.map { String($0.split(separator: "/").last ?? "") }
      return row
    }
  }

  private func text(_ row: TrainingRows.Row) -> String {
    row.messages.first?["content"]?.stringValue ?? ""
  }

  @Test(
    "have the golden passage and as many distractors as asked, and end with question and answer")
  func golden() throws {
    for (index, row) in try rows().enumerated() {
      #expect(row.id == "q\(index)")
      #expect(row.golden == ["p\(index).md:1"])
      #expect(row.passages == 3)
      #expect(text(row).contains("called p\(index) costs \(index * 7) coins"))
      #expect(text(row).hasSuffix("Question: What does the part called p\(index) cost?"))
      #expect(row.messages.last?["content"]?.stringValue == "\(index * 7) coins")
      #expect(row.messages.map { $0["role"]?.stringValue } == ["user", "assistant"])
    }
  }

  @Test("have their passages in an order that the seed draws, anew for each")
  func order() throws {
    let rows = try rows()
    #expect(try self.rows() == rows)
    #expect(try self.rows(seed: 2) != rows)
    let places = rows.enumerated().map { index, row in
      text(row).components(separatedBy: "\n\n[").firstIndex { $0.contains("p\(index) costs") }
    }
    #expect(Set(places).count > 1)
  }

  @Test("lack the golden passage in a share of them, and have a distractor in its place")
  func withoutGolden() throws {
    let rows = try rows(goldenShare: 0.5)
    let without = rows.filter(\.golden.isEmpty)
    #expect(!without.isEmpty && without.count < rows.count)
    for (index, row) in rows.enumerated() where row.golden.isEmpty {
      #expect(row.passages == 3)
      #expect(!text(row).contains("p\(index) costs"))
      #expect(row.messages.last?["content"]?.stringValue == "\(index * 7) coins")
    }
    #expect(try self.rows(goldenShare: 0).allSatisfy(\.golden.isEmpty))
  }

  @Test("have distractors alone where the documents do not hold the answer")
  func unanswerable() throws {
    var question = Self.questions[0]
    question.isAnswerable = false
    var free = Self.questions[1]
    free.documents = []
    let rows = try rows([question, free, Self.questions[2]])
    #expect(rows.map(\.golden) == [[], [], ["p2.md:1"]])
    #expect(rows.map(\.passages) == [3, 3, 3])
    // Where no question names a document, the likest passage is taken for golden.
    #expect(try self.rows([free]).map(\.golden) == [["p1.md:1"]])
  }

  @Test("have no distractor from a document that holds the answer")
  func otherPassagesOfTheDocument() throws {
    let folder = try Self.folder()
    let filler = String(repeating: "It is looked after with care. ", count: 9)
    try folder.write(
      "# Part 0\n\nThe part called p0 costs 0 coins.\n\n## Care\n\nWhat does the part called p0 cost to keep? \(filler)",
      "docs/p0.md")
    let finder = try folder.finder()
    let found = try finder.passages(for: Self.questions[0].question, count: 3)
    #expect(found.count { $0.path.hasSuffix("p0.md") } == 2)
    let row = try TrainingRows.withPassages(
      [Self.questions[0]], finder, distractors: 3, goldenShare: 1, seed: 1, limit: 10_000,
      remedy: "", tokens: { _ in 1 })[0]
    #expect(row.passages == 4 && row.golden.count == 1)
    #expect(text(row).components(separatedBy: "p0").count == 3)
  }

  @Test("leave out distractors that do not fit, and never the golden passage")
  func limit() throws {
    let whole = try rows()[0]
    let least = try rows(limit: 200)[0]
    #expect(least.passages < whole.passages && least.golden == ["p0.md:1"])
    #expect(
      throws: ComparisonError.noPassageFits(
        question: "q0", tokens: 111, limit: 60, remedy: "be brief")
    ) { try rows(limit: 60) }
  }

  @Test("are question and answer for the arm without passages")
  func bare() {
    var question = Self.questions[1]
    question.system = "be brief"
    let row = TrainingRows.bare([question])[0]
    #expect(
      row.messages.map { $0["content"]?.stringValue }
        == ["be brief", "What does the part called p1 cost?", "7 coins"])
    #expect(row.json.keys == ["id", "messages"])
  }
}

@Suite("Worked examples") struct WorkedExamplesTests {
  private static let rows = (0..<20).map { Question(id: "\($0)", question: "?", answer: "!") }

  @Test("are drawn by the seed, without one twice")
  func drawn() throws {
    let chosen = try WorkedExamples.choose(5, from: Self.rows, seed: 3)
    #expect(Set(chosen.map(\.id)).count == 5)
    #expect(try WorkedExamples.choose(5, from: Self.rows, seed: 3) == chosen)
    #expect(try WorkedExamples.choose(5, from: Self.rows, seed: 4) != chosen)
    #expect(try WorkedExamples.choose(3, from: Self.rows, seed: 3) == Array(chosen.prefix(3)))
    #expect(throws: ComparisonError.tooFewExamples(asked: 21, found: 20)) {
      try WorkedExamples.choose(21, from: Self.rows, seed: 3)
    }
  }
}

@Suite("Names that configuration and comparison share") struct SharedNamesTests {
  @Test("are the same")
  func names() {
    #expect(
      ComparisonConfiguration.Arm.allCases.map(\.rawValue) == Arm.allCases.map(\.rawValue))
    #expect(
      ComparisonConfiguration.SearchMethod.allCases.map(\.rawValue)
        == Search.Method.allCases.map(\.rawValue))
    for metric in ComparisonConfiguration.Metric.allCases {
      #expect(AnswerMetric(rawValue: metric.rawValue) != nil, "\(metric)")
    }
  }
}
