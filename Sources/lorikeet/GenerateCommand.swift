import Datasets
import Inference
import ModelFiles
import Retrieval
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
    ModelSelection.flags + SamplingFlags.all + [
      Flag(
        name: "--prompt", value: "TEXT", help: "one user message, put through the chat template"),
      Flag(
        name: "--messages", value: "FILE", help: "a JSON array of messages, or an object with one"),
      Flag(name: "--chat", value: nil, help: "a conversation, as lorikeet chat"),
      Flag(
        name: "--input", value: "FILE",
        help: "JSONL with a prompt or messages a line, answered line by line to --output"),
      Flag(
        name: "--output", value: "FILE",
        help: "JSONL of answers; goes on behind the lines that are there"),
      Flag(name: "--system", value: "TEXT", help: "a system message to begin with"),
      Flag(name: "--raw", value: nil, help: "the prompt is plain text to be continued"),
    ] + RetrievedPrompt.flags + PassageSearch.flags
  static let example =
    "lorikeet generate --model model.gguf --prompt \"What is the capital of France?\""

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let sources = ["--prompt", "--messages", "--chat", "--input"].filter(arguments.has)
    guard sources.count == 1 else {
      throw UsageError(
        command: Self.self, "give one of --prompt, --messages, --chat and --input")
    }
    guard arguments.has("--input") == arguments.has("--output") else {
      throw UsageError(command: Self.self, "--input and --output go together")
    }
    let retrieved = try RetrievedPrompt(arguments, console)
    let chat = try ModelSelection(arguments).open(console)
    let generator = try SamplingFlags.generator(arguments, chat)
    let system = arguments.string("--system").map { [ChatModel.message("system", $0)] } ?? []

    if arguments.has("--chat") {
      try ChatConversation(chat, generator, system: arguments.string("--system"), console).run()
      return
    }
    if let input = arguments.string("--input"), let output = arguments.string("--output") {
      try console.json(
        try GenerateBatch.run(
          input: input, output: output, chat, generator, system: system,
          isRaw: arguments.has("--raw"), console))
      return
    }
    let prompt: [Int32]
    var passages: PassagePrompt?
    if let retrieved {
      let fitted = try retrieved.fitted(
        to: chat, system: arguments.string("--system"), maxTokens: generator.maxTokens, console)
      (passages, prompt) = (fitted.prompt, fitted.tokens)
    } else if let text = arguments.string("--prompt") {
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
    let (text, completion) = chat.streamAnswer(generator, prompt, console)
    let seconds = (clock.now - began) / .seconds(1)
    if !console.isJSON { console.print("") }
    if let passages { RetrievedPrompt.printCitations(passages, console) }
    var json = JSONObject()
    json["text"] = .string(text)
    json["prompt_tokens"] = .integer(prompt.count)
    json["completion_tokens"] = .integer(completion.tokens.count)
    json["finish_reason"] = .string(completion.finishReason.rawValue)
    json["tokens_per_second"] = .number(Double(completion.tokens.count) / max(seconds, 1e-9))
    if let passages { json["passages"] = RetrievedPrompt.json(passages, answer: text) }
    try console.json(json)
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
