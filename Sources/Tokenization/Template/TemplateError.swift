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
///
/// What is given here is for a short conversation; each character of a longer one adds to it. A template
/// that uses all of it takes about a second and some tens of megabytes.
public struct TemplateLimits: Sendable, Equatable {
  /// Statements and expressions evaluated.
  public var steps = 1_000_000
  /// Code points read and made; a place in a list counts as several.
  public var stringWork = 4 << 20
  /// Nesting of evaluations, including calls of macros.
  public var depth = 400
  /// UTF-8 bytes of the rendered text.
  public var outputBytes = 1 << 20

  /// Makes the default limits, far above what any conversation needs.
  public init() {}

  /// These limits for a conversation of so many characters.
  ///
  /// Templates look at each message some ten times, and write each character about ten times until it
  /// is in its place.
  func scaled(to characterCount: Int) -> TemplateLimits {
    let count = min(characterCount, 1 << 40)
    var limits = self
    limits.steps += 16 * count
    limits.stringWork += 128 * count
    limits.outputBytes += 4 * count
    return limits
  }

  /// The longest string, in code points, and the longest list that a template may build.
  static let longestString = 1 << 20
  static let longestList = 1 << 16
  /// How deep lists, dictionaries and their like may nest.
  static let valueDepth = 200
  /// How many values a list may hold in all, counting one that it holds twice twice.
  static let valueSize = 1 << 20
}

/// What the renderings that tell one conversation's turns apart have used together.
final class TemplateSpending {
  private var steps = 0
  private var stringWork = 0

  /// The renderings of one conversation may use so many times what one of them may.
  private static let shares = 8

  /// What one more rendering may use, `limits` being for one.
  func remaining(of limits: TemplateLimits) -> TemplateLimits {
    var remaining = limits
    remaining.steps = min(limits.steps, max(0, Self.shares * limits.steps - steps))
    remaining.stringWork = min(
      limits.stringWork, max(0, Self.shares * limits.stringWork - stringWork))
    return remaining
  }

  func add(steps: Int, stringWork: Int) {
    self.steps += steps
    self.stringWork += stringWork
  }
}
