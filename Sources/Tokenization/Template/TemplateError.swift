/// Why a chat template could not be read, rendered, or told which of its text is the assistant's.
public enum TemplateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The template's source is not well formed.
  case syntax(line: Int, message: String)
  /// The template uses something of Jinja that chat templates do not get here.
  case unsupported(line: Int, construct: String)
  /// Rendering stopped at an operation its values do not allow.
  case runtime(line: Int, message: String)
  /// The template itself refused the conversation, by `raise_exception`.
  case raised(line: Int, message: String)
  /// Rendering took more steps, depth or memory than is granted.
  case limitExceeded(line: Int, limit: String)
  /// A message is not what a conversation is made of.
  case invalidMessage(index: Int, reason: String)
  /// The text of an assistant turn cannot be told from its surroundings.
  case unclearTurn(messageIndex: Int, reason: String)

  /// One sentence: what, on which line or in which message, and what to do.
  public var description: String {
    switch self {
    case .syntax(let line, let message):
      "chat template, line \(line): \(message); correct the template"
    case .unsupported(let line, let construct):
      "chat template, line \(line): \(construct) is not supported; rewrite that line without it"
    case .runtime(let line, let message):
      "chat template, line \(line): \(message); the template and the messages do not fit each other"
    case .raised(let line, let message):
      "the chat template refuses this conversation (its line \(line)): \(message)"
    case .limitExceeded(let line, let limit):
      "chat template, line \(line): rendering exceeds \(limit); "
        + "shorten the conversation or the template"
    case .invalidMessage(let index, let reason):
      "message \(index) of the conversation \(reason); give each message as an object with a role"
    case .unclearTurn(let messageIndex, let reason):
      "message \(messageIndex): cannot tell which text the assistant wrote: \(reason); "
        + "mark it in the template with {% generation %} and {% endgeneration %}"
    }
  }
}

/// What stops an evaluation, before the interpreter adds the line it happened on.
struct TemplateFault: Error {
  enum Kind {
    case runtime, raised, unsupported, limit
  }

  let kind: Kind
  let message: String

  init(_ message: String, kind: Kind = .runtime) {
    self.kind = kind
    self.message = message
  }

  static func unsupported(_ construct: String) -> TemplateFault {
    TemplateFault(construct, kind: .unsupported)
  }

  static func limit(_ limit: String) -> TemplateFault {
    TemplateFault(limit, kind: .limit)
  }

  func error(line: Int) -> TemplateError {
    switch kind {
    case .runtime: .runtime(line: line, message: message)
    case .raised: .raised(line: line, message: message)
    case .unsupported: .unsupported(line: line, construct: message)
    case .limit: .limitExceeded(line: line, limit: message)
    }
  }
}

/// How much one rendering may use, so that no template can hang or exhaust the process.
public struct TemplateLimits: Sendable, Equatable {
  /// Statements and expressions evaluated.
  public var steps = 20_000_000
  /// Code points read and made by string operations.
  public var stringWork = 1 << 30
  /// Nesting of evaluations, including calls of macros.
  public var depth = 400
  /// UTF-8 bytes of the rendered text.
  public var outputBytes = 32 << 20

  /// Makes the default limits, far above what any conversation needs.
  public init() {}

  /// The longest string, in code points, and the longest list that a template may build.
  static let longestString = 8 << 20
  static let longestList = 1 << 20
  /// How deep lists, dictionaries and their like may nest.
  static let valueDepth = 200
  /// How many values a list may hold in all, counting one that it holds twice twice.
  static let valueSize = 4 << 20
}
