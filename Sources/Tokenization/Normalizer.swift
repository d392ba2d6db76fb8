import Serialization

/// Rewrites text before it is split into words.
struct Normalizer: Sendable {
  private enum Step: Sendable {
    case prepend([UInt8])
    case replace(RegularExpression, with: [UInt8])
    case canonicalComposition
  }

  /// The number of steps a tokenizer may have.
  private static let maximumSteps = 32
  /// The largest number of bytes a step may put in one place.
  private static let longestReplacement = 64

  private let steps: [Step]

  /// Whether text stays as it is.
  var isEmpty: Bool { steps.isEmpty }

  /// Makes a normaliser of `steps`.
  ///
  /// - Throws: ``TokenizerError`` if there are too many or one cannot be made.
  init(_ steps: [NormalizationStep]) throws(TokenizerError) {
    guard steps.count <= Self.maximumSteps else {
      throw .malformed(
        component: "normalizer", expected: "at most \(Self.maximumSteps) steps",
        found: "a list of \(steps.count)")
    }
    var made: [Step] = []
    for step in steps {
      switch step {
      case .prepend(let text):
        made.append(.prepend(try Self.checked(text)))
      case .replace(let pattern, let text):
        made.append(.replace(try RegularExpression(pattern), with: try Self.checked(text)))
      case .canonicalComposition:
        made.append(.canonicalComposition)
      }
    }
    self.steps = made
  }

  private static func checked(_ text: [UInt8]) throws(TokenizerError) -> [UInt8] {
    guard text.count <= longestReplacement, UTF8Validation.firstInvalidOffset(in: text) == nil
    else {
      throw .malformed(
        component: "normalizer", expected: "putting UTF-8 of at most \(longestReplacement) bytes",
        found: "putting \(text.count) bytes")
    }
    return text
  }

  /// Rewrites `text`.
  ///
  /// - Returns: `nil`, or the first failure of a pattern; that step is left out.
  func apply(to text: inout AlignedText) -> TokenizerError? {
    var failure: TokenizerError?
    // Steps that each make one letter many would fill any memory.
    let limit = 64 * text.bytes.count + 4096
    for step in steps where !text.bytes.isEmpty {
      switch step {
      case .prepend(let prefix):
        text.replace([(0..<0, prefix)])
      case .replace(let pattern, let replacement):
        let parts = text.bytes.withUnsafeBufferPointer { pattern.parts(of: $0) }
        let edits = parts?.filter(\.isMatch).map { (range: $0.range, with: replacement) }
        guard let edits, text.bytes.count + edits.count * replacement.count <= limit else {
          failure =
            failure ?? .patternTooCostly(pattern: pattern.source, offset: text.offsets[0])
          continue
        }
        text.replace(edits)
      case .canonicalComposition:
        let composition = CanonicalComposition.shared
        text.replace(text.bytes.withUnsafeBufferPointer { composition.edits($0) })
      }
    }
    return failure
  }

  /// The bytes that `content` is rewritten to.
  func normalized(_ content: [UInt8]) -> [UInt8] {
    var text = content.withUnsafeBufferPointer { AlignedText($0, range: 0..<content.count) }
    _ = apply(to: &text)
    return text.bytes
  }
}

/// Writes spaces as marks, and may put one before the text.
struct Metaspace: Sendable {
  let prefixSpace: PrefixSpace

  private static let space = UInt8(ascii: " ")

  /// Rewrites `text`.
  func apply(to text: inout AlignedText) {
    let mark = TokenAlphabet.spaceMark
    var edits = text.bytes.indices.filter { text.bytes[$0] == Self.space }
      .map { (range: $0..<($0 + 1), with: mark) }
    let startsWithMark = text.bytes.first == Self.space || text.bytes.starts(with: mark)
    let prepends =
      switch prefixSpace {
      case .always: true
      case .first: text.offsets[0] == 0
      case .never: false
      }
    if prepends, !startsWithMark, !text.bytes.isEmpty { edits.insert((0..<0, mark), at: 0) }
    text.replace(edits)
  }
}
