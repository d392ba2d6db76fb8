import Testing

@testable import Tokenization

@Suite("Pre-tokeniser patterns") struct TokenizerPatternTests {
  /// The words that `steps` make of `text`.
  private func words(_ steps: [PreTokenizationStep], _ text: String) throws -> [String] {
    let preTokenizer = try PreTokenizer(steps)
    var words: [String] = []
    var text = text
    let failure = text.withUTF8 { text in
      preTokenizer.forEachWord(in: text, range: 0..<text.count) {
        words.append(String(decoding: $0.bytes, as: UTF8.self))
      }
    }
    if let failure { throw failure }
    return words
  }

  private func split(_ pattern: String, _ text: String) throws -> [String] {
    try words(
      [.split(.regularExpression(pattern), .isolated), .byteLevel(usesPattern: false)], text)
  }

  @Test("the scanner of GPT-2's pattern splits every fixture string as the expression does")
  func scannerEqualsExpression() throws {
    let scanned = try PreTokenizer([.byteLevel()])
    let matched = try PreTokenizer([
      .split(.regularExpression(GPT2Pattern.source), .isolated), .byteLevel(usesPattern: false),
    ])
    for var string in try TokenizerFixture.strings() {
      string.withUTF8 { text in
        var (first, second): ([Int], [Int]) = ([], [])
        let failures = (
          scanned.forEachWord(in: text, range: 0..<text.count) { first.append($0.offset) },
          matched.forEachWord(in: text, range: 0..<text.count) { second.append($0.offset) }
        )
        #expect(failures.0 == nil && failures.1 == nil)
        #expect(first == second)
      }
    }
  }

  @Test("classes by the table and by translated patterns agree on every character")
  func classesAgree() throws {
    func matching(_ pattern: String) throws -> RegularExpression {
      try RegularExpression(RubyPattern.translated("^\(pattern)$"), source: pattern)
    }
    let expressions: [(ScalarClass, RegularExpression)] = [
      (.letter, try matching(#"\p{L}"#)), (.number, try matching(#"[\p{N}]"#)),
      (.space, try matching(#"\s"#)),
    ]
    let complements: [(ScalarClass, RegularExpression)] = [
      (.letter, try matching(#"\P{L}"#)), (.space, try matching(#"[\S]"#)),
    ]
    var differing: [UInt32] = []
    for value in UInt32(0)..<0x11_0000 where value != 0x0A {
      guard let scalar = Unicode.Scalar(value) else { continue }
      // A younger PCRE2 than the reference knows characters that the reference does not.
      if let age = scalar.properties.age, age.major > 16 { continue }
      var text = String(scalar)
      text.withUTF8 { text in
        let found = ScalarClassTable.shared.character(at: 0, in: text).scalarClass
        for (scalarClass, expression) in expressions {
          let isMatch = expression.parts(of: text)?.first?.isMatch == true
          if isMatch != (found == scalarClass) { differing.append(value) }
        }
        for (scalarClass, expression) in complements {
          let isMatch = expression.parts(of: text)?.first?.isMatch == true
          if isMatch != (found != scalarClass) { differing.append(value) }
        }
      }
    }
    #expect(differing.isEmpty, "\(differing.count): \(differing.prefix(9))")
  }

  @Test("the Mongolian vowel separator is no space, the narrow no-break space is")
  func spaces() throws {
    #expect(try split(#"\s+"#, "a\u{180E}b") == ["a\u{180E}b"])
    #expect(try split(#"\s+"#, "a\u{202F}b") == ["a", "\u{202F}", "b"])
    #expect(try split(#"[\S]+"#, "a\u{180E} b") == ["a\u{180E}", " ", "b"])
  }

  @Test("an escape within a class keeps its meaning beside a hyphen")
  func hyphens() throws {
    #expect(try split(#"[\s-]+"#, "a- b") == ["a", "- ", "b"])
    #expect(try split(#"[\s-x]+"#, "a-x b!") == ["a", "-x ", "b!"])
    #expect(try split(#"[-\s]+"#, "a- b!") == ["a", "- ", "b!"])
    #expect(try split(#"x{,2}y"#, "xxxy") == ["x", "xxy"])
    #expect(try split(#"{a}"#, "{a}b") == ["{a}", "b"])
    #expect(try split(#"\u0041\x42\x{43}"#, "ABCD") == ["ABC", "D"])
  }

  @Test(
    "what cannot be said in the other dialect is refused by name",
    arguments: [
      (#"a{1,3}+"#, "a \"+\" after a counted repetition"),
      (#"a{2}?"#, "a \"?\" after a counted repetition"), (#"[a[b]]"#, "\"[\" within a class"),
      (#"[a&&b]"#, "\"&&\""), (#"\h"#, "\"\\h\""), (#"\bx"#, "\"\\b\""), (#"(?i)a"#, "a group"),
      (#"(?m:.)"#, "a group"), (#"(?<n>a)"#, "a group"), (#"[\W]"#, "\"\\W\""),
      (#"[a-\s]"#, "a range that ends in a set"), (#"[a"#, "a class without its end"),
      (#"a\"#, "a backslash at the end"), (#"\xE9"#, "a byte by number"), (#"\pL"#, "\"\\p\""),
      (#"\1"#, "\"\\1\""), (#"\K"#, "\"\\K\""),
    ])
  func refusals(_ pattern: String, _ construct: String) throws {
    let error = #expect(throws: TokenizerError.self) { try split(pattern, "a") }
    let description = try #require(error).description
    #expect(description.contains(construct))
    #expect(description.hasPrefix("pattern \"\(pattern)\" is using "))
  }

  @Test("a pattern that does not compile is quoted with the place")
  func invalidPattern() throws {
    let error = #expect(throws: TokenizerError.self) { try split("a(b", "a") }
    #expect(
      try #require(error).description
        == "the tokenizer's pattern \"a(b\" is wrong at byte 3: missing closing parenthesis; "
        + "correct tokenizer.json")
    #expect(throws: TokenizerError.self) { try split(#"\p{Alnum}"#, "a") }
  }

  @Test("a pattern that takes too many steps is an error for bytes and one word for text")
  func costlyPattern() throws {
    let tokenizer = try Tokenizer(
      TokenizerDescription(
        tokens: (0...255).map { ByteLevelAlphabet.text(ofBytes: [UInt8($0)]) }, merges: [],
        preTokenization: [.split(.regularExpression("(a|aa)+\\z"), .isolated), .byteLevel()]))
    let text = String(repeating: "a", count: 40) + "c"
    #expect(throws: TokenizerError.patternTooCostly(pattern: "(a|aa)+\\z", offset: 0)) {
      try tokenizer.encode(Array(text.utf8))
    }
    #expect(tokenizer.decode(tokenizer.encode(text)) == Array(text.utf8))
  }

  @Test("ByteLevel must be the last step, and must be there")
  func byteLevelIsLast() {
    #expect(throws: TokenizerError.self) { try words([], "a") }
    #expect(throws: TokenizerError.self) { try words([.digits(individual: true)], "a") }
    #expect(throws: TokenizerError.self) { try words([.byteLevel(), .byteLevel()], "a") }
  }
}
