import Serialization

/// Splits text into words, the units within which bytes are joined.
///
/// A word is read in the buffer it is found in; nothing is copied but a piece that gets a space put before
/// it.
struct PreTokenizer: Sendable {
  /// A word of a text.
  struct Word {
    /// Its bytes.
    var bytes: UnsafeBufferPointer<UInt8>
    /// The offset in the text of its first byte; one too low if that is a space put before the text.
    var offset: Int
    /// The lowest offset of a byte that is in the text.
    var lowerBound: Int
  }

  private enum Step: Sendable {
    case digits(individual: Bool)
    case split(RegularExpression, SplitBehavior, isInverted: Bool)
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)
  }

  /// The number of steps a tokenizer may have.
  private static let maximumSteps = 32

  private let steps: [Step]
  private let pattern = GPT2Pattern()

  /// Makes a splitter of `steps`, the last of which is byte-level where the alphabet is.
  ///
  /// The rewriting of a metaspace step is ``Metaspace``'s.
  ///
  /// - Throws: ``TokenizerError`` if a step cannot be made or stands in the wrong place.
  init(
    _ steps: [PreTokenizationStep], alphabet: TokenAlphabet = .byteLevel
  ) throws(TokenizerError) {
    guard steps.count <= Self.maximumSteps else {
      throw .malformed(
        component: "pre_tokenizer", expected: "at most \(Self.maximumSteps) steps",
        found: "a list of \(steps.count)")
    }
    var made: [Step] = []
    for (index, step) in steps.enumerated() {
      switch step {
      case .digits(let individual):
        made.append(.digits(individual: individual))
      case .split(let pattern, let behavior, let isInverted):
        made.append(
          .split(try RegularExpression(pattern), behavior, isInverted: isInverted))
      case .metaspace(_, let splits):
        guard alphabet == .spaceMarked, index == 0 else {
          throw .unsupported(
            component: "pre_tokenizer",
            found: index == 0
              ? "Metaspace over a byte-level vocabulary"
              : "a Sequence with Metaspace after another step",
            remedy: "use a model whose Metaspace step is the first and whose tokens are text")
        }
        guard splits else { continue }
        made.append(
          .split(
            try RegularExpression(.literal(TokenAlphabet.spaceMark)), .mergedWithNext,
            isInverted: false))
      case .byteLevel(let addsPrefixSpace, let usesPattern):
        guard index == steps.count - 1, alphabet == .byteLevel else {
          throw .unsupported(
            component: "pre_tokenizer", found: "a Sequence with a step after ByteLevel",
            remedy: "use a model whose ByteLevel step is the last")
        }
        made.append(.byteLevel(addsPrefixSpace: addsPrefixSpace, usesPattern: usesPattern))
      }
    }
    if alphabet == .byteLevel {
      guard case .byteLevel = steps.last else {
        throw .unsupported(
          component: "pre_tokenizer", found: "without a ByteLevel step",
          remedy: "use a model with a byte-level vocabulary")
      }
    }
    self.steps = made
  }

  /// Calls `body` with each word of `text[range]`, in order.
  ///
  /// - Returns: `nil`, or the first failure of a pattern; what it failed on is one word.
  func forEachWord(
    in text: UnsafeBufferPointer<UInt8>, range: Range<Int>, _ body: (Word) -> Void
  ) -> TokenizerError? {
    var failure: TokenizerError?
    apply(0, text, range, &failure, body)
    return failure
  }

  private func apply(
    _ number: Int, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>,
    _ failure: inout TokenizerError?, _ body: (Word) -> Void
  ) {
    guard !range.isEmpty else { return }
    guard number < steps.count else {
      let bytes = UnsafeBufferPointer(rebasing: text[range])
      return body(Word(bytes: bytes, offset: range.lowerBound, lowerBound: range.lowerBound))
    }
    switch steps[number] {
    case .digits(let individual):
      var start = range.lowerBound
      while start < range.upperBound {
        let end = endOfDigits(from: start, individual: individual, in: text, range)
        apply(number + 1, text, start..<end, &failure, body)
        start = end
      }
    case .split(let expression, let behavior, let isInverted):
      guard var parts = expression.parts(of: UnsafeBufferPointer(rebasing: text[range])) else {
        failure = failure ?? .patternTooCostly(pattern: expression.source, offset: range.lowerBound)
        return apply(number + 1, text, range, &failure, body)
      }
      if isInverted {
        for index in parts.indices { parts[index].isMatch.toggle() }
      }
      for piece in behavior.pieces(of: parts) {
        let lowerBound = range.lowerBound + piece.lowerBound
        apply(number + 1, text, lowerBound..<(lowerBound + piece.count), &failure, body)
      }
    case .byteLevel(let addsPrefixSpace, let usesPattern):
      let piece = UnsafeBufferPointer(rebasing: text[range])
      guard addsPrefixSpace, piece.first != UInt8(ascii: " ") else {
        return words(of: piece, offset: range.lowerBound, range.lowerBound, usesPattern, body)
      }
      ([UInt8(ascii: " ")] + piece).withUnsafeBufferPointer {
        words(of: $0, offset: range.lowerBound - 1, range.lowerBound, usesPattern, body)
      }
    }
  }

  private func words(
    of piece: UnsafeBufferPointer<UInt8>, offset: Int, _ lowerBound: Int, _ usesPattern: Bool,
    _ body: (Word) -> Void
  ) {
    var start = 0
    while start < piece.count {
      let end = usesPattern ? pattern.endOfWord(from: start, in: piece) : piece.count
      let bytes = UnsafeBufferPointer(rebasing: piece[start..<end])
      body(Word(bytes: bytes, offset: offset &+ start, lowerBound: lowerBound))
      start = end
    }
  }

  private func endOfDigits(
    from start: Int, individual: Bool, in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> Int {
    func isDigit(_ scalarClass: ScalarClass) -> Bool {
      scalarClass == .number || scalarClass == .newNumber
    }
    let first = ScalarClassTable.shared.character(at: start, in: text)
    if isDigit(first.scalarClass), individual { return first.end }
    var end = first.end
    while end < range.upperBound {
      let next = ScalarClassTable.shared.character(at: end, in: text)
      if isDigit(next.scalarClass) != isDigit(first.scalarClass) { break }
      end = next.end
    }
    return end
  }
}

extension SplitBehavior {
  /// What a step with this behaviour makes of matches and what lies between them.
  ///
  /// The conditions look odd and are the reference's: of neighbouring matches only the first is merged.
  func pieces(of parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
    switch self {
    case .isolated: return parts.map(\.range)
    case .removed: return parts.lazy.filter { !$0.isMatch }.map(\.range)
    case .contiguous: return Self.merged(parts) { $0 == $1 }
    case .mergedWithPrevious: return Self.merged(parts) { isMatch, before in isMatch && !before }
    case .mergedWithNext:
      // The same from the end.
      var pieces: [Range<Int>] = []
      var isAfterMatch = false
      for (range, isMatch) in parts.reversed() {
        if isMatch, !isAfterMatch, let last = pieces.popLast() {
          pieces.append(range.lowerBound..<last.upperBound)
        } else {
          pieces.append(range)
        }
        isAfterMatch = isMatch
      }
      return pieces.reversed()
    }
  }

  private static func merged(
    _ parts: [(range: Range<Int>, isMatch: Bool)], where joins: (Bool, Bool) -> Bool
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var isAfterMatch = false
    for (range, isMatch) in parts {
      if joins(isMatch, isAfterMatch), let last = pieces.popLast() {
        pieces.append(last.lowerBound..<range.upperBound)
      } else {
        pieces.append(range)
      }
      isAfterMatch = isMatch
    }
    return pieces
  }
}
