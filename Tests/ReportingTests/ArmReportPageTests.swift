import Foundation
import Serialization
import TestSupport
import Testing

@testable import Reporting

@Suite("A page of a comparison") struct ArmReportPageTests {
  /// `comparison.json` of twelve questions, as ComparisonTests holds it to what is written.
  private static func json() throws -> JSONValue {
    try JSON.parse(Fixture.bytes("comparison/comparison.json"))
  }

  private static func report(_ change: (inout JSONObject) -> Void = { _ in }) throws -> ArmReport {
    var object = try #require(try json().objectValue)
    change(&object)
    return try #require(ArmReport(.object(object)))
  }

  @Test("reads everything that a comparison writes")
  func reads() throws {
    let report = try Self.report()
    #expect(report.metric == "token F1" && report.questions == 12 && report.scoredQuestions == 12)
    #expect(report.systems.count == 7 && report.differences.count == 20)
    #expect(report.kinds.map(\.name).sorted() == ["fact", "format"])
    #expect(report.breakEven.count == 6 && report.disagreements.count > 5)
    #expect(report.learning.map(\.count) == [50, 100, 200] && report.gainOfHundred != nil)
    #expect(report.robustness.map(\.count) == [0, 4] && report.robustness[1].loss != nil)
    #expect(report.pricePerCoreHour == 0.04 && report.cores == 2)
    for system in report.systems {
      #expect(system.hallucination != nil && system.missed != nil && system.macroScore != nil)
      #expect(Set(system.kinds.keys) == Set(report.kinds.map(\.name)))
      #expect(Set(system.metrics.keys) == Set(report.metrics.map(\.name)))
      guard !system.isBaseline else { continue }
      #expect(system.cost.count >= 7 && system.seeds.count == system.seedScores.count)
      let retrieves = system.name.hasSuffix("retrieval")
      #expect(system.retrieval.count == (retrieves ? 4 : 0))
      #expect((system.retention != nil) == system.name.hasPrefix("tuned"))
    }
  }

  @Test("is well-formed, alone in its file, and has the verdict above everything")
  func wellFormed() throws {
    let report = try Self.report()
    let page = ArmReportPage.html(report, name: "handbook & more")
    #expect(faults(in: page) == [])
    #expect(page.contains("<h1>handbook &amp; more</h1>"))
    let verdict = try #require(page.firstRange(of: Markup.escaped(report.headline)))
    let scores = try #require(page.firstRange(of: "<h2>Scores"))
    #expect(verdict.lowerBound < scores.lowerBound)
    for reason in report.reasons { #expect(page.contains(Markup.escaped(reason))) }
    for section in [
      "By kind of question", "Differences", "Score against cost", "What was retrieved",
      "Learning curve", "Passages that hold no answer", "Questions on which the arms differ",
    ] {
      #expect(page.contains("<h2>\(section)</h2>"))
    }
    for system in report.systems { #expect(page.contains("<desc>\(text(system.score))</desc>")) }
  }

  private func text(_ score: ArmReport.Score) -> String {
    "\(NumberText.fixed(score.mean, 3)) [\(NumberText.fixed(score.low, 3)), \(NumberText.fixed(score.high, 3))]"
  }

  @Test("links to lines that are there")
  func links() throws {
    let page = ArmReportPage.html(try Self.report(), name: "x")
    let links = pieces(page, from: "<a href=\"", to: "</a>")
    #expect(links.count > 50)
    for link in links {
      let file = String(link.prefix { $0 != "\"" })
      if ["scores.jsonl", "comparison.json"].contains(file) { continue }
      let text = String(decoding: try Fixture.bytes("comparison/\(file)"), as: UTF8.self)
      guard let line = link.firstRange(of: ", line ") else { continue }
      let number = try #require(Int(link[line.upperBound...]))
      #expect((1...text.split(separator: "\n").count).contains(number), "\(link)")
    }
  }

  @Test("colours only differences whose interval leaves out 0")
  func differences() throws {
    let report = try Self.report()
    let page = ArmReportPage.html(report, name: "x")
    let section = try #require(
      pieces(page, from: "<h2>Differences</h2>", to: "</section>").first)
    let decided = report.differences.filter(\.isDecided)
    let arms = Set(report.systems.filter { !$0.isBaseline }.map(\.name))
    let twice = decided.count { arms.contains($0.second) }
    let cells = pieces(section, from: "<td", to: "</td>")
    #expect(
      cells.count { $0.contains("better") || $0.contains("worse") } == decided.count + twice)
    #expect(cells.count { $0.contains("<strong>") } <= decided.count + twice)
    let difference = try #require(report.difference("base", "tuned"))
    let other = try #require(report.difference("tuned", "base"))
    #expect(difference.mean == -other.mean && difference.low == -other.high)
    #expect(report.difference("base", "base") == nil)
  }

  @Test("shows what answers say and does nothing else with it")
  func hostile() throws {
    let text = "<script>alert('\u{1B}[2J')</script>\" onload=\"x"
    let page = ArmReportPage.html(
      try Self.report { json in
        json["verdict"] = ["headline": .string(text), "reasons": [.string(text)]]
        json["metric_title"] = .string(text)
        json["kinds"] = [["kind": .string(text), "questions": 3]]
        json["disagreements"] = [
          [
            "id": .string(text), "question": .string(text), "kind": .string(text),
            "reference": .string(text),
            "answers": [
              [
                "system": "base", "seed": 1, "answer": .string(text), "outcome": .string(text),
                "file": .string(text), "line": 1,
                "passages": [["citation": .string(text), "text": .string(text)]],
              ]
            ],
          ]
        ]
      }, name: text)
    #expect(faults(in: page) == [])
    #expect(!page.contains("\u{1B}"))
  }

  @Test("has a page of what little there is, and none of what is no comparison")
  func partial() throws {
    let report = try Self.report { json in
      for key in json.keys where !["systems", "verdict"].contains(key) { json[key] = nil }
      json["systems"] = .array(
        (json["systems"]?.arrayValue ?? []).prefix(3).map { system in
          ["name": system["name"] ?? .null, "score": system["score"] ?? .null]
        })
    }
    let page = ArmReportPage.html(report, name: "x")
    #expect(faults(in: page) == [])
    for section in ["Differences", "What was retrieved", "Learning curve", "By kind of question"] {
      #expect(!page.contains("<h2>\(section)</h2>"))
    }
    #expect(ArmReport([:]) == nil && ArmReport(.null) == nil)
    #expect(ArmReport(["systems": [], "verdict": ["headline": "x"]]) == nil)
    #expect(ArmReport(["systems": [["name": "base"]], "verdict": ["headline": "x"]]) == nil)
  }

  @Test("shows thirty questions and says that there are more")
  func many() throws {
    let page = ArmReportPage.html(
      try Self.report { json in
        let one = json["disagreements"]?.arrayValue?.first ?? .null
        json["disagreements"] = .array([JSONValue](repeating: one, count: 1_000))
      }, name: "x")
    #expect(pieces(page, from: "<article", to: "</article>").count == 30)
    #expect(page.contains("1,000 questions on which token F1 differs between arms. The 30 on"))
    #expect(page.utf8.count < 400_000, "\(page.utf8.count)")
  }
}
