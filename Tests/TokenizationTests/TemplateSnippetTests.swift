import Serialization
import Testing
import TestSupport
import Tokenization

@Suite("The template interpreter") struct TemplateSnippetTests {
  /// Where the reference's line is not the place: it names a line of the Python it compiled to, or
  /// the first of an expression's lines.
  private static let ownLines = ["{% break %}": 1, "x\n{{ 1 +\n missing.x }}\ny": 3]

  @Test(
    "renders, or fails on the line where Jinja fails", arguments: try TemplateFixture.snippets())
  func agreesWithJinja(_ snippet: TemplateFixture.Snippet) throws {
    let outcome = Result<String, any Error> {
      try ChatTemplate(
        source: snippet.template, bosToken: nil, eosToken: nil, date: try TemplateFixture.date()
      ).render(messages: [], addGenerationPrompt: false, extra: snippet.variables)
    }
    switch (outcome, snippet.text, snippet.error) {
    case (.success(let text), let expected?, _):
      // Compared by bytes: Swift calls strings equal that only look so.
      #expect(Array(text.utf8) == Array(expected.utf8), "\(snippet.template) gave \(text)")
    case (.success(let text), nil, let failure):
      Issue.record("\(snippet.template) gave \(text), not \(String(describing: failure))")
    case (.failure(let error), let expected?, _):
      Issue.record("\(snippet.template) failed with \(error), not \(expected)")
    case (.failure(let error), nil, let failure?):
      let error = try #require(error as? TemplateError)
      let line = Self.ownLines[snippet.template] ?? failure.line
      #expect(error.line == line, "\(snippet.template): \(error), not \(failure.kind)")
      if let message = failure.message {
        #expect(error == .raised(line: failure.line, message: message))
      }
    case (.failure, nil, nil):
      Issue.record("the fixture says neither text nor error")
    }
  }
}

extension TemplateError {
  var line: Int? {
    switch self {
    case .syntax(let line, _), .unsupported(let line, _), .runtime(let line, _),
      .raised(let line, _),
      .limitExceeded(let line, _):
      line
    case .invalidMessage, .unclearTurn: nil
    }
  }
}
