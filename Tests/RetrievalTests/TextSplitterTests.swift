import Retrieval
import TestSupport
import Testing

@Suite("Passages of a text") struct TextSplitterTests {
  private static func texts(_ text: String, _ splitter: TextSplitter) -> [String] {
    let bytes = Array(text.utf8)
    return splitter.split(text).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test("are one where all fits, and none where there is nothing")
  func small() {
    #expect(Self.texts("A word.", TextSplitter()) == ["A word."])
    #expect(Self.texts("", TextSplitter()).isEmpty)
    #expect(Self.texts(" \n\t\n ", TextSplitter()).isEmpty)
  }

  @Test("begin at headings before they begin anywhere else")
  func headings() {
    let text =
      "# One\n\nFirst part. It is short.\n\n## Two\n\nSecond part, also short.\n\n# Three\n\nEnd."
    #expect(
      Self.texts(text, TextSplitter(size: 40, overlap: 0)) == [
        "# One\n\nFirst part. It is short.", "## Two\n\nSecond part, also short.",
        "# Three\n\nEnd.",
      ])
    // What is no heading does not count as one.
    #expect(
      Self.texts("#tag one two\n#tag three", TextSplitter(size: 14, overlap: 0)) == [
        "#tag one two", "#tag three",
      ])
  }

  @Test("are cut at blank lines, then lines, then sentences, then words, then anywhere")
  func levels() {
    let paragraphs = "aaaa bbbb\n\ncccc dddd\n\neeee"
    #expect(
      Self.texts(paragraphs, TextSplitter(size: 11, overlap: 0)) == [
        "aaaa bbbb", "cccc dddd", "eeee",
      ])
    #expect(
      Self.texts("One two. Three four! Five?", TextSplitter(size: 12, overlap: 0)) == [
        "One two.", "Three four!", "Five?",
      ])
    #expect(Self.texts("ab cd ef gh", TextSplitter(size: 6, overlap: 0)) == ["ab cd", "ef gh"])
    #expect(Self.texts("äbcdéfghij", TextSplitter(size: 4, overlap: 0)) == ["äbcd", "éfgh", "ij"])
  }

  @Test("share their ends with their beginnings")
  func overlaps() {
    #expect(
      Self.texts("a1 a2 a3 a4 a5 a6 a7", TextSplitter(size: 9, overlap: 3)) == [
        "a1 a2 a3", "a3 a4 a5", "a5 a6 a7",
      ])
  }

  @Test("never exceed the size, leave nothing out and stand in order", arguments: [30, 77, 200])
  func properties(_ size: Int) {
    var numbers = SeededNumbers(UInt64(size))
    let pieces = [
      "word ", "Ünïcode ", "\n   indented", "\t", "a sentence. ", "line\n", "\n\n", "# Heading\n",
      "verylongword", "  ", "?! ",
    ]
    for _ in 0..<50 {
      let text = (0..<120).map { _ in pieces[numbers.integer(below: pieces.count)] }.joined()
      let bytes = Array(text.utf8)
      let splitter = TextSplitter(size: size, overlap: size / 4)
      var (end, start) = (0, 0)
      for range in splitter.split(text) {
        let passage = String(decoding: bytes[range], as: UTF8.self)
        #expect(passage.unicodeScalars.count <= size)
        #expect(range.lowerBound >= start && range.upperBound > end)
        if range.lowerBound > end {
          let between = String(decoding: bytes[end..<range.lowerBound], as: UTF8.self)
          #expect(between.allSatisfy { $0.isWhitespace }, "\(between) is lost")
        }
        (start, end) = (range.lowerBound, range.upperBound)
      }
      #expect(String(decoding: bytes[end...], as: UTF8.self).allSatisfy { $0.isWhitespace })
    }
  }

  @Test("are measured in tokens where that is asked for")
  func tokens() {
    let splitter = TextSplitter(
      size: 3, overlap: 0, unit: .tokens { $0.split(whereSeparator: \.isWhitespace).count })
    #expect(Self.texts("a b c d e f g", splitter) == ["a b c", "d e f", "g"])
  }
}
