import Serialization
import TestSupport
import Testing
import Tokenization

/// The files that `scripts/make_template_fixtures.py` makes.
enum TemplateFixture {
  /// A small template and what the reference makes of it.
  struct Snippet: CustomTestStringConvertible {
    let number: Int
    let template: String
    let variables: JSONObject
    /// What it renders to, or `nil` if it fails.
    let text: String?
    let error: Failure?

    var testDescription: String { "snippet \(number)" }
  }

  /// How the reference fails.
  struct Failure {
    /// Python's name of the error's type.
    let kind: String
    let line: Int
    /// The template's own message, if it raised the error itself.
    let message: String?

    init(_ json: JSONValue) throws {
      kind = try #require(json["kind"]?.stringValue)
      line = try #require(json["line"]?.intValue)
      message = json["message"]?.stringValue
    }
  }

  /// A template, a conversation, and what the reference renders.
  struct Rendering: CustomTestStringConvertible {
    let template: String
    let conversation: String
    let eosToken: String
    let json: JSONValue

    var testDescription: String { "\(template), \(conversation)" }
  }

  static func json(_ name: String) throws -> JSONValue {
    try JSON.parse(try Fixture.bytes("templates/\(name)"))
  }

  static func source(_ name: String) throws -> String {
    String(decoding: try Fixture.bytes("templates/\(name)"), as: UTF8.self)
  }

  static func snippets() throws -> [Snippet] {
    let file = try json("snippets.json")
    let variables = try #require(file["variables"]?.objectValue)
    return try #require(file["snippets"]?.arrayValue).map { entry in
      Snippet(
        number: try #require(entry["id"]?.intValue),
        template: try #require(entry["template"]?.stringValue),
        variables: entry["uses_variables"] == nil ? JSONObject() : variables,
        text: entry["text"]?.stringValue,
        error: try entry["error"].map { try Failure($0) })
    }
  }

  static func renderings() throws -> [Rendering] {
    try #require(try json("renderings.json")["renderings"]?.arrayValue).map { entry in
      Rendering(
        template: try #require(entry["template"]?.stringValue),
        conversation: try #require(entry["conversation"]?.stringValue),
        eosToken: try #require(entry["eos_token"]?.stringValue), json: entry)
    }
  }

  /// The conversations by name.
  static func conversations() throws -> [String: JSONValue] {
    var result: [String: JSONValue] = [:]
    for conversation in try #require(try json("conversations.json")["conversations"]?.arrayValue) {
      result[try #require(conversation["id"]?.stringValue)] = conversation
    }
    return result
  }

  /// The date that the reference's clock was stopped at.
  static func date() throws -> TemplateDate {
    try #require(TemplateDate(year: 2024, month: 2, day: 29, hour: 15, minute: 4, second: 5))
  }
}
