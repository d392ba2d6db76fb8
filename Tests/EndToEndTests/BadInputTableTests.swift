import Foundation
import Serialization
import TestSupport
import Testing

/// Everything that a person is known to get wrong, with the very words that come back.
///
/// `Tests/Fixtures/bad-inputs/cases.json` holds the cases; `LORIKEET_UPDATE_BAD_INPUTS=1` writes what the tool says now
/// into it, for somebody to read.
@Suite("Bad inputs, word for word") struct BadInputTableTests {
  private static let path = Fixture.path("bad-inputs/cases.json")

  @Test("end with exactly the sentence and the exit code that the table holds")
  func table() throws {
    var cases = try #require(
      try JSON.parse(try Fixture.bytes("bad-inputs/cases.json")).arrayValue)
    #expect(cases.count >= 60)
    let updates = ProcessInfo.processInfo.environment["LORIKEET_UPDATE_BAD_INPUTS"] != nil
    for (index, value) in cases.enumerated() {
      var fields = try #require(value.objectValue)
      let id = fields["id"]?.stringValue ?? ""
      let (exitCode, message) = try Self.run(fields)
      if updates {
        fields["exit"] = .integer(Int(exitCode))
        fields["message"] = .string(message)
        cases[index] = .object(fields)
        continue
      }
      #expect(fields["exit"]?.intValue == Int(exitCode), "\(id): \(message)")
      #expect(fields["message"]?.stringValue == message, "\(id)")
      // One sentence for people: no trap, no stack, no dump of a value.
      #expect([1, 64, 65, 66, 74].contains(exitCode), "\(id)")
      #expect(message.hasPrefix("lorikeet: "), "\(id): \(message)")
    }
    if updates {
      let text = JSONValue.array(cases).serialized(pretty: true) + "\n"
      try Data(text.utf8).write(to: URL(fileURLWithPath: Self.path))
    }
  }

  /// Runs a case; returns its exit code and last line, places that differ from machine to machine made general.
  private static func run(_ fields: JSONObject) throws -> (Int32, String) {
    let scratch = try ScratchFolder()
    func expanded(_ text: String) -> String {
      text.replacingOccurrences(of: "{dir}", with: scratch.url.path)
        .replacingOccurrences(of: "{fixtures}", with: Fixture.root.path)
    }
    var configuration = TinyRun.configuration(steps: 4)
    for pair in fields["replace"]?.arrayValue ?? [] {
      let words = (pair.arrayValue ?? []).compactMap(\.stringValue).map(expanded)
      try #require(words.count == 2 && configuration.contains(words[0]), "\(fields)")
      configuration = configuration.replacingOccurrences(of: words[0], with: words[1])
    }
    _ = try scratch.write(configuration, to: "run.yaml")
    for (name, text) in fields["files"]?.objectValue ?? JSONObject() {
      let folder = URL(fileURLWithPath: scratch.path(name)).deletingLastPathComponent()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      _ = try scratch.write(text.stringValue ?? "", to: name)
    }
    let arguments = (fields["arguments"]?.arrayValue ?? []).compactMap(\.stringValue)
    let run = try CommandRun(CommandRun.lorikeet, arguments.map(expanded))
    let last = run.standardError.split(separator: "\n").last.map(String.init) ?? ""
    return (
      run.exitCode,
      last.replacingOccurrences(of: scratch.url.path, with: "{dir}")
        .replacingOccurrences(of: Fixture.root.path, with: "{fixtures}")
    )
  }
}
