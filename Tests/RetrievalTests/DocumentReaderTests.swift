import Foundation
import TestSupport
import Testing

@testable import Retrieval

@Suite("Documents of a file") struct DocumentReaderTests {
  private static func read(_ text: String, _ format: DocumentReader.Format) throws -> [Document] {
    try DocumentReader.documents(Array(text.utf8), format: format, name: "file").get()
  }

  @Test("of Markdown are called what their first heading says")
  func markdown() throws {
    let document = try Self.read("intro\n\n## The *title*\n\ntext", .markdown)[0]
    #expect(document.title == "The *title*")
    #expect(LineIndex(document).line(at: 0) == 1 && LineIndex(document).line(at: 8) == 3)
  }

  @Test("of HTML hold what a reader sees, with the lines it stands on")
  func html() throws {
    let page = """
      <!doctype html>
      <html><head><title>A &amp; B</title><style>p { color: red }</style></head>
      <body><nav><ul><li>one</li><li>two</li></ul></nav>
      <h1>Head</h1>
      <p>First
      line &lt;b&gt; and <b>bold</b>.</p>
      <script>var x = "<p>not seen</p>";</script>
      <p>Second</p></body></html>
      """
    let document = try Self.read(page, .html)[0]
    #expect(document.title == "A & B")
    #expect(document.text == "one\ntwo\n\n# Head\n\nFirst line <b> and bold.\n\nSecond")
    let lines = LineIndex(document)
    func line(_ word: String) throws -> Int {
      let range = try #require(document.text.range(of: word))
      return lines.line(
        at: document.text.utf8.distance(from: document.text.startIndex, to: range.lowerBound))
    }
    #expect(try line("Head") == 4)
    #expect(try line("Second") == 8)
  }

  @Test("of broken or deep HTML do no harm")
  func hostile() throws {
    #expect(try Self.read("<p>a<b>b<table><tr>c", .html)[0].text.contains("c"))
    let deep = String(repeating: "<div>", count: 20_000) + "x"
    _ = DocumentReader.documents(Array(deep.utf8), format: .html, name: "deep")
    #expect(DocumentReader.documents([], format: .html, name: "none") == .failure(.empty))
  }

  @Test("of JSONL are its lines")
  func lines() throws {
    let text = """
      {"id": "a", "title": "First", "text": "one\\ntwo", "domain": "x"}

      {"name": "second", "question": "why?", "n": 3}
      """
    let documents = try Self.read(text, .jsonl)
    #expect(documents.map(\.title) == ["First", "second"])
    #expect(documents[0].metadata == ["id": "a", "title": "First", "domain": "x"])
    #expect(documents[1].text == "name: second\nquestion: why?")
    #expect(LineIndex(documents[0]).line(at: 5) == 1 && LineIndex(documents[1]).line(at: 0) == 3)
  }

  @Test("are passed over where they are no text, with the reason")
  func skipped() {
    func skip(_ bytes: [UInt8], _ format: DocumentReader.Format = .text) -> DocumentReader.Skip? {
      guard case .failure(let skip) = DocumentReader.documents(bytes, format: format, name: "f")
      else { return nil }
      return skip
    }
    #expect(skip([0x50, 0x4B, 0, 3]) == .binary)
    #expect(skip(Array("caf".utf8) + [0xE9]) == .notUTF8(offset: 3))
    #expect(skip(Array(" \n".utf8)) == .empty)
    #expect(skip(Array("{\"text\": \"a\"}\n[1]".utf8), .jsonl) == .badLine(2))
    #expect(skip([0xEF, 0xBB, 0xBF] + Array("text".utf8)) == nil)
  }
}
