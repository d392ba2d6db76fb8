import Reporting
import Serialization
import TestSupport
import Testing

@testable import lorikeet

@Suite("A comparison on a terminal") struct ArmTableTests {
  private static func json() throws -> JSONObject {
    try #require(JSON.parse(Fixture.bytes("comparison/comparison.json")).objectValue)
  }

  @Test("has a row for each system, with score, interval and cost")
  func rows() throws {
    let report = try #require(ArmReport(.object(try Self.json())))
    let lines = ArmTable.lines(report)
    #expect(lines.first == report.headline)
    #expect(lines.contains { $0.hasPrefix("token F1, 95 % interval") && $0.hasSuffix("training") })
    for system in report.systems {
      let name = system.label + String(repeating: " ", count: 18 - system.label.count)
      #expect(lines.count { $0.hasPrefix(name) } == 2, "\(system.label)")
    }
    #expect(lines.contains { $0.hasPrefix("tuned ") && $0.hasSuffix(" 10 min 11 s") })
    #expect(lines.allSatisfy { TextWidth.columns(of: $0) <= 80 })
    #expect(!lines.contains { $0.hasSuffix(" ") })
  }

  @Test("stays within 80 columns whatever the kinds and sentences are, and obeys none of them")
  func hostile() throws {
    var json = try Self.json()
    let names = (0..<9).map { "\($0) 日本語の質問\u{1B}[2J and a long name" }
    json["kinds"] = .array(names.map { ["kind": .string($0), "questions": 2] })
    json["metric_title"] = .string(String(repeating: "metric ", count: 30))
    json["notes"] = [.string(String(repeating: "x", count: 300))]
    let report = try #require(ArmReport(.object(json)))
    let lines = ArmTable.lines(report)
    for line in lines {
      #expect(TextWidth.columns(of: line) <= 80, "\(line)")
      #expect(!line.contains("\u{1B}"))
    }
    #expect(lines.count { $0.hasPrefix("by kind") } == 5, "two such kinds fit beside each other")
  }

  @Test("names kinds in full, and as many beside each other as fit")
  func kinds() throws {
    var json = try Self.json()
    let names = ["Text-To-Speech", "Text-to-Speech", "unanswerable", "fact", "Object Detection"]
    json["kinds"] = .array(names.map { ["kind": .string($0), "questions": 2] })
    let heads = ArmTable.lines(try #require(ArmReport(.object(json))))
      .filter { $0.hasPrefix("by kind") }
    #expect(
      heads.map { $0.dropFirst(17) } == [
        "  Text-To-Speech  Text-to-Speech  unanswerable      fact", "  Object Detection",
      ])
  }
}
