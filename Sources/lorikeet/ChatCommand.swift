import CausalLM
import Inference
import Serialization
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet chat`.
enum ChatCommand: Command {
  static let name = "chat"
  static let summary = "a conversation with a model, with or without its adapter"
  static let positional: [String] = []
  static let flags =
    ModelSelection.flags + SamplingFlags.all + [
      Flag(name: "--system", value: "TEXT", help: "a system message to begin with")
    ]
  static let example = "lorikeet chat --run runs/support"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let chat = try ModelSelection(arguments).open(console)
    let generator = try SamplingFlags.generator(arguments, chat)
    let conversation = ChatConversation(
      chat, generator, system: arguments.string("--system"), console)
    try conversation.run()
  }
}

/// The flags that say how tokens are chosen.
enum SamplingFlags {
  static let all = [
    Flag(name: "--max-tokens", value: "N", help: "most tokens of an answer; default 256"),
    Flag(
      name: "--temperature", value: "X", help: "0, the default, always takes the likeliest token"),
    Flag(name: "--top-k", value: "N", help: "consider this many tokens; default all"),
    Flag(name: "--top-p", value: "X", help: "consider tokens up to this probability; default 1"),
    Flag(name: "--seed", value: "N", help: "seed of sampling; default 42"),
  ]

  static func generator(_ arguments: Arguments, _ chat: ChatModel) throws -> Generator {
    let sampling = Sampling(
      temperature: try arguments.number("--temperature") ?? 0,
      topK: try arguments.integer("--top-k") ?? 0,
      topP: try arguments.number("--top-p") ?? 1,
      seed: UInt64(try arguments.integer("--seed") ?? 42))
    return Generator(
      model: chat.model, stopTokens: chat.stopTokens(), sampling: sampling,
      maxTokens: try arguments.integer("--max-tokens") ?? 256)
  }
}

/// A conversation on standard input: messages, and commands that begin with a slash.
final class ChatConversation {
  private let chat: ChatModel
  private let generator: Generator
  private let console: Console
  private var system: String?
  private var history: [JSONValue] = []
  private var usesAdapter = true

  init(_ chat: ChatModel, _ generator: Generator, system: String?, _ console: Console) {
    self.chat = chat
    self.generator = generator
    self.system = system
    self.console = console
  }

  private static let help = """
    a line is a message; besides
      /system [TEXT]    sets the system message, or removes it, and begins anew
      /adapter on|off   answers with the adapter, or as the base does
      /diff             answers the last message both ways, one after the other
      /reset            begins anew
      /help             this text
      /quit             ends, as Ctrl-D does
    """

  /// Reads standard input to its end.
  func run() throws {
    console.note("one message a line; /help says more, Ctrl-D ends")
    while true {
      Output.note("> ")
      guard let line = readLine() else { break }
      if line.isEmpty { continue }
      if line.hasPrefix("/") {
        guard try obey(line) else { break }
      } else {
        try say(line)
      }
    }
    if isatty(0) != 0 { Output.note("\n") }
  }

  private var messages: [JSONValue] {
    (system.map { [ChatModel.message("system", $0)] } ?? []) + history
  }

  private func say(_ text: String) throws {
    history.append(ChatModel.message("user", text))
    let answer = try self.answer(messages, withAdapter: usesAdapter)
    history.append(ChatModel.message("assistant", answer))
  }

  /// Streams one answer and ends its line.
  private func answer(_ messages: [JSONValue], withAdapter: Bool) throws -> String {
    let prompt = try chat.prompt(messages)
    let limit = chat.model.configuration.maximumPositions
    guard prompt.count < limit else {
      throw InputError(
        "the conversation has \(prompt.count) tokens, and the model reads \(limit); begin anew with /reset"
      )
    }
    func stream() -> String { chat.streamAnswer(generator, prompt, console).text }
    let text = withAdapter ? stream() : chat.model.withoutAdapter(stream)
    console.print("")
    return text
  }

  /// Follows a command; false ends the conversation.
  private func obey(_ line: String) throws -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    let rest = words.count > 1 ? words[1] : ""
    switch words[0] {
    case "/system":
      system = rest.isEmpty ? nil : rest
      history = []
      console.note(rest.isEmpty ? "no system message" : "system message set")
    case "/adapter":
      guard chat.model.adapter != nil else {
        console.note("there is no adapter; start with --adapter or --run")
        break
      }
      guard rest == "on" || rest == "off" else {
        console.note(
          "the adapter is \(usesAdapter ? "on" : "off"); say /adapter on or /adapter off")
        break
      }
      usesAdapter = rest == "on"
      console.note("the adapter is \(rest)")
    case "/diff": try compare()
    case "/reset":
      history = []
      console.note("begun anew")
    case "/help": console.note(Self.help)
    case "/quit", "/exit": return false
    default:
      let known = ["/system", "/adapter", "/diff", "/reset", "/help", "/quit"]
      console.note("unknown command \(words[0])\(Nearest.suggestion(for: words[0], among: known))")
    }
    return true
  }

  private func compare() throws {
    guard chat.model.adapter != nil else {
      console.note("there is no adapter to compare with; start with --adapter or --run")
      return
    }
    guard let last = history.lastIndex(where: { $0["role"]?.stringValue == "user" }) else {
      console.note("say something first")
      return
    }
    let asked = (system.map { [ChatModel.message("system", $0)] } ?? []) + history[...last]
    console.print("── base")
    _ = try answer(asked, withAdapter: false)
    console.print("── tuned")
    _ = try answer(asked, withAdapter: true)
  }
}

extension ChatModel {
  /// Streams one answer; bytes that do not yet make a character wait for those that do.
  func streamAnswer(_ generator: Generator, _ prompt: [Int32], _ console: Console) -> (
    text: String, completion: Generator.Completion
  ) {
    var stream = TextStream(tokenizer)
    let completion = generator.complete(
      [prompt],
      onToken: { _, token in
        console.stream(Array(stream.append(token).utf8))
        return true
      })[0]
    console.stream(Array(stream.finish().utf8))
    let text = String(
      decoding: tokenizer.decode(completion.tokens, skipSpecialTokens: true), as: UTF8.self)
    return (text, completion)
  }
}
