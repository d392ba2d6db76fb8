import Serialization
import Testing
import TestSupport
import Tokenization

@Suite("Supervised spans") struct TemplateSupervisionTests {
  @Test("are those that the same template with generation marks has in Transformers")
  func agreeWithMarks() throws {
    let conversations = try TemplateFixture.conversations()
    let tools = try TemplateFixture.json("conversations.json")["tools"]
    for rendering in try TemplateFixture.renderings() {
      guard let expected = rendering.json["spans"]?.arrayValue else { continue }
      let conversation = try #require(conversations[rendering.conversation])
      let marked = rendering.template.replacing(".jinja", with: ".generation.jinja")
      for name in [rendering.template, marked] {
        let template = try ChatTemplate(
          source: TemplateFixture.source(name), bosToken: "<s>", eosToken: rendering.eosToken,
          date: TemplateFixture.date())
        let place = "\(name), \(rendering.conversation)"
        do {
          let rendered = try template.renderWithSupervision(
            messages: conversation["messages"]?.arrayValue ?? [],
            tools: conversation["tools"] == nil ? nil : tools,
            extra: conversation["extra"]?.objectValue ?? [:])
          let spans = rendered.spans.map {
            JSONValue.array([.integer($0.range.lowerBound), .integer($0.range.upperBound)])
          }
          let bytes = Array(rendered.text.utf8)
          #expect(
            spans == expected,
            "\(place): \(rendered.spans.map { String(decoding: bytes[$0.range], as: UTF8.self) })")
        } catch {
          Issue.record("\(place): \(error)")
        }
      }
    }
  }
}
