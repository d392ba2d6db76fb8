import Serialization
import Testing
import TestSupport
import Tokenization

@Suite("Chat templates") struct TemplateRenderingTests {
  @Test("render every conversation byte for byte as Transformers does")
  func rendersAsTransformers() throws {
    let conversations = try TemplateFixture.conversations()
    let tools = try TemplateFixture.json("conversations.json")["tools"]
    for rendering in try TemplateFixture.renderings() {
      let conversation = try #require(conversations[rendering.conversation])
      let template = try ChatTemplate(
        source: TemplateFixture.source(rendering.template), bosToken: "<s>",
        eosToken: rendering.eosToken, date: TemplateFixture.date())
      for (key, addsPrompt) in [("text", false), ("prompt", true)] {
        let outcome = Result<String, any Error> {
          try template.render(
            messages: conversation["messages"]?.arrayValue ?? [],
            tools: conversation["tools"] == nil ? nil : tools, addGenerationPrompt: addsPrompt,
            extra: conversation["extra"]?.objectValue ?? [:])
        }
        let place = "\(rendering.testDescription), \(key)"
        switch outcome {
        case .success(let text):
          let expected = rendering.json[key]?.stringValue
          #expect(expected.map { Array($0.utf8) } == Array(text.utf8), "\(place)")
        case .failure(let error):
          let failure = try TemplateFixture.Failure(
            try #require(rendering.json[key + "_error"], "\(place): \(error)"))
          if let message = failure.message {
            #expect(
              error as? TemplateError == .raised(line: failure.line, message: message), "\(place)")
          }
        }
      }
    }
  }
}
