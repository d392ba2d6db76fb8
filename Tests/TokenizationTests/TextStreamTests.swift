import Testing
import Tokenization

@Suite("Text as its tokens come") struct TextStreamTests {
  @Test(
    "the pieces are the text, and none ends within a character", arguments: TokenizerFixture.names)
  func piecesAreText(_ name: String) throws {
    let fixture = try TokenizerFixture(name)
    let tokenizer = try fixture.tokenizer()
    for ids in fixture.ids {
      var stream = TextStream(tokenizer, skipSpecialTokens: false)
      var text = ""
      var scalars = 0
      for id in ids {
        let piece = stream.append(id)
        scalars += piece.unicodeScalars.count
        text += piece
      }
      let rest = stream.finish()
      scalars += rest.unicodeScalars.count
      text += rest
      let whole = String(decoding: tokenizer.decode(ids), as: UTF8.self)
      // Not `==` of strings, to which two spellings of one character are equal.
      #expect(text.utf8.elementsEqual(whole.utf8), "\(whole.shown)")
      #expect(scalars == whole.unicodeScalars.count)
    }
  }

  @Test("a character of several tokens comes with its last, and what never ends at the end")
  func waits() throws {
    let tokenizer = try TokenizerFixture("llama-2").tokenizer()
    func id(_ byte: String) throws -> Int32 { try #require(tokenizer.id(of: "<0x\(byte)>")) }
    var stream = TextStream(tokenizer)
    let pieces = try ["F0", "9F", "A6", "9C", "E2", "41", "C3"].map { stream.append(try id($0)) }
    #expect(pieces == ["", "", "", "\u{1F99C}", "", "\u{FFFD}A", ""])
    #expect(stream.finish() == "\u{FFFD}")
    #expect(stream.finish() == "")
    // A text begins once; what is special is no text.
    let the = try #require(tokenizer.id(of: "▁the"))
    var spaced = TextStream(tokenizer)
    #expect([1, the, the].map { spaced.append($0) } == ["", "the", " the"])
  }
}
