import CausalLM
import Datasets
import Inference
import ModelFiles
import Serialization
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

/// `generate --input F --output O`: a line of JSON in, the same line with its answer out.
///
/// Lines are written as they are done, so that an interrupted job keeps what it has; started again, it goes on behind
/// the last whole line.
enum GenerateBatch {
  /// Lines that are answered between two writes.
  private static let chunk = 64

  static func run(
    input: String, output: String, _ chat: ChatModel, _ generator: Generator,
    system: [JSONValue], isRaw: Bool, _ console: Console
  ) throws -> JSONObject {
    let rows = try read(input, chat, system: system, isRaw: isRaw)
    let done = try wholeLines(of: output)
    guard done <= rows.count else {
      throw InputError(
        "\(output): has \(done) lines, and \(input) has \(rows.count); name another --output")
    }
    if done > 0 { console.note("\(output): \(done) lines are there already; going on behind them") }
    guard let file = fopen(output, "a") else { throw notWritten(output) }
    defer { fclose(file) }
    var tokens = 0
    let clock = ContinuousClock()
    let began = clock.now
    var finished = done
    try console.stage("answering", in: .things("rows")) { progress in
      for first in stride(from: done, to: rows.count, by: chunk) {
        let part = rows[first..<min(rows.count, first + chunk)]
        let completions = generator.complete(
          part.map(\.prompt),
          onFinish: { _ in
            finished += 1
            progress(finished - done, rows.count - done)
          })
        var text = ""
        for (row, completion) in zip(part, completions) {
          var json = row.json
          json["generated"] = .string(
            String(
              decoding: chat.tokenizer.decode(completion.tokens, skipSpecialTokens: true),
              as: UTF8.self))
          json["finish_reason"] = .string(completion.finishReason.rawValue)
          tokens += completion.tokens.count
          text += JSONValue.object(json).serialized() + "\n"
        }
        guard fputs(text, file) >= 0, fflush(file) == 0 else { throw notWritten(output) }
      }
    }
    let seconds = (clock.now - began) / .seconds(1)
    return [
      "rows": .integer(rows.count), "rows_before": .integer(done),
      "completion_tokens": .integer(tokens),
      "tokens_per_second": .number(Double(tokens) / max(seconds, 1e-9)), "output": .string(output),
    ]
  }

  private static func notWritten(_ path: String) -> ModelFileError {
    .notWritten(path: path, reason: String(cString: strerror(errno)))
  }

  private static func read(
    _ path: String, _ chat: ChatModel, system: [JSONValue], isRaw: Bool
  ) throws -> [(json: JSONObject, prompt: [Int32])] {
    try MappedFile(path: path).withBytes { bytes in
      try JSONLines(bytes, path: path).map { line in
        let json = try line.object()
        return (
          json,
          try self.prompt(
            of: json, at: "\(path) line \(line.number)", chat, system: system, isRaw: isRaw)
        )
      }
    }
  }

  /// The tokens that a row asks with.
  private static func prompt(
    of json: JSONObject, at place: String, _ chat: ChatModel, system: [JSONValue], isRaw: Bool
  ) throws -> [Int32] {
    let prompt: [Int32]
    if let messages = json["messages"]?.arrayValue, !messages.isEmpty {
      prompt = try chat.prompt(system + question(messages))
    } else if let text = json["prompt"]?.stringValue {
      prompt =
        isRaw
        ? chat.tokenizer.encode(text, addSpecialTokens: true)
        : try chat.prompt(system + [ChatModel.message("user", text)])
    } else {
      throw InputError("\(place): expected \"prompt\", a text, or \"messages\", a list")
    }
    let limit = chat.model.configuration.maximumPositions
    guard !prompt.isEmpty, prompt.count < limit else {
      throw InputError(
        "\(place): the prompt has \(prompt.count) tokens, and the model reads up to \(limit - 1); shorten it"
      )
    }
    return prompt
  }

  /// The messages up to the last that is not the assistant's: a training row asks for its own answer again.
  private static func question(_ messages: [JSONValue]) -> [JSONValue] {
    let last = messages.lastIndex { $0["role"]?.stringValue != "assistant" }
    return last.map { Array(messages[...$0]) } ?? messages
  }

  /// Whole lines that a file has; a torn one at its end is cut off.
  private static func wholeLines(of path: String) throws -> Int {
    guard access(path, F_OK) == 0 else { return 0 }
    guard let file = try? MappedFile(path: path) else { return 0 }
    let (lines, end) = file.withBytes { bytes in
      (bytes.count { $0 == 10 }, bytes.lastIndex(of: 10).map { $0 + 1 } ?? 0)
    }
    guard truncate(path, off_t(end)) == 0 else { throw notWritten(path) }
    return lines
  }
}
