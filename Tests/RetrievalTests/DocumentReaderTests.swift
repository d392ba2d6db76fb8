import Foundation
import TestSupport
import Testing

@testable import Retrieval

@Suite("Documents of a file") struct DocumentReaderTests {
  private static func read(_ text: String, _ format: DocumentReader.Format) throws -> [Document] {
    try DocumentReader.documents(Array(text.utf8), format: format, name: "file").get()
      .documents
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
    #expect(try line("line <b>") == 6 && line("bold") == 6 && line("two") == 3)
  }

  @Test("of HTML keep the lines of code and the cells of tables apart")
  func literalHTML() throws {
    let page =
      "<p>a</p>\n<pre>if x:\n    y &amp; z\n</pre>\n<table><tr><td>1</td><td>2</td></tr></table>end"
    let document = try Self.read(page, .html)[0]
    #expect(document.text == "a\n\nif x:\n    y & z\n\n\n1 2\n\nend")
    let lines = LineIndex(document)
    #expect([0, 3, 13, 20].map(lines.line) == [1, 2, 3, 5])
  }

  @Test("end their lines as files of Windows and old Macs do, too")
  func lineBreaks() throws {
    for ending in ["\n", "\r\n", "\r"] {
      func text(_ lines: String...) -> String { lines.joined(separator: ending) }
      let markdown = try Self.read(text("first", "", "# Head", "last"), .markdown)[0]
      #expect(markdown.title == "Head")
      #expect(markdown.text == "first\n\n# Head\nlast")
      #expect(LineIndex(markdown).line(at: 14) == 4)
      let rows = try Self.read(text("{\"text\": \"a\"}", "", "{\"text\": \"b\"}", ""), .jsonl)
      #expect(rows.map(\.text) == ["a", "b"])
      let page = try Self.read(text("<p>a", "b", "<p>c"), .html)[0]
      #expect(page.text == "a b\n\nc" && LineIndex(page).line(at: 5) == 3)
    }
  }

  @Test("of Markdown take no comment in a fence of code for a heading")
  func fences() throws {
    let text = """
      ```sh
      # a comment
      ~~~
      # another
      ```
          # indented
      #!shebang
      Real one #
      ===
      ~~~~
      # in tildes
      ~~~
      # still
      ~~~~
      ###### Sixth ######
      ####### no seventh
      - item
      ---
      """
    let bytes = Array(text.utf8)
    let headings = Markdown.headings(of: bytes).map {
      String(decoding: bytes[$0.text], as: UTF8.self)
    }
    #expect(headings == ["Real one #", "Sixth"])
    #expect(try Self.read(text, .markdown)[0].title == "Real one #")
    let passages = TextSplitter(size: 60, overlap: 0).split(text)
    #expect(passages.allSatisfy { !bytes[$0].starts(with: "# a".utf8) })
  }

  @Test("of Markdown say in front of them what they can be filtered by")
  func frontMatter() throws {
    let document = try Self.read("---\ntitle: T\ntags: [a]\nyear: 2001\n---\n\ntext", .markdown)[0]
    #expect(document.title == "T" && document.metadata == ["title": "T", "year": "2001"])
    #expect(document.text == "\ntext" && LineIndex(document).line(at: 1) == 7)
    for text in ["---\nno mapping\n---\ntext", "---\n: [\n---\ntext", "---\na: b\ntext", "---"] {
      #expect(try Self.read(text, .markdown)[0].text == text)
    }
  }

  @Test("of broken or deep HTML do no harm")
  func hostile() throws {
    #expect(try Self.read("<p>a<b>b<table><tr>c", .html)[0].text.contains("c"))
    let deep =
      String(repeating: "<div>", count: 20_000) + "x" + String(repeating: "</b>", count: 20_000)
    #expect(
      DocumentReader.documents(Array(deep.utf8), format: .html, name: "deep") == .failure(.tooDeep))
    let flat = String(repeating: "<p>", count: 20_000) + "x"
    #expect(try Self.read(flat, .html)[0].text == "x")
    for end in 0..<200 {
      let page = "<html><title>t<pre>a\n<td>b&amp;<svg></div><!-- c --><h2>d</h2></pre><x:y z='"
      _ = DocumentReader.documents(
        Array(page.utf8.prefix(end)) + Array("'>".utf8), format: .html, name: "cut")
    }
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
    #expect(documents[1].text == "name: second\nquestion: why?\nn: 3")
    #expect(documents[1].metadata == ["name": "second", "question": "why?", "n": "3"])
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
    #expect(skip(Array("\n[1]\nx".utf8), .jsonl) == .noRows(badLine: 2))
    #expect(skip(Array("{}\nx".utf8), .jsonl) == .empty)
    #expect(skip([0xEF, 0xBB, 0xBF] + Array("text".utf8)) == nil)
  }

  @Test("of JSONL are there but for the lines that are no objects, which are named")
  func badLines() throws {
    let text = "{\"text\": \"a\"}\n[1]\n\n{\"text\": \"b\"}\n{\"text\": \"cut o"
    let contents = try DocumentReader.documents(Array(text.utf8), format: .jsonl, name: "f").get()
    #expect(contents.documents.map(\.text) == ["a", "b"])
    #expect(contents.documents[1].lineMarks.map(\.line) == [4])
    #expect(contents.badLines == [2, 5])
  }
}
