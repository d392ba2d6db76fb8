import Foundation
import Testing

@testable import Datasets

/// A file and the sentence that refuses it.
struct BadFile: Sendable, CustomTestStringConvertible {
  let id: String
  let text: String
  let expected: String

  var testDescription: String { id }

  static let chat =
    #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#

  static func message(_ id: String, _ message: String, _ expected: String) -> BadFile {
    BadFile(id: id, text: #"{"messages":[\#(message)]}"#, expected: expected)
  }

  static let all: [BadFile] = [
    BadFile(id: "empty", text: "", expected: "x.jsonl: has no row; write one JSON object a line"),
    BadFile(
      id: "blank", text: "\n \r\n\n", expected: "x.jsonl: has no row; write one JSON object a line"),
    BadFile(
      id: "array", text: "[\n\(chat)]",
      expected: "x.jsonl line 1, column 1: the file is a JSON array; write one JSON object a line"),
    BadFile(
      id: "not an object", text: "\(chat)\n  12",
      expected: "x.jsonl line 2, column 3: the row should be an object, but it is a number"),
    BadFile(
      id: "no known keys", text: #" {"question":"a","answer":"b"}"#,
      expected:
        #"x.jsonl line 1, column 2: no known format has the keys "question" and "answer"; a "#
        + "row has messages, or conversations, or instruction and output, or prompt and completion, "
        + "or text"),
    BadFile(
      id: "another format later", text: "\(chat)\n{\"text\":\"a\"}",
      expected: #"x.jsonl line 2, column 1: the key "messages" is missing; add it"#),
    BadFile(
      id: "messages are no list", text: #"{"id":1, "messages": {"role":"user"}}"#,
      expected: #"x.jsonl line 1, column 22: "messages" should be a list, but it is an object"#),
    BadFile(
      id: "empty conversation", text: #"{"messages":[]}"#,
      expected:
        "x.jsonl line 1, column 13: the conversation is empty; remove the row or add messages"
    ),
    .message(
      "no assistant", #"{"role":"user","content":"a"}"#,
      "x.jsonl line 1, column 13: the conversation has no assistant message, so there is nothing to "
        + "learn; add one or remove the row"),
    .message(
      "message is a string", #""hi""#,
      #"x.jsonl line 1, column 14: item 1 of "messages" should be an object, but it is a string"#),
    .message(
      "no role", #"{"content":"a"}"#,
      #"x.jsonl line 1, column 14: the key "role" is missing; add it"#),
    .message(
      "unknown role, after a text with brackets and letters of two bytes",
      #"{"role":"user","content":"é]\"}[ü"}, {"role":"asistant","content":"b"}"#,
      #"x.jsonl line 1, column 59: the role "asistant" is unknown; use "system", "user", "#
        + #""assistant" or "tool""#),
    .message(
      "role is a number", #"{"role":3,"content":"a"}"#,
      #"x.jsonl line 1, column 22: "role" should be a string, but it is a number"#),
    .message(
      "no content", #"{"role":"user"}"#,
      "x.jsonl line 1, column 14: this user message has no content; give it a text"),
    .message(
      "null content without calls", #"{"role":"assistant","content":null,"tool_calls":[]}"#,
      "x.jsonl line 1, column 14: this assistant message has no content; give it a text"),
    .message(
      "content is a number", #"{"role":"user","content":5}"#,
      #"x.jsonl line 1, column 39: "content" should be a string, but it is a number"#),
    .message(
      "an image", #"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#,
      #"x.jsonl line 1, column 40: a content part of type "image_url" is not text, which is all the "#
        + "model reads; remove it"),
    .message(
      "negative weight", #"{"role":"assistant","content":"b","weight":-1}"#,
      "x.jsonl line 1, column 57: a message's weight should be a number of at least 0, but it is -1.0"
    ),
    .message(
      "weight beyond a Float", #"{"role":"assistant","content":"b","weight":1e300}"#,
      "x.jsonl line 1, column 57: a message's weight should be a number of at least 0, but it is 1e+300"
    ),
    .message(
      "weight is a word", #"{"role":"assistant","content":"b","weight":"1"}"#,
      "x.jsonl line 1, column 57: a message's weight should be a number of at least 0, but it is a "
        + "string"),
    .message(
      "weight on a user", #"{"role":"user","content":"b","weight":1}"#,
      "x.jsonl line 1, column 52: this user message has a weight, but only what the assistant says is "
        + "learnt; remove the weight"),
    .message(
      "user calls tools", #"{"role":"user","content":"b","tool_calls":[{}]}"#,
      "x.jsonl line 1, column 56: this user message has tool_calls, but only the assistant calls "
        + "tools; remove them"),
    .message(
      "call without function", #"{"role":"assistant","tool_calls":[{"id":"1"}]}"#,
      #"x.jsonl line 1, column 48: the key "function" is missing; add it"#),
    .message(
      "half a line", #"{"role":"#,
      "x.jsonl line 1, column 22: expected a value, found ']'; write one JSON object a line"),
    BadFile(
      id: "unknown speaker", text: #"{"conversations":[{"from":"bard","value":"a"}]}"#,
      expected: #"x.jsonl line 1, column 27: the role "bard" is unknown; use "human", "gpt", "#
        + #""system", "user", "assistant", "model", "chatgpt", "tool" …"#),
    BadFile(
      id: "history is no pair",
      text: #"{"instruction":"a","output":"b","history":[["q"]]}"#,
      expected:
        #"x.jsonl line 1, column 44: an item of "history" should be a pair of strings, but it is "#
        + "a list"),
    BadFile(
      id: "completion of another kind", text: #"{"prompt":"a","completion":["b"]}"#,
      expected: #"x.jsonl line 1, column 28: "completion" should be a string, but it is a list"#),
    BadFile(
      id: "text is null", text: #"{"text":null}"#,
      expected: #"x.jsonl line 1, column 9: "text" should be a string, but it is null"#),
  ]
}

@Suite("DatasetError") struct DatasetErrorTests {
  private func refusal(_ bytes: [UInt8]) -> String {
    do {
      let dataset = try Dataset(bytes, path: "x.jsonl")
      return "accepted: \(dataset.examples)"
    } catch {
      return "\(error)"
    }
  }

  @Test("says what is wrong, where, and what to do", arguments: BadFile.all)
  func saysWhatIsWrong(_ file: BadFile) {
    #expect(refusal(Array(file.text.utf8)) == file.expected)
  }

  @Test("gives the offset in the file of a byte that is not UTF-8")
  func locatesInvalidUTF8() {
    let start = Array((BadFile.chat + "\n{\"text\":\"é").utf8)
    #expect(
      refusal(start + [0xE9] + Array("\"}".utf8))
        == "x.jsonl line 2, column 11: the byte 0xE9 at offset \(start.count) is not UTF-8; save the "
        + "file as UTF-8")
  }

  @Test("tells a missing file from one that cannot be read")
  func tellsMissingFromUnreadable() {
    #expect(throws: DatasetError.missingFile(path: "/nowhere/a.jsonl")) {
      try Dataset(readingFrom: ["/nowhere/a.jsonl"])
    }
    #expect(
      throws: DatasetError.unreadableFile(
        path: "/", reason: "it is a folder; give the path of a JSONL file")
    ) {
      try Dataset(readingFrom: ["/"])
    }
  }

  @Test("shortens names that are as long as a file")
  func shortensNames() {
    let role = String(repeating: "x", count: 1_000_000)
    let text = refusal(Array(#"{"messages":[{"role":"\#(role)","content":""}]}"#.utf8))
    #expect(text.count < 200)
  }

  @Test("refuses nesting beyond what is read instead of overflowing the stack")
  func refusesDeepNesting() {
    let text = #"{"messages":"# + String(repeating: "[", count: 100_000)
    #expect(refusal(Array(text.utf8)).contains("x.jsonl line 1, column"))
  }
}
