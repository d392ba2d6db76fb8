import Foundation
import Serialization
import Testing

@Suite("JSON") struct JSONTests {
  @Test(
    "a value is read for what it is",
    arguments: [
      ("null", .null), (" true ", true), ("false", false), ("\u{FEFF}[]", []), ("{}", [:]),
      ("0", 0), ("-0", 0), ("-17", -17), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", 9.223372036854775808e18),
      ("-9223372036854775809", -9.223372036854775809e18), ("1.0", 1.0), ("1e2", 100.0),
      ("-0.0", -0.0), ("2.5E-3", 0.0025), ("1e-400", 0.0),
      ("123456789012345678901234567890", 1.2345678901234568e29),
      ("0.1", 0.1), ("2.2250738585072014e-308", 2.2250738585072014e-308),
      ("\"\"", ""), ("\"Zürich 🐦\"", "Zürich 🐦"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u00e9\u20AC\ud83d\uDC26x\u0000""#, "é€🐦x\0"), ("\"\u{7F}\"", "\u{7F}"),
      ("[1, [2,{\"a\" :[ ]}]\n,3]", [1, [2, ["a": []]], 3]),
      ("{\"a\":1,\"\":null,\"b\":{\"a\":2}}", ["a": 1, "": nil, "b": ["a": 2]]),
    ] as [(String, JSONValue)])
  func valueIsRead(_ text: String, _ expected: JSONValue) throws {
    #expect(try JSON.parse(text) == expected)
  }

  struct ErrorCase: Sendable, CustomTestStringConvertible {
    let text: String
    let expected: String
    init(_ text: String, _ expected: String) {
      self.text = text
      self.expected = expected
    }
    var testDescription: String { String(text.prefix(40)) }
  }

  static let errorCases = [
    ErrorCase("", "line 1, column 1 (byte 0): expected a value, found an empty text"),
    ErrorCase("  \n", "line 2, column 1 (byte 3): expected a value, found an empty text"),
    ErrorCase("[1,\n 2,\n x]", "line 3, column 2 (byte 9): expected a value, found 'x'"),
    ErrorCase("[1,]", "line 1, column 4 (byte 3): expected a value, found ']'"),
    ErrorCase("[1 2]", "line 1, column 4 (byte 3): expected ',' or ']' in an array, found '2'"),
    ErrorCase(
      "[1", "line 1, column 3 (byte 2): expected ',' or ']' in an array, found the end of the text"),
    ErrorCase(
      "{\"é\" 1}", "line 1, column 6 (byte 6): expected ':' after the key \"é\", found '1'"),
    ErrorCase("{a: 1}", "line 1, column 2 (byte 1): expected a key in double quotes, found 'a'"),
    ErrorCase(
      "{\"a\": 1,}", "line 1, column 9 (byte 8): expected a key in double quotes, found '}'"),
    ErrorCase(
      "{\"a\": 1 \"b\"", "line 1, column 9 (byte 8): expected ',' or '}' in an object, found '\"'"),
    ErrorCase("{\"a\":", "line 1, column 6 (byte 5): expected a value, found the end of the text"),
    ErrorCase("{\"k\": 1, \"k\": 2}", "line 1, column 10 (byte 9): the key \"k\" occurs twice"),
    ErrorCase(#"{"k": 1, "\u006b": 2}"#, "line 1, column 10 (byte 9): the key \"k\" occurs twice"),
    ErrorCase(
      "{} {}", "line 1, column 4 (byte 3): expected the end of the text after the value, found '{'"),
    ErrorCase("truth", "line 1, column 1 (byte 0): expected a value, found \"truth\""),
    ErrorCase("NaN", "line 1, column 1 (byte 0): expected a value, found \"NaN\""),
    ErrorCase(
      "nullx", "line 1, column 5 (byte 4): expected the end of the text after the value, found 'x'"),
    ErrorCase(
      "'a'", "line 1, column 1 (byte 0): expected a value, found \"'\"; strings take double quotes"),
    ErrorCase("[\"ab", "line 1, column 2 (byte 1): a string starts here and never ends"),
    ErrorCase("\"a\\\"", "line 1, column 1 (byte 0): a string starts here and never ends"),
    ErrorCase("\"a\\", "line 1, column 3 (byte 2): an escape is cut off by the end of the text"),
    ErrorCase(
      "\"a\nb\"",
      "line 1, column 3 (byte 2): a string holds the control character 0x0A; write it as an escape"),
    ErrorCase(
      #""\x41""#, #"line 1, column 2 (byte 1): unknown escape '\x'; a backslash is written as '\\'"#
    ),
    ErrorCase(#""\u12g4""#, #"line 1, column 2 (byte 1): '\u' takes four hexadecimal digits"#),
    ErrorCase(#""\u12"#, #"line 1, column 2 (byte 1): '\u' takes four hexadecimal digits"#),
    ErrorCase(
      #""a\ud83d!""#,
      "line 1, column 3 (byte 2): the escape is half of a surrogate pair and stands for no character"
    ),
    ErrorCase(
      #""\udc26\ud83d""#,
      "line 1, column 2 (byte 1): the escape is half of a surrogate pair and stands for no character"
    ),
    ErrorCase(
      #""\ud83d\u0041""#,
      "line 1, column 2 (byte 1): the escape is half of a surrogate pair and stands for no character"
    ),
    ErrorCase(
      #""\ud83d"#,
      "line 1, column 2 (byte 1): the escape is half of a surrogate pair and stands for no character"
    ),
    ErrorCase("01", "line 1, column 1 (byte 0): a number may not start with 0"),
    ErrorCase(
      "-", "line 1, column 2 (byte 1): expected a digit after '-', found the end of the text"),
    ErrorCase(
      "1.", "line 1, column 3 (byte 2): expected a digit after '.', found the end of the text"),
    ErrorCase("1.e5", "line 1, column 3 (byte 2): expected a digit after '.', found 'e'"),
    ErrorCase(
      "1e+",
      "line 1, column 4 (byte 3): expected a digit after the exponent's 'e', found the end of the text"
    ),
    ErrorCase(".5", "line 1, column 1 (byte 0): expected a value, found '.'"),
    ErrorCase("+5", "line 1, column 1 (byte 0): expected a value, found '+'"),
    ErrorCase("1e400", "line 1, column 1 (byte 0): the number does not fit 64-bit floating point"),
    ErrorCase("[é]", "line 1, column 2 (byte 1): expected a value, found 'é'"),
    ErrorCase(
      String(repeating: "[", count: 300),
      "line 1, column 129 (byte 128): arrays and objects nest more than 128 deep"),
  ]

  @Test("a fault is named with its line, column and byte", arguments: errorCases)
  func faultIsNamed(_ errorCase: ErrorCase) {
    let error = #expect(throws: JSONError.self) { try JSON.parse(errorCase.text) }
    #expect(error?.description == errorCase.expected)
  }

  @Test(
    "bytes that are not UTF-8 are refused at their offset",
    arguments: [
      ([0x22, 0x61, 0xFF, 0x22], 2, "FF"), ([0x0A, 0x22, 0xC3, 0x22], 2, "C3"),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], 1, "ED"), ([0x22, 0xC0, 0x80, 0x22], 1, "C0"),
    ] as [([UInt8], Int, String)])
  func invalidUTF8IsRefused(_ bytes: [UInt8], _ offset: Int, _ byte: String) {
    let error = #expect(throws: JSONError.self) { try JSON.parse(bytes) }
    #expect(error?.offset == offset)
    #expect(error?.message == "the byte 0x\(byte) is not UTF-8; save the file as UTF-8")
  }

  @Test("the deepest nesting that is read fits a thread of 512 kB")
  func deepestNestingFitsSmallStack() throws {
    let depth = JSON.maximumDepth
    let text =
      String(repeating: "{\"a\":[", count: depth / 2) + String(repeating: "]}", count: depth / 2)
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var written: String?
    let thread = Thread {
      written = (try? JSON.parse(text)).map { $0 == $0 ? $0.serialized() : "" }
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    #expect(written == text.replacingOccurrences(of: ":", with: ": "))
  }

  @Test("no prefix and no single changed byte of a document traps")
  func mutationsDoNotTrap() {
    let document = Array(
      #"{"a":[1,-2.5e3,"x\u00e9\ud83d\udc26\n",true,null],"é":{"":false}}"#.utf8)
    for count in document.indices { _ = try? JSON.parse(Array(document.prefix(count))) }
    for index in document.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = document
        changed[index] = byte
        _ = try? JSON.parse(changed)
      }
    }
  }

  @Test("a tokenizer's vocabulary of 2.5 MB is read in less than half a second")
  func largeDocumentIsReadFast() throws {
    var text = "{\"vocab\": {"
    text += (0..<50_000).map { "\"Ġtoken\($0)\": \($0)" }.joined(separator: ", ")
    text += "}, \"merges\": ["
    text += (0..<50_000).map { "\"Ġtok en\($0 % 977)\"" }.joined(separator: ",\n")
    text += "]}"
    let bytes = Array(text.utf8)
    var value = JSONValue.null
    let elapsed = try ContinuousClock().measure { value = try JSON.parse(bytes) }
    #expect(value["vocab"]?["Ġtoken49999"] == 49_999)
    #expect(value["vocab"]?["Ġtoken50000"] == nil)
    // Measured 0.01 s; the rest is for a busy machine. What fails here is anything quadratic.
    #expect(elapsed < .milliseconds(500))
  }
}
