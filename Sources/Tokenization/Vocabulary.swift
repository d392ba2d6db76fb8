import Serialization

/// A vocabulary: the bytes each id stands for, and the id of each text.
///
/// Keys are bytes, never `String`, whose equality is canonical equivalence: two tokens may differ only in
/// how an accent is composed.
struct Vocabulary: Sendable {
  /// How tokens are written.
  let alphabet: TokenAlphabet
  /// What each id stands for: bytes, of which only those written in the byte-level alphabet are found by them,
  /// or where tokens are text, that text.
  private(set) var table: ByteStringTable
  /// The tokens that are not written in the alphabet, by their text: they stand for it literally.
  private(set) var literals: [[UInt8]: Int32] = [:]

  /// Makes the vocabulary of tokens as ``TokenizerDescription/tokens`` holds them.
  ///
  /// - Throws: ``TokenizerError/malformed(component:expected:found:)`` for a token that is not UTF-8, or if
  ///   there are too many.
  init(
    tokens: [[UInt8]], alphabet: TokenAlphabet = .byteLevel
  ) throws(TokenizerError) {
    self.alphabet = alphabet
    guard tokens.count <= TokenizerDescription.maximumTokens else {
      throw .malformed(
        component: "the vocabulary",
        expected: "at most \(TokenizerDescription.maximumTokens) tokens",
        found: "a list of \(tokens.count)")
    }
    table = ByteStringTable(capacity: tokens.count)
    var scratch: [UInt8] = []
    for (id, text) in tokens.enumerated() {
      scratch.removeAll(keepingCapacity: true)
      if alphabet == .spaceMarked {
        guard UTF8Validation.firstInvalidOffset(in: text) == nil else {
          throw Self.notUTF8(id)
        }
        table.append { storage in
          storage.append(contentsOf: text)
          return !text.isEmpty
        }
      } else if text.withUnsafeBufferPointer({
        ByteLevelAlphabet.appendBytes(ofText: $0, to: &scratch)
      }) {
        table.append { storage in
          storage.append(contentsOf: scratch)
          return !scratch.isEmpty
        }
      } else {
        guard UTF8Validation.firstInvalidOffset(in: text) == nil else {
          throw Self.notUTF8(id)
        }
        table.append { storage in
          storage.append(contentsOf: text)
          return false
        }
        literals[text] = Int32(truncatingIfNeeded: id)
      }
    }
  }

  private static func notUTF8(_ id: Int) -> TokenizerError {
    .malformed(
      component: "token \(id) of the vocabulary", expected: "UTF-8", found: "other bytes")
  }

  /// Appends the bytes that `id`, which is in the vocabulary, stands for in a text.
  func appendBytes(of id: Int, to output: inout [UInt8]) {
    let stored = table.bytes(of: id)
    switch alphabet {
    case .byteLevel: output += stored
    case .spaceMarked: Self.appendBytes(ofText: stored, to: &output)
    }
  }

  /// Appends the bytes that a token written as text stands for.
  static func appendBytes(ofText text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    if let byte = TokenAlphabet.byte(ofToken: text) { return output.append(byte) }
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == TokenAlphabet.spaceMark[0],
        text[index...].starts(with: TokenAlphabet.spaceMark)
      {
        output.append(UInt8(ascii: " "))
        index += TokenAlphabet.spaceMark.count
      } else {
        output.append(text[index])
        index += 1
      }
    }
  }

  /// How many ids there are.
  var count: Int { table.count }

  /// The id of the token that stands for `bytes`, if it is written in the alphabet.
  func id(ofBytes bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    table.number(of: bytes).map { Int32(truncatingIfNeeded: $0) }
  }

  /// The id of the token that stands for `bytes`, if it is written in the alphabet.
  func id(ofBytes bytes: [UInt8]) -> Int32? {
    bytes.withUnsafeBufferPointer { id(ofBytes: $0) }
  }

  /// The id of the token whose text, as the vocabulary writes it, is `text`.
  func id(ofText text: some Collection<UInt8>) -> Int32? {
    let text = Array(text)
    if alphabet == .spaceMarked { return id(ofBytes: text) }
    var bytes: [UInt8] = []
    let isAlphabetic = text.withUnsafeBufferPointer {
      ByteLevelAlphabet.appendBytes(ofText: $0, to: &bytes)
    }
    return isAlphabetic ? id(ofBytes: bytes) : literals[text]
  }

  /// Appends what the token written `text` is found by.
  ///
  /// - Returns: Whether it is in the table at all; if not, it is one of the ``literals``.
  private func appendKey(
    of text: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]
  ) -> Bool {
    guard alphabet == .byteLevel else {
      output.append(contentsOf: text)
      return true
    }
    return ByteLevelAlphabet.appendBytes(ofText: text, to: &output)
  }

  /// The rule that joins the tokens written `left` and `right`; `number` is its line, from 1.
  ///
  /// - Parameter scratch: Room for the bytes of both, so that a list of rules is read without allocating.
  /// - Throws: ``TokenizerError/unknownTokenInMerge(merge:token:)``.
  func rule(
    number: Int, left: UnsafeBufferPointer<UInt8>, right: UnsafeBufferPointer<UInt8>,
    scratch: inout [UInt8]
  ) throws(TokenizerError) -> MergeRule {
    scratch.removeAll(keepingCapacity: true)
    let isLeftFound = appendKey(of: left, to: &scratch)
    let middle = scratch.count
    var ids: (left: Int32?, right: Int32?, result: Int32?)
    if isLeftFound, appendKey(of: right, to: &scratch) {
      scratch.withUnsafeBufferPointer { bytes in
        ids.left = id(ofBytes: UnsafeBufferPointer(rebasing: bytes[..<middle]))
        ids.right = id(ofBytes: UnsafeBufferPointer(rebasing: bytes[middle...]))
        ids.result = id(ofBytes: bytes)
      }
    } else {
      ids = (id(ofText: left), id(ofText: right), id(ofText: Array(left) + Array(right)))
    }
    guard let leftID = ids.left, let rightID = ids.right, let result = ids.result else {
      let missing =
        ids.left == nil
        ? Array(left) : ids.right == nil ? Array(right) : Array(left) + Array(right)
      throw .unknownTokenInMerge(merge: number, token: String(decoding: missing, as: UTF8.self))
    }
    return MergeRule(left: leftID, right: rightID, result: result)
  }

  /// The rule written `left right`, the two separated by one space.
  ///
  /// - Throws: ``TokenizerError/unknownTokenInMerge(merge:token:)`` and
  ///   ``TokenizerError/malformed(component:expected:found:)``.
  func rule(
    number: Int, line: UnsafeBufferPointer<UInt8>, scratch: inout [UInt8]
  ) throws(TokenizerError) -> MergeRule {
    let space = UInt8(ascii: " ")
    guard let middle = line.dropFirst().firstIndex(of: space), middle + 1 < line.count else {
      throw .malformed(
        component: "merge \(number) of the tokenizer", expected: "two tokens separated by a space",
        found: "\"\(String(decoding: line, as: UTF8.self))\"")
    }
    return try rule(
      number: number, left: UnsafeBufferPointer(rebasing: line[..<middle]),
      right: UnsafeBufferPointer(rebasing: line[(middle + 1)...]), scratch: &scratch)
  }

  /// The rule in which the two tokens stand by themselves.
  ///
  /// - Throws: ``TokenizerError/unknownTokenInMerge(merge:token:)``.
  func rule(
    number: Int, left: [UInt8], right: [UInt8], scratch: inout [UInt8]
  ) throws(TokenizerError) -> MergeRule {
    try left.withUnsafeBufferPointer { left throws(TokenizerError) in
      try right.withUnsafeBufferPointer { right throws(TokenizerError) in
        try rule(number: number, left: left, right: right, scratch: &scratch)
      }
    }
  }

  /// The rule written `left right`, the two separated by one space.
  ///
  /// - Throws: ``TokenizerError/unknownTokenInMerge(merge:token:)`` and
  ///   ``TokenizerError/malformed(component:expected:found:)``.
  func rule(
    number: Int, line: [UInt8], scratch: inout [UInt8]
  ) throws(TokenizerError) -> MergeRule {
    try line.withUnsafeBufferPointer { line throws(TokenizerError) in
      try rule(number: number, line: line, scratch: &scratch)
    }
  }
}
