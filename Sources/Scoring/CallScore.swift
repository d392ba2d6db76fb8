internal import Serialization

/// Whether an answer calls what the reference calls, told by the arguments that identify it.
///
/// Of an answer only its first call of the reference's function counts: who names several may not have the best of
/// them. Values are compared whole, so that `vgg11` is not `vgg11_bn`, and an argument that one of the two leaves out
/// must be left out by the other.
public struct CallScore: Sendable, Equatable {
  /// A call that there is.
  public struct KnownCall: Sendable, Equatable {
    /// The call.
    public let call: CallExpression
    /// What it belongs to, such as its domain; nil for nothing.
    public let group: String?

    /// Describes a call.
    public init(call: CallExpression, group: String? = nil) {
      self.call = call
      self.group = group
    }
  }

  /// What an answer's call is.
  public struct Judgement: Sendable, Equatable {
    /// Whether it has the reference's values.
    public var isExact: Bool
    /// Whether it has some known call's values; nil where no call is known.
    ///
    /// False for an answer without a call, too: a hallucination, as the Gorilla paper counts.
    public var isKnown: Bool?
    /// Whether it is in the reference's group by the loose measure of the Gorilla and RAFT papers; nil where the
    /// reference is in none.
    ///
    /// The call is taken for the first known one, all of whose argument values occur somewhere in its text, as parts
    /// of longer words, too.
    public var isInGroup: Bool?
  }

  /// Names of the arguments that identify a call, in the order in which the function takes them, from its first.
  public let arguments: [String]
  /// The calls that there are; empty where that is not known.
  public let known: [KnownCall]
  private let identities: Set<[String?]>

  /// Describes what calls are told by.
  public init(arguments: [String], known: [KnownCall] = []) {
    self.arguments = arguments
    self.known = known
    identities = Set(known.map { Self.identity(of: $0.call, by: arguments) })
  }

  /// Reads known calls, one a line: `{"call": "f(a='x')", "group": "g"}`, the group optional.
  ///
  /// - Throws: ``ScoringError/badKnownCall(path:line:problem:)``.
  public init(arguments: [String], knownCalls bytes: [UInt8], path: String) throws(ScoringError) {
    var known: [KnownCall] = []
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
      func problem(_ text: String) -> ScoringError {
        .badKnownCall(path: path, line: index + 1, problem: text)
      }
      let value: JSONValue
      do { value = try JSON.parse(Array(line)) } catch { throw problem(error.message) }
      guard let text = value["call"]?.stringValue else {
        throw problem("there is no \"call\" with a text")
      }
      guard let call = CallExpression(in: text) else {
        throw problem("\"call\" is no call of the form name(argument=value)")
      }
      known.append(KnownCall(call: call, group: value["group"]?.stringValue))
    }
    self.init(arguments: arguments, known: known)
  }

  /// The values of the arguments that identify a call; nil for each that it leaves out.
  public func identity(of call: CallExpression) -> [String?] {
    Self.identity(of: call, by: arguments)
  }

  private static func identity(of call: CallExpression, by arguments: [String]) -> [String?] {
    // `*list` and `**object` stand for nobody knows which.
    let placed = call.arguments.filter { $0.name == nil && !$0.value.hasPrefix("*") }
    return arguments.enumerated().map { index, name in
      call.arguments.first { $0.name == name }?.value
        ?? (index < placed.count ? placed[index].value : nil)
    }
  }

  /// Judges an answer; nil where the reference calls nothing.
  public func judge(answer: String, reference: String) -> Judgement? {
    guard let wanted = CallExpression(in: reference) else { return nil }
    let call = CallExpression(in: answer, named: wanted.name)
    let identity = call.map(self.identity)
    let own = self.identity(of: wanted)
    let group = (known.first { self.identity(of: $0.call) == own } ?? loosely(wanted))?.group
    return Judgement(
      isExact: identity == own,
      isKnown: known.isEmpty ? nil : identity.map(identities.contains) ?? false,
      isInGroup: group.map { group in call.flatMap(loosely)?.group == group })
  }

  /// The first known call, all of whose values occur in the text of `call`.
  private func loosely(_ call: CallExpression) -> KnownCall? {
    known.first { known in
      known.call.name == call.name && !known.call.arguments.isEmpty
        && known.call.arguments.allSatisfy { call.text.contains($0.value) }
    }
  }
}
