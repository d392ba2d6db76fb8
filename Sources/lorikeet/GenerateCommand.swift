import Datasets
import Inference
import ModelFiles
import Serialization
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet generate`.
enum GenerateCommand: Command {
  static let name = "generate"
  static let summary = "asks a model, with or without an adapter"
  static let positional: [String] = []
  static let flags =
    ModelSession.flags + [
      Flag(
        name: "--prompt", value: "TEXT", help: "one user message, put through the chat template"),
      Flag(
        name: "--messages", value: "FILE", help: "a JSON array of messages, or an object with one"),
      Flag(name: "--chat", value: nil, help: "a conversation, a message a line on standard input"),
      Flag(name: "--system", value: "TEXT", help: "a system message to begin with"),
      Flag(name: "--raw", value: nil, help: "the prompt is plain text to be continued"),
      Flag(name: "--max-tokens", value: "N", help: "most tokens of an answer; default 256"),
      Flag(
        name: "--temperature", value: "X", help: "0, the default, always takes the likeliest token"),
      Flag(name: "--top-k", value: "N", help: "consider this many tokens; default all"),
      Flag(name: "--top-p", value: "X", help: "consider tokens up to this probability; default 1"),
      Flag(name: "--seed", value: "N", help: "seed of sampling; default 42"),
    ]
  static let example =
    "lorikeet generate --model model.gguf --prompt \"What is the capital of France?\""

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let sources = ["--prompt", "--messages", "--chat"].filter(arguments.has)
    guard sources.count == 1 else {
      throw UsageError(command: Self.self, "give one of --prompt, --messages and --chat")
    }
    let chat = try ModelSession.open(arguments, console)
    let sampling = Sampling(
      temperature: try arguments.number("--temperature") ?? 0,
      topK: try arguments.integer("--top-k") ?? 0,
      topP: try arguments.number("--top-p") ?? 1,
      seed: UInt64(try arguments.integer("--seed") ?? 42))
    let generator = Generator(
      model: chat.model, stopTokens: chat.stopTokens(), sampling: sampling,
      maxTokens: try arguments.integer("--max-tokens") ?? 256)
    let system = arguments.string("--system").map { [ChatModel.message("system", $0)] } ?? []

    if arguments.has("--chat") {
      try converse(chat, generator, system, console)
      return
    }
    let prompt: [Int32]
    if let text = arguments.string("--prompt") {
      prompt =
        arguments.has("--raw")
        ? chat.tokenizer.encode(text, addSpecialTokens: true)
        : try chat.prompt(system + [ChatModel.message("user", text)])
    } else {
      prompt = try chat.prompt(system + messages(arguments.string("--messages") ?? ""))
    }
    guard !prompt.isEmpty else { throw UsageError(command: Self.self, "the prompt is empty") }
    let clock = ContinuousClock()
    let began = clock.now
    let (text, completion) = answer(chat, generator, prompt, console)
    let seconds = (clock.now - began) / .seconds(1)
    if !console.isJSON { console.print("") }
    var json = JSONObject()
    json["text"] = .string(text)
    json["prompt_tokens"] = .integer(prompt.count)
    json["completion_tokens"] = .integer(completion.tokens.count)
    json["finish_reason"] = .string(completion.finishReason.rawValue)
    json["tokens_per_second"] = .number(Double(completion.tokens.count) / max(seconds, 1e-9))
    try console.json(json)
  }

  /// Streams one answer; bytes that do not yet make a character wait for those that do.
  private static func answer(
    _ chat: ChatModel, _ generator: Generator, _ prompt: [Int32], _ console: Console
  ) -> (String, Generator.Completion) {
    var tokens: [Int32] = []
    var shown = 0
    let completion = generator.complete(
      [prompt],
      onToken: { _, token in
        tokens.append(token)
        let bytes = chat.tokenizer.decode(tokens, skipSpecialTokens: true)
        if UTF8Validation.firstInvalidOffset(in: bytes) == nil, bytes.count > shown {
          console.stream(Array(bytes[shown...]))
          shown = bytes.count
        }
        return true
      })[0]
    let text = String(
      decoding: chat.tokenizer.decode(completion.tokens, skipSpecialTokens: true), as: UTF8.self)
    return (text, completion)
  }

  private static func converse(
    _ chat: ChatModel, _ generator: Generator, _ system: [JSONValue], _ console: Console
  ) throws {
    var history = system
    console.note("one message a line; end with Ctrl-D")
    while true {
      Output.note("> ")
      guard let line = readLine() else { break }
      if line.isEmpty { continue }
      history.append(ChatModel.message("user", line))
      let (text, _) = answer(chat, generator, try chat.prompt(history), console)
      history.append(ChatModel.message("assistant", text))
      console.print("")
    }
  }

  private static func messages(_ path: String) throws -> [JSONValue] {
    let file = try MappedFile(path: path)
    let json: JSONValue
    do {
      json = try file.withBytes { try JSON.parse($0) }
    } catch {
      throw InputError("\(path): \(error)")
    }
    guard let messages = json.arrayValue ?? json["messages"]?.arrayValue, !messages.isEmpty else {
      throw InputError("\(path): expected a JSON array of messages, or an object with \"messages\"")
    }
    return messages
  }
}

/// Input that is not what a command needs: exit code 65.
struct InputError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
