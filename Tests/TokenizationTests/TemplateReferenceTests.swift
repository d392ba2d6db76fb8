import Foundation
import Serialization
import Testing
import Tokenization

/// Templates of real models, which are not ours to keep: see `scripts/make_template_fixtures.py --trl`.
private let referenceFolder = ProcessInfo.processInfo.environment["LORIKEET_TEMPLATE_REFERENCE"]

@Suite("Chat templates of real models", .enabled(if: referenceFolder != nil))
struct TemplateReferenceTests {
  private let folder = URL(fileURLWithPath: referenceFolder ?? "")

  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// What of a span that TRL marks a model generates: not the line feed after its end-of-turn token, and not
  /// the one before its answer, with which Qwen 2.5's generation prompt ends.
  private static func generated(_ span: Range<Int>, of text: [UInt8]) -> Range<Int> {
    let lineFeed = UInt8(ascii: "\n")
    let isAfterPrompt = text[..<span.lowerBound].suffix(9).elementsEqual("assistant".utf8)
    let start = span.lowerBound + (isAfterPrompt && text[span.lowerBound] == lineFeed ? 1 : 0)
    let isAfterEnd = text[..<span.upperBound].suffix(2).elementsEqual(">\n".utf8)
    return start..<(span.upperBound - (isAfterEnd ? 1 : 0))
  }

  private struct Case {
    let template: ChatTemplate
    let place: String
    let conversation: JSONValue
    let expected: JSONValue
    let tools: JSONValue?
    /// Whether the template itself says what is learnt.
    let isMarked: Bool

    var messages: [JSONValue] { conversation["messages"]?.arrayValue ?? [] }
    var extra: JSONObject { conversation["extra"]?.objectValue ?? [:] }
  }

  private func cases() throws -> [Case] {
    let conversations = try TemplateFixture.conversations()
    let tools = try TemplateFixture.json("conversations.json")["tools"]
    let renderings = try JSON.parse(bytes("renderings.json"))["renderings"]?.arrayValue
    return try #require(renderings).map { entry in
      let name = try #require(entry["template"]?.stringValue)
      let id = try #require(entry["conversation"]?.stringValue)
      let conversation = try #require(conversations[id])
      return Case(
        template: try ChatTemplate(
          source: String(decoding: bytes(name), as: UTF8.self),
          bosToken: entry["bos_token"]?.stringValue, eosToken: entry["eos_token"]?.stringValue,
          date: TemplateFixture.date()),
        place: "\(name), \(id)", conversation: conversation, expected: entry,
        tools: conversation["tools"] == nil ? nil : tools, isMarked: name.contains("_training"))
    }
  }

  @Test("render every conversation byte for byte as Transformers does")
  func rendersAsTransformers() throws {
    for each in try cases() {
      for (key, addsPrompt) in [("text", false), ("prompt", true)] {
        let found = try? each.template.render(
          messages: each.messages, tools: each.tools, addGenerationPrompt: addsPrompt,
          extra: each.extra)
        let expected = each.expected[key]?.stringValue
        #expect(found.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(each.place)")
      }
    }
  }

  @Test("learn the bytes that TRL's training variants mark, but for line feeds around a turn")
  func learnsAsTRL() throws {
    var compared = 0
    for each in try cases() {
      guard let expected = each.expected["spans"]?.arrayValue,
        let text = each.expected["text"]?.stringValue
      else { continue }
      func words(_ spans: [Range<Int>]) -> [String] {
        let bytes = Array(text.utf8)
        return spans.map { String(decoding: bytes[$0], as: UTF8.self) }
      }
      let marked = expected.compactMap { span -> Range<Int>? in
        guard let start = span.arrayValue?[0].intValue, let end = span.arrayValue?[1].intValue
        else { return nil }
        return each.isMarked ? start..<end : Self.generated(start..<end, of: Array(text.utf8))
      }
      do {
        let rendered = try each.template.renderWithSupervision(
          messages: each.messages, tools: each.tools, extra: each.extra)
        let found = rendered.spans.map(\.range)
        #expect(found == marked, "\(each.place): \(words(found)) not \(words(marked))")
        compared += 1
      } catch {
        Issue.record("\(each.place): \(error)")
      }
    }
    print("\(compared) masks compared")
  }
}
