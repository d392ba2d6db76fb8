internal import Serialization

/// How an answer compares with the reference: exact text, and where the reference is JSON, its parts.
public struct AnswerScore: Sendable, Equatable {
  /// Whether the texts are the same, leading and trailing white space aside.
  public var isExact: Bool
  /// Whether the answer is JSON, where the reference is; else nil.
  public var isValidJSON: Bool?
  /// Whether it is the reference's JSON value, whatever the order of keys and white space.
  public var isExactJSON: Bool?
  /// The share of the reference object's members that the answer has with the same value.
  public var fieldAccuracy: Double?

  /// Scores an answer.
  public init(answer: String, reference: String) {
    let (answer, reference) = (Self.trimmed(answer), Self.trimmed(reference))
    isExact = answer.utf8.elementsEqual(reference.utf8)
    guard let expected = try? JSON.parse(reference),
      expected.objectValue != nil || expected.arrayValue != nil
    else { return }
    let found = try? JSON.parse(answer)
    isValidJSON = found != nil
    isExactJSON = found.map { Self.isEqual($0, expected) } ?? false
    if let fields = expected.objectValue, fields.count > 0 {
      let object = found?.objectValue
      let right = fields.members.count { member in
        object?[member.key].map { Self.isEqual($0, member.value) } ?? false
      }
      fieldAccuracy = Double(right) / Double(fields.count)
    }
  }

  /// Equality of JSON values: objects regardless of order.
  private static func isEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
    switch (a, b) {
    case (.object(let a), .object(let b)):
      a.count == b.count
        && a.members.allSatisfy { member in b[member.key].map { isEqual(member.value, $0) } ?? false
        }
    case (.array(let a), .array(let b)):
      a.count == b.count && zip(a, b).allSatisfy { isEqual($0, $1) }
    default: a == b
    }
  }

  private static func trimmed(_ text: String) -> String {
    let space: Set<Unicode.Scalar> = [" ", "\t", "\n", "\r"]
    var scalars = text.unicodeScalars[...]
    while let first = scalars.first, space.contains(first) { scalars.removeFirst() }
    while let last = scalars.last, space.contains(last) { scalars.removeLast() }
    return String(scalars)
  }
}
