import Foundation
import Serialization
import TestSupport
import Testing

@testable import Datasets

@Suite("Dataset") struct DatasetTests {
  private func read(_ text: String) throws -> Dataset {
    try Dataset(Array(text.utf8), path: "x.jsonl")
  }

  private func conversation(_ text: String) throws -> Conversation {
    guard case .conversation(let value) = try #require(try read(text).examples.first).content
    else { throw Issue("not a conversation") }
    return value
  }

  private struct Issue: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  private static let chat =
    #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#

  @Test("tells each format by the keys of the first row")
  func detectsFormats() throws {
    let rows: [(String, DatasetFormat)] = [
      (Self.chat, .messages),
      (#"{"id":7,"conversations":[{"from":"gpt","value":"b"}]}"#, .shareGPT),
      (#"{"instruction":"a","input":"","output":"b","text":"a b"}"#, .alpaca),
      (#"{"prompt":"a","completion":"b"}"#, .promptCompletion),
      (#"{"text":"a b"}"#, .text),
    ]
    for (row, format) in rows {
      let dataset = try read(row)
      #expect(dataset.files == [Dataset.File(path: "x.jsonl", format: format, rows: 1)])
    }
    #expect(try read(Self.chat).files.first?.description == "x.jsonl: 1 row of chat messages")
  }

  @Test("skips a byte-order mark, blank lines and carriage returns, and counts lines right")
  func toleratesLineEndings() throws {
    let text = "\u{FEFF}\r\n" + Self.chat + "\r\n\n  \t\r\n" + Self.chat
    let dataset = try read(text)
    #expect(dataset.examples.map(\.source.line) == [2, 5])
    #expect(dataset.examples.map(\.source.description).last == "x.jsonl line 5")
  }

  @Test("keeps what a message holds and takes its weight out")
  func readsMessages() throws {
    let value = try conversation(
      #"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u","name":"Jo"},"#
        + #"{"role":"assistant","content":"x","weight":0},{"role":"user","content":"v","weight":0},"#
        + #"{"role":"assistant","content":"y","weight":0.5},{"role":"assistant","content":"z"},"#
        + #"{"role":"assistant","content":"w","weight":null}],"tools":[{"type":"function"}]}"#)
    #expect(value.weights == [0, 0, 0, 0, 0.5, 1, 1])
    #expect(value.messages[1] == ["role": "user", "content": "u", "name": "Jo"])
    #expect(value.messages[4] == ["role": "assistant", "content": "y"])
    #expect(value.tools == [["type": "function"]])
    #expect(value.finalExchange?.answer == "w")
    #expect(value.finalExchange?.prompt.count == 6)
  }

  @Test("joins a content's text parts")
  func joinsParts() throws {
    let value = try conversation(
      #"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"#
        + #"{"role":"assistant","content":""}]}"#)
    #expect(value.messages[0]["content"] == "ab")
    #expect(value.messages[1]["content"] == "")
  }

  @Test("lets an assistant that calls tools be silent, and opens arguments written as a string")
  func readsToolCalls() throws {
    let value = try conversation(
      #"{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","#
        + #""function":{"name":"f","arguments":"{\"x\": 1}"}}]},"#
        + #"{"role":"tool","tool_call_id":"1","content":"2"}],"tools":"[{\"name\": \"f\"}]"}"#)
    let arguments = value.messages[0]["tool_calls"]?.arrayValue?.first?["function"]?["arguments"]
    #expect(arguments == ["x": 1])
    #expect(value.messages[0]["content"] == .null)
    #expect(value.tools == [["name": "f"]])
  }

  @Test("reads ShareGPT speakers, weights and the system prompt beside them")
  func readsShareGPT() throws {
    let value = try conversation(
      #"{"system":"s","conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b","weight":0},"#
        + #"{"from":"observation","value":"c"},{"from":"gpt","value":"d"}]}"#)
    #expect(
      value.messages.compactMap { $0["role"]?.stringValue }
        == ["system", "user", "assistant", "tool", "assistant"])
    #expect(value.weights == [0, 0, 0, 0, 1])
    #expect(value.messages[2] == ["role": "assistant", "content": "b"])
  }

  @Test("writes Alpaca's instruction and input as one user message, after the history")
  func readsAlpaca() throws {
    let value = try conversation(
      #"{"instruction":"Add.","input":"1 and 2","output":"3","system":"s","history":[["q","a"]]}"#)
    #expect(
      value.messages.compactMap { $0["content"]?.stringValue } == [
        "s", "q", "a", "Add.\n1 and 2", "3",
      ])
    #expect(value.weights == [0, 0, 1, 0, 1])
  }

  @Test("keeps strings of prompt and completion plain, and learns only the completion's messages")
  func readsPromptCompletion() throws {
    let plain = try read(#"{"prompt":"a","completion":"b"}"#)
    #expect(plain.examples.first?.content == .completion(prompt: "a", completion: "b"))
    let chat = try conversation(
      #"{"prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"#
        + #""completion":[{"role":"assistant","content":"c"}]}"#)
    #expect(chat.weights == [0, 0, 1])
  }

  @Test("reads the project's own data")
  func readsSupportTickets() throws {
    let folder = Fixture.repository.appendingPathComponent("data/support").path
    let paths = ["train", "valid", "test"].map { "\(folder)/\($0).jsonl" }
    let dataset = try Dataset(readingFrom: paths)
    #expect(dataset.files.map(\.rows) == [600, 100, 200])
    #expect(dataset.files.allSatisfy { $0.format == .messages })
    #expect(dataset.examples.count == 900)
    #expect(dataset.examples.last?.source == ExampleSource(path: paths[2], line: 200))
  }

  @Test("reads 100,000 rows in under ten seconds")
  func isFast() throws {
    let text = String(repeating: Self.chat + "\n", count: 100_000)
    let clock = ContinuousClock()
    var rows = 0
    let time = try clock.measure { rows = try read(text).examples.count }
    #expect(rows == 100_000)
    #expect(time < .seconds(10))
  }
}
