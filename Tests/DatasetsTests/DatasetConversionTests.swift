import Foundation
import Serialization
import TestSupport
import Testing

@testable import Datasets

@Suite("DatasetConversion") struct DatasetConversionTests {
  private func convert(_ row: String, to format: DatasetFormat) throws -> String {
    let file = try DatasetFile(Array(row.utf8), path: "x.jsonl")
    let converted = try DatasetConversion(to: format).convert(try #require(file.rows.first))
    return JSONValue.object(converted).serialized()
  }

  private static let exchange =
    #"{"id": 7, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, "#
    + #"{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, "#
    + #"{"role": "assistant", "content": "d"}]}"#

  @Test("writes a conversation as ShareGPT and Alpaca do, and keeps keys that no format has")
  func writesFormats() throws {
    #expect(
      try convert(Self.exchange, to: .shareGPT)
        == #"{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "a"}, "#
        + #"{"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}, {"from": "gpt", "value": "d"}], "#
        + #""id": 7}"#)
    #expect(
      try convert(Self.exchange, to: .alpaca)
        == #"{"instruction": "c", "input": "", "output": "d", "system": "s", "history": [["a", "b"]], "id": 7}"#
    )
    #expect(
      try convert(#"{"prompt":"a","completion":"b"}"#, to: .messages)
        == #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#
    )
    #expect(
      try convert(#"{"text":"a"}"#, to: .promptCompletion) == #"{"prompt": "", "completion": "a"}"#)
  }

  /// Rows of all formats, and the formats that can say what they say.
  static let rows: [(row: String, expressible: Set<DatasetFormat>)] = [
    (exchange, [.messages, .shareGPT, .alpaca]),
    (
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#,
      [.messages, .shareGPT, .alpaca, .promptCompletion]
    ),
    (
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},"#
        + #"{"role":"user","content":"c"},{"role":"assistant","content":"d","weight":0.5}]}"#,
      [.messages, .shareGPT, .promptCompletion]
    ),
    (
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":"#
        + #"[{"function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","content":"1"},"#
        + #"{"role":"assistant","content":"b"}],"tools":[{"name":"f"}]}"#,
      [.messages]
    ),
    (
      #"{"messages":[{"role":"user","content":"a","name":"Jo"},{"role":"assistant","content":"b"}]}"#,
      [.messages, .promptCompletion]
    ),
    (
      #"{"conversations":[{"from":"gpt","value":"b"},{"from":"human","value":"a"},{"from":"gpt","value":"c"}]}"#,
      [.messages, .shareGPT]
    ),
    (
      #"{"instruction":"a","input":"b","output":"c","system":"s","history":[["d","e"]]}"#,
      [.messages, .shareGPT, .alpaca]
    ),
    (#"{"text":"a b"}"#, [.text]),
    (
      #"{"prompt":[{"role":"user","content":"a"}],"completion":[{"role":"assistant","content":"b"}]}"#,
      [.messages, .shareGPT, .alpaca, .promptCompletion]
    ),
  ]

  @Test("changes nothing of what a row means, or refuses", arguments: rows.indices)
  func keepsMeaning(_ index: Int) throws {
    let (row, expressible) = Self.rows[index]
    let original = try #require(try DatasetFile(Array(row.utf8), path: "x.jsonl").rows.first)
    for format in DatasetFormat.allCases {
      // A plain text may also be written as a completion of nothing.
      if case .text = original.example.content, format == .promptCompletion { continue }
      do {
        let converted = JSONValue.object(try DatasetConversion(to: format).convert(original))
        let text = Array(converted.serialized().utf8)
        let again = try DatasetFile(text, path: "x.jsonl")
        #expect(again.format == format)
        #expect(again.rows.first?.example.content == original.example.content, "\(format)")
        #expect(expressible.contains(format), "\(format)")
      } catch let error as DatasetConversion.Inexpressible {
        #expect(!expressible.contains(format), "\(error)")
      }
    }
  }

  @Test("keeps the learnt tokens of a plain text that becomes a completion")
  func textAsCompletion() throws {
    let tokenizer = try TinyTokenizer.make(beginsTexts: true)
    func tokens(_ text: String) throws -> TokenizedExample {
      let file = try DatasetFile(Array(text.utf8), path: "x.jsonl")
      return try TokenizedExample.make(
        try #require(file.rows.first).example, tokenizer: tokenizer, template: nil)
    }
    let text = #"{"text": "why not"}"#
    #expect(try tokens(text) == tokens(try convert(text, to: .promptCompletion)))
  }

  @Test("names line, reason and remedy of a row that a format cannot express")
  func namesReason() throws {
    let rows =
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"# + "\n\n"
      + #"{"messages":[{"role":"user","content":"a","x\n":1},{"role":"assistant","content":"b"}]}"#
    let file = try DatasetFile(Array(rows.utf8), path: "x.jsonl")
    do {
      _ = try DatasetConversion(to: .alpaca).convert(file.rows[1])
      Issue.record("accepted")
    } catch {
      #expect(
        "\(error)"
          == "x.jsonl line 3: Alpaca instructions cannot express the row: a message has the key \"x\n\"; "
          + "convert to another format, or leave such rows out with --drop-inexpressible")
    }
  }
}
