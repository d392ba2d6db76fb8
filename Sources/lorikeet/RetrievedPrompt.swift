import CausalLM
import Inference
import Retrieval
import Serialization

/// A prompt with passages of a knowledge base, as `generate --retrieve` asks it.
struct RetrievedPrompt {
  /// The flags beside `--retrieve` and those of ``PassageSearch``.
  static let flags = [
    Flag(
      name: "--retrieve", value: "KB",
      help: "answer --prompt from passages of a knowledge base, and say where they stand"),
    Flag(name: "--passages", value: "N", help: "how many passages at most; default 5"),
  ]

  private let question: String
  private let findings: [Finding]

  /// Searches for what `--prompt` asks; nil where `--retrieve` is not given.
  init?(_ arguments: Arguments, _ console: Console) throws {
    let command = GenerateCommand.self
    guard let path = arguments.string("--retrieve") else {
      for flag in ["--passages"] + PassageSearch.flags.map(\.name) where arguments.has(flag) {
        throw UsageError(command: command, "\(flag) needs --retrieve, the knowledge base")
      }
      return nil
    }
    guard let question = arguments.string("--prompt"), !arguments.has("--raw") else {
      throw UsageError(
        command: command, "--retrieve needs --prompt, the question, and not --raw")
    }
    let count = try arguments.integer("--passages") ?? 5
    guard count > 0 else {
      throw UsageError(command: command, "--passages: expected a number above 0, found \(count)")
    }
    self.question = question
    let search = try PassageSearch(
      arguments, in: path, for: question, count: count, of: command, console)
    findings = try search.find(search.vector())
    if findings.isEmpty {
      console.note("\(path): nothing is found; the model answers by itself")
    }
  }

  /// The passages that fit the model beside the longest answer, and the tokens that ask for it.
  ///
  /// - Parameter system: what the model is told; nil for ``PassagePrompt/instruction``.
  func fitted(
    to chat: ChatModel, system: String?, maxTokens: Int, _ console: Console
  ) throws -> (prompt: PassagePrompt, tokens: [Int32]) {
    let whole = PassagePrompt(
      question: question, system: system ?? (findings.isEmpty ? nil : PassagePrompt.instruction),
      passages: findings.map(\.passage))
    let context = chat.model.configuration.maximumPositions
    guard
      let prompt = try whole.fitting(
        context - maxTokens, count: { try chat.prompt($0).count })
    else {
      var least = whole
      least.passages = Array(whole.passages.prefix(1))
      let needed = try chat.prompt(least.messages).count
      throw UsageError(
        command: GenerateCommand.self,
        "the question\(findings.isEmpty ? "" : " with one passage") has \(needed) tokens and the answer up to \(maxTokens), and the model reads \(context); lower --max-tokens, or index with a smaller --size"
      )
    }
    let left = whole.passages.count - prompt.passages.count
    if left > 0 {
      console.note(
        "\(left) of \(whole.passages.count) passages are left out: with an answer of up to \(maxTokens) tokens the model reads no more"
      )
    }
    return (prompt, try chat.prompt(prompt.messages))
  }

  /// Prints where the passages stand.
  static func printCitations(_ prompt: PassagePrompt, _ console: Console) {
    guard !prompt.passages.isEmpty else { return }
    console.print("")
    for (index, passage) in prompt.passages.enumerated() {
      console.print("[\(index + 1)] \(VisibleText.escaped(passage.citation))")
    }
  }

  /// The passages for `--json`; `is_cited` tells whether the answer names one.
  static func json(_ prompt: PassagePrompt, answer: String) -> JSONValue {
    .array(
      prompt.passages.enumerated().map { index, passage in
        [
          "number": .integer(index + 1), "citation": .string(passage.citation),
          "path": .string(passage.path), "first_line": .integer(passage.lines.lowerBound),
          "last_line": .integer(passage.lines.upperBound), "title": .string(passage.title),
          "is_cited": .bool(answer.contains("[\(index + 1)]")),
        ]
      })
  }
}
