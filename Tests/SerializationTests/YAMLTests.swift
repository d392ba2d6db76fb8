import Serialization
import Testing

@Suite("YAML") struct YAMLTests {
  @Test("scalars keep their text and place, lists and mappings their order")
  func treeIsRead() throws {
    let text = """
      # a comment
      é: 1e-5
      list:
        - 'one'
        - "t\\two"
        - {k: ~, "q": [x, 2]}
      block: |
        first
          second
      none:
      """
    let expected = YAMLNode.mapping(
      [
        .init(key: "é", position: at(2, 1), value: .scalar("1e-5", isQuoted: false, at(2, 4))),
        .init(
          key: "list", position: at(3, 1),
          value: .sequence(
            [
              .scalar("one", isQuoted: true, at(4, 5)), .scalar("t\two", isQuoted: true, at(5, 5)),
              .mapping(
                [
                  .init(
                    key: "k", position: at(6, 6), value: .scalar("~", isQuoted: false, at(6, 9))),
                  .init(
                    key: "q", position: at(6, 12),
                    value: .sequence(
                      [
                        .scalar("x", isQuoted: false, at(6, 18)),
                        .scalar("2", isQuoted: false, at(6, 21)),
                      ], at(6, 17))),
                ], at(6, 5)),
            ], at(4, 3))),
        .init(
          key: "block", position: at(7, 1),
          value: .scalar("first\n  second\n", isQuoted: true, at(7, 8))),
        .init(key: "none", position: at(10, 1), value: .scalar("", isQuoted: false, at(10, 6))),
      ], at(2, 1))
    #expect(try YAML.parse(text) == expected)
  }

  private func at(_ line: Int, _ column: Int) -> TextPosition {
    TextPosition(line: line, column: column)
  }

  @Test("null is a word without quotes", arguments: ["", "~", "null", "Null", "NULL"])
  func nullIsPlain(_ text: String) throws {
    #expect(try YAML.parse("a: \(text)")["a"]?.isNull == true)
    #expect(try YAML.parse("a: '\(text)'")["a"]?.isNull == false)
  }

  @Test("a byte-order mark and Windows line ends are read")
  func windowsFilesAreRead() throws {
    let root = try YAML.parse("\u{FEFF}a: 1\r\nb:\r\n  c: x\r\n")
    #expect(root["a"] == .scalar("1", isQuoted: false, at(1, 4)))
    #expect(root["b"]?["c"] == .scalar("x", isQuoted: false, at(3, 6)))
    #expect(root["d"] == nil)
  }

  @Test(
    "what is not read is refused with its place",
    arguments: [
      ("", "line 1, column 1: the file is empty"),
      ("\u{FEFF}", "line 1, column 1: the file is empty"),
      ("# only a comment\n", "line 1, column 1: the file is empty"),
      ("a: 1\na: 2", "line 2, column 1: the key \"a\" occurs twice, first on line 1"),
      ("a: 1\n---\nb: 2", "line 2, column 1: a second document starts here; a file holds one"),
      ("a: &x 1\nb: *x", "line 1, column 4: an anchor (&name) is not read; repeat the value"),
      ("a: *x", "line 1, column 4: an alias (*name) is not read; repeat the value"),
      ("a: !!python/object:os.system x", "line 1, column 4: a tag (!name) is not read; remove it"),
      ("a: !x [1]", "line 1, column 4: a tag (!name) is not read; remove it"),
      ("? [a, b]\n: 1", "line 1, column 3: a key must be text"),
      (
        "a:\n\t- 1",
        "line 2, column 1: while scanning for the next token: found character that cannot start any "
          + "token; indent with spaces, not tabs"
      ),
      ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
      (
        "a: [1, 2",
        "line 2, column 1: while parsing a flow sequence that starts on line 1: did not find expected ',' or ']'"
      ),
      (
        "a: \"x",
        "line 1, column 6: while scanning a quoted scalar: found unexpected end of stream"
      ),
      ("a: 1\n b: 2", "line 2, column 3: mapping values are not allowed in this context"),
      (
        String(repeating: "[", count: 100),
        "line 1, column 65: values nest more than 64 deep"
      ),
      ("%YAML 9.9\n---\na: 1", "line 1, column 1: found incompatible YAML document"),
    ])
  func refusedWithPlace(_ text: String, _ expected: String) {
    let error = #expect(throws: YAMLError.self) { try YAML.parse(text) }
    #expect(error?.description == expected)
  }

  @Test("bytes that are not UTF-8 are refused with line and column")
  func invalidUTF8IsRefused() {
    let error = #expect(throws: YAMLError.self) { try YAML.parse(Array("a: 1\né: ".utf8) + [0xFF]) }
    #expect(
      error?.description == "line 2, column 4: the byte 0xFF is not UTF-8; save the file as UTF-8")
  }

  @Test("no prefix and no changed byte of a document traps")
  func mutationsDoNotTrap() {
    let document = Array("a: [1, 'x', {b: \"c\\u00e9\"}]\n? d\n: |\n  e\n- &f *g !h\n...".utf8)
    for count in document.indices { _ = try? YAML.parse(Array(document.prefix(count))) }
    for index in document.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = document
        changed[index] = byte
        _ = try? YAML.parse(changed)
      }
    }
  }

  @Test("a large flat file and a deep one take time in proportion to their size")
  func noQuadraticTime() throws {
    let wide = (0..<30_000).map { "k\($0): [\($0), x]\n" }.joined()
    let deep = String(repeating: "{a: [", count: 200_000)
    let elapsed = ContinuousClock().measure {
      #expect((try? YAML.parse(wide)) != nil)
      #expect((try? YAML.parse(deep)) == nil)
    }
    #expect(elapsed < .seconds(2))
  }
}
