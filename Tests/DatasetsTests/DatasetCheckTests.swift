import Configuration
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// A file and the problems in it, each as `kind@line:column`, errors with an exclamation mark.
struct CheckedFile: Sendable, CustomTestStringConvertible {
  let id: String
  let text: String
  let expected: [String]

  var testDescription: String { id }

  static let good = BadFile.chat

  static func message(_ id: String, _ message: String, _ expected: [String]) -> CheckedFile {
    CheckedFile(
      id: id,
      text: #"{"messages":[{"role":"user","content":"a b"},\#(message),"#
        + #"{"role":"assistant","content":"c d"}]}"#,
      expected: expected)
  }

  static let all: [CheckedFile] = [
    CheckedFile(
      id: "nothing",
      text: #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b c"}]}"#,
      expected: []),
    CheckedFile(id: "empty", text: "\n", expected: ["no_rows!@0:0"]),
    CheckedFile(id: "an array", text: "[\n\(good),\n\(good)]", expected: ["json_array!@1:1"]),
    CheckedFile(
      id: "a row that is a number, as data_type", text: "12\n" + good,
      expected: ["data_type!@1:1", "one_word_answer@2:1"]),
    CheckedFile(
      id: "lines that are not JSON, each of them", text: "\(good)\n{\n\n{\"a\"\n",
      expected: ["invalid_json!@2:2", "invalid_json!@4:5", "one_word_answer@1:1"]),
    CheckedFile(
      id: "no messages, as in the cookbook",
      text: "\(good)\n{}\n{\"messages\":[]}\n{\"messages\":3}",
      expected: [
        "missing_messages_list!@2:1", "missing_messages_list!@3:13", "missing_messages_list!@4:13",
        "one_word_answer@1:1",
      ]),
    // What OpenAI's script counts for this row: one of each of these four.
    CheckedFile(
      id: "a message with nothing but a wrong role", text: #"{"messages":[{"role":"unknown"}]}"#,
      expected: [
        "message_missing_key!@1:14", "unrecognized_role!@1:22", "missing_content!@1:14",
        "example_missing_assistant_message!@1:13",
      ]),
    .message(
      "no role, which is also no known role", #"{"content":"x y"}"#,
      ["message_missing_key!@1:46", "unrecognized_role!@1:46"]),
    .message(
      "an unknown key, which a run would let pass", #"{"role":"user","content":"x","mood":1}"#,
      ["message_unrecognized_key@1:82", "role_order@1:46"]),
    .message(
      "content that is a number", #"{"role":"tool","content":5}"#, ["missing_content!@1:71"]),
    .message(
      "empty content, which a run would let pass", #"{"role":"user","content":""}"#,
      ["missing_content@1:71", "role_order@1:46"]),
    .message("a message that is a string", #""hello""#, ["data_type!@1:46"]),
    .message(
      "a weight that is not learnt", #"{"role":"user","content":"x","weight":1}"#,
      ["invalid_weight!@1:84"]),
    .message(
      "several faults in one message",
      #"{"role":"bot","content":7,"weight":-1,"tool_calls":3}"#,
      [
        "unrecognized_role!@1:54", "missing_content!@1:70", "invalid_weight!@1:81",
        "invalid_tool_calls!@1:97",
      ]),
    .message(
      "a function's role, which newer files call tool", #"{"role":"function","content":"x"}"#,
      ["unrecognized_role!@1:54"]),
    .message(
      "a system message in the middle", #"{"role":"system","content":"x"}"#, ["role_order@1:46"]),
    .message(
      "a terminal escape",
      #"{"role":"assistant","content":"\u001b[31m red","weight":0},"#
        + #"{"role":"user","content":"x\ty\r\nz"}"#,
      ["control_character@1:46"]),
    CheckedFile(
      id: "a conversation that the assistant begins and the user ends",
      text: #"{"messages":[{"role":"assistant","content":"a b"},{"role":"user","content":"c"}]}"#,
      expected: ["role_order@1:14", "role_order@1:51"]),
    CheckedFile(
      id: "silence",
      text: #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" \n"}]}"#,
      expected: ["empty_answer@1:44"]),
    CheckedFile(
      id: "a ShareGPT speaker nobody knows",
      text: #"{"conversations":[{"from":"bard","value":"a"},{"from":"gpt"}]}"#,
      expected: ["message_missing_key!@1:47", "unrecognized_role!@1:27"]),
    CheckedFile(
      id: "Alpaca without an output later",
      text: "{\"instruction\":\"a\",\"output\":\"b c\"}\n{\"instruction\":3}",
      expected: ["missing_key!@2:1"]),
    CheckedFile(
      id: "no format at all, in each row", text: "{\"q\":1}\n{\"q\":2}",
      expected: ["unknown_format!@1:1", "unknown_format!@2:1"]),
    CheckedFile(
      id: "a first row without the key that all others have",
      text: "{\"mesages\":[]}\n\(good)",
      expected: ["missing_messages_list!@1:1", "one_word_answer@2:1"]),
  ]
}

@Suite("DatasetCheck") struct DatasetCheckTests {
  private func check(
    _ train: String, validation: String? = nil, preparation: RowPreparation? = nil, shown: Int = 99
  ) -> DatasetCheck {
    DatasetCheck(
      train: [("t.jsonl", Array(train.utf8))],
      validation: validation.map { [("v.jsonl", Array($0.utf8))] } ?? [],
      preparation: preparation, shown: shown)
  }

  private func names(_ check: DatasetCheck) -> [String] {
    check.issues.flatMap { issue in
      issue.first.map {
        "\(issue.kind.rawValue)\(issue.severity == .error ? "!" : "")@\($0.place.line):\($0.place.column)"
      }
    }
  }

  private func chat(_ question: String, _ answer: String) -> String {
    #"{"messages":[{"role":"user","content":"\#(question)"},"#
      + #"{"role":"assistant","content":"\#(answer)"}]}"#
  }

  @Test("finds every problem of a row and of every row", arguments: CheckedFile.all)
  func findsEverything(_ file: CheckedFile) {
    #expect(names(check(file.text)) == file.expected)
  }

  @Test("calls an error what a run refuses, and nothing else", arguments: BadFile.all)
  func agreesWithDataset(_ file: BadFile) {
    #expect(check(file.text).errors > 0)
  }

  @Test(
    "has no error for what a run accepts",
    arguments: CheckedFile.all.filter { !$0.expected.contains { $0.contains("!") } })
  func acceptsWhatDatasetAccepts(_ file: CheckedFile) {
    #expect(throws: Never.self) { try Dataset(Array(file.text.utf8), path: "t.jsonl") }
  }

  @Test(
    "is refused by a run where it has an error",
    arguments: CheckedFile.all.filter { $0.expected.contains { $0.contains("!") } })
  func refusesWhatDatasetRefuses(_ file: CheckedFile) {
    #expect(throws: DatasetError.self) { try Dataset(Array(file.text.utf8), path: "t.jsonl") }
  }

  @Test("names both lines of a duplicate, whatever the order of keys")
  func findsDuplicates() throws {
    let swapped =
      #"{"messages":[{"content":"a","role":"user"},{"content":"b c","role":"assistant"}]}"#
    let result = check([chat("a", "b c"), chat("x", "y z"), swapped].joined(separator: "\n"))
    let issue = try #require(result.issues.first { $0.kind == .exactDuplicate })
    #expect(
      issue.first.map(\.description) == [
        "t.jsonl line 3, column 1: the row is the same as line 1; remove one"
      ])
    #expect(result.warnings == 1)
    #expect(result.errors == 0)
  }

  @Test("does not take letters that only look alike for the same")
  func comparesBytes() {
    let result = check([chat("é", "b c"), chat("e\u{301}", "b c")].joined(separator: "\n"))
    #expect(result.issues.isEmpty)
  }

  @Test("tells a question with two answers from a duplicate")
  func findsConflicts() {
    let result = check([chat("a", "b c"), chat("a", "b d")].joined(separator: "\n"))
    #expect(names(result) == ["conflicting_answers@2:1"])
  }

  @Test("finds rows, and questions, that are in training and validation")
  func findsLeakage() throws {
    let result = check(
      chat("a", "b c") + "\n" + chat("d", "e f"),
      validation: [chat("x", "b c"), chat("d", "e f"), chat("a", "other words")]
        .joined(separator: "\n"))
    #expect(names(result) == ["validation_leakage@2:1", "validation_leakage@3:1"])
    let issue = try #require(result.issues.first)
    #expect(
      issue.first[0].description.contains("the row is also in the training data, at t.jsonl line 2")
    )
    #expect(issue.first[1].description.contains("asks the same, at t.jsonl line 1"))
  }

  @Test("counts all problems and shows the first ones")
  func limitsWhatIsShown() throws {
    let result = check(String(repeating: "{\n", count: 1_000), shown: 2)
    let issue = try #require(result.issues.first)
    #expect(issue.count == 1_000)
    #expect(issue.first.map(\.place.line) == [1, 2])
    #expect(result.rowsWithErrors == 1_000)
    #expect(result.train.rows == 1_000)
  }

  @Test("sees that labels are unbalanced, and does not call them answers of one word")
  func findsUnbalancedLabels() throws {
    func rows(_ rare: Int) -> String {
      (0..<30).map { chat("question \($0)", $0 < rare ? "rare" : "common") }.joined(separator: "\n")
    }
    let unbalanced = check(rows(2))
    #expect(names(unbalanced) == ["unbalanced_labels@1:1"])
    #expect(unbalanced.issues.first?.first.first?.message.contains("\"rare\" has 2 rows") == true)
    #expect(unbalanced.train.labels?.imbalance == 14)
    let balanced = check(rows(12))
    #expect(balanced.issues.isEmpty)
    #expect(balanced.train.labels?.labels.map(\.rows) == [18, 12])
    let one = check(rows(0))
    #expect(names(one) == ["unbalanced_labels@1:1"])
    // Nineteen rows are no classification yet.
    let few = check((0..<19).map { chat("\($0)", "common") }.joined(separator: "\n"))
    #expect(few.train.labels == nil)
    #expect(few.issues.map(\.count) == [19])
  }

  @Test("does not call a sentence without spaces one word, nor a JSON object")
  func knowsOtherScripts() {
    let rows = [chat("a", "鹦鹉吃花蜜。"), chat("b", #"{\"a\":1}"#), chat("c", "yes")]
    #expect(names(check(rows.joined(separator: "\n"))) == ["one_word_answer@3:1"])
  }

  // MARK: Tokens

  private func preparation(
    maxLength: Int = 99, overlong: RunConfiguration.Overlong = .error
  ) throws -> RowPreparation {
    RowPreparation(
      tokenizer: try TinyTokenizer.make(), template: try TinyTokenizer.template(),
      maxLength: maxLength, overlong: overlong)
  }

  @Test("counts tokens, and what cutting off would cost")
  func countsTokens() throws {
    // A token a letter, and one for the end, which is learnt with the completion.
    let rows =
      [("ab", "cd e"), ("abcdef", "gh i"), ("abcdefgh", "i j")].map { prompt, completion in
        #"{"prompt":"\#(prompt)","completion":"\#(completion)"}"#
      }.joined(separator: "\n")
    let result = check(rows, preparation: try preparation(maxLength: 8))
    let tokens = try #require(result.train.tokens)
    #expect(tokens.lengths == LengthStatistics([7, 11, 12]))
    #expect(tokens.supervisedTokens == 5 + 5 + 4)
    #expect(tokens.overlongRows == 2)
    // Of the second row two learnt tokens are left, of the third none.
    #expect(tokens.supervisedTokensLostByTruncation == 3 + 4)
    #expect(tokens.rowsEmptiedByTruncation == 1)
    #expect(names(result) == ["too_long!@2:1", "too_long!@3:1"])
    #expect(result.train.usableRows == 1)
    #expect(
      result.issues[0].first[0].message
        == "the row has 11 tokens, more than max_length = 8; raise it, or set data.overlong to drop, "
        + "or to truncate, which loses 3 of its 5 supervised tokens")

    let dropped = check(rows, preparation: try preparation(maxLength: 8, overlong: .drop))
    #expect(dropped.errors == 0 && dropped.warnings == 2)
    #expect(dropped.train.usableRows == 1)
    let cut = check(rows, preparation: try preparation(maxLength: 8, overlong: .truncate))
    #expect(names(cut) == ["nothing_to_learn!@3:1", "too_long@2:1"])
    let none = check(rows, preparation: try preparation(maxLength: 3, overlong: .drop))
    #expect(none.errors == 1)
  }

  @Test("says for each row that the template or the weights leave nothing of it")
  func findsUnlearnableRows() throws {
    let silent =
      #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b c","weight":0}]}"#
    let result = check(
      [chat("a", "b c"), silent].joined(separator: "\n"), preparation: try preparation())
    #expect(names(result).contains("nothing_to_learn!@2:1"))
    #expect(result.train.usableRows == 1)

    var withoutTemplate = try preparation()
    withoutTemplate.template = nil
    #expect(
      names(check(chat("a", "b c"), preparation: withoutTemplate)) == ["no_chat_template!@1:1"])
  }

  @Test("finds nothing wrong with the project's own data")
  func acceptsSupportTickets() throws {
    let folder = Fixture.repository.appendingPathComponent("data/support").path
    let result = try DatasetCheck(
      train: ["\(folder)/train.jsonl"], validation: ["\(folder)/valid.jsonl"])
    #expect(result.issues == [])
    #expect(result.train.rows == 600)
    #expect(result.validation?.rows == 100)
  }

  @Test("does not trap on bytes that are nothing")
  func survivesNoise() {
    var state: UInt64 = 7
    for _ in 0..<300 {
      var bytes = Array((chat("a", "b") + "\n" + chat("c", "d")).utf8)
      for _ in 0..<4 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
      }
      let result = DatasetCheck(train: [("t.jsonl", bytes)])
      let isAccepted = (try? Dataset(bytes, path: "t.jsonl")) != nil
      #expect((result.errors == 0) == isAccepted, "\(String(decoding: bytes, as: UTF8.self))")
    }
  }
}

@Suite("LengthStatistics") struct LengthStatisticsTests {
  // numpy.percentile([1, 2, 3, 4, 100], [50, 95, 99]) = [3.0, 80.8, 96.16]
  @Test("interpolates percentiles as NumPy does")
  func interpolates() {
    let lengths = LengthStatistics([4, 1, 100, 3, 2])
    #expect(lengths.total == 110 && lengths.mean == 22 && lengths.longest == 100)
    #expect(lengths.median == 3)
    #expect(abs(lengths.percentile95 - 80.8) < 1e-9)
    #expect(abs(lengths.percentile99 - 96.16) < 1e-9)
    #expect(LengthStatistics([7]).percentile99 == 7)
    #expect(LengthStatistics([]).mean == 0)
    #expect(LengthStatistics([1, 2]).median == 1.5)
  }
}

@Suite("RowPreview") struct RowPreviewTests {
  @Test("puts tokens together as far as they are alike, and loses no byte")
  func makesStretches() throws {
    let dataset = try Dataset(Array(BadFile.chat.utf8), path: "x.jsonl")
    let preview = try RowPreview(
      try #require(dataset.examples.first), tokenizer: try TinyTokenizer.make(),
      template: try TinyTokenizer.template())
    #expect(
      preview.stretches.map { String(decoding: $0.bytes, as: UTF8.self) } == [
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n", "b<|im_end|>", "\n",
      ])
    #expect(preview.stretches.map(\.isLearnt) == [false, true, false])
    #expect(preview.supervisedTokens == 2)
  }
}
