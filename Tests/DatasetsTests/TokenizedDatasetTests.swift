import Configuration
import Kernels
import Testing

@testable import Datasets

@Suite("TokenizedDataset") struct TokenizedDatasetTests {
  /// Rows of plain text; each has a token a letter and one for the end.
  private func rows(_ texts: [String]) -> [Example] {
    texts.enumerated().map { index, text in
      Example(.text(text), source: ExampleSource(path: "x.jsonl", line: index + 1))
    }
  }

  @Test("refuses, drops or cuts off a row that is too long, and counts what is lost")
  func limitsLength() throws {
    let tokenizer = try TinyTokenizer.make()
    let data = rows(["abc", "abcdefgh", "ab"])
    #expect(
      throws: DatasetError.tooLong(
        ExampleSource(path: "x.jsonl", line: 2), tokens: 9, maximum: 5)
    ) {
      try TokenizedDataset(data, tokenizer: tokenizer, template: nil, maxLength: 5)
    }

    let dropped = try TokenizedDataset(
      data, tokenizer: tokenizer, template: nil, maxLength: 5, overlong: .drop)
    #expect(dropped.examples.map(\.source.line) == [1, 3])
    #expect(dropped.counts.dropped == 1)
    #expect(dropped.counts.supervisedTokensLost == 8)
    #expect(dropped.counts.tokens == 7)
    #expect(dropped.counts.supervisedTokens == 5)
    #expect(dropped.counts.longestRow == 9)

    let cut = try TokenizedDataset(
      data, tokenizer: tokenizer, template: nil, maxLength: 5, overlong: .truncate)
    #expect(cut.examples.map(\.tokens.count) == [4, 5, 3])
    #expect(cut.counts.truncated == 1)
    #expect(cut.counts.supervisedTokensLost == 4)
    #expect(cut.counts.rows == 3)
  }

  @Test("refuses a row of which the cut leaves nothing to learn")
  func refusesEmptyCuts() throws {
    let data = [
      Example(
        .completion(prompt: "abcdef", completion: "g"),
        source: ExampleSource(path: "x.jsonl", line: 1))
    ]
    #expect(
      throws: DatasetError.nothingToLearn(
        ExampleSource(path: "x.jsonl", line: 1), why: .truncated(maximum: 4))
    ) {
      try TokenizedDataset(
        data, tokenizer: try TinyTokenizer.make(), template: nil, maxLength: 4,
        overlong: .truncate)
    }
  }

  @Test("refuses to drop every row")
  func refusesToDropAll() throws {
    #expect(throws: DatasetError.allTooLong(rows: 2, maximum: 3)) {
      try TokenizedDataset(
        rows(["abc", "abcd"]), tokenizer: try TinyTokenizer.make(), template: nil, maxLength: 3,
        overlong: .drop)
    }
  }

  @Test("keeps the rows' order and reports the first fault, however many rows there are")
  func keepsOrder() throws {
    let tokenizer = try TinyTokenizer.make()
    let texts = (0..<200).map { String(repeating: "a", count: 1 + $0 % 7) }
    let made = try TokenizedDataset(
      rows(texts), tokenizer: tokenizer, template: nil, maxLength: 9)
    #expect(made.examples.map(\.source.line) == Array(1...200))
    #expect(made.examples.map(\.tokens.count) == texts.map { $0.count + 1 })

    let faulty = texts.enumerated().map { [70, 130].contains($0.offset) ? "" : $0.element }
    #expect(
      throws: DatasetError.nothingToLearn(
        ExampleSource(path: "x.jsonl", line: 71), why: .noText)
    ) {
      try TokenizedDataset(rows(faulty), tokenizer: tokenizer, template: nil, maxLength: 9)
    }
  }
}
