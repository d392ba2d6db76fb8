import Serialization

/// A token of a text, and the bytes it came from.
public struct TokenSpan: Sendable, Equatable {
  /// The token's id.
  public var id: Int32
  /// Its bytes in the text.
  ///
  /// A token may end within a character.
  public var range: Range<Int>

  /// Makes a span.
  public init(id: Int32, range: Range<Int>) {
    self.id = id
    self.range = range
  }
}

/// A byte-level byte-pair encoding: text to ids and back.
///
/// Immutable, so any number of threads may use one at a time. Words that are single tokens are found by one
/// look-up; which tokens the rules can reach is worked out once, so there is no cache to lock or to bound.
///
/// - SeeAlso: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
public final class Tokenizer: Sendable {
  /// What the tokenizer was made of.
  public let description: TokenizerDescription
  /// How many ids there are: one more than the highest.
  public let vocabularySize: Int
  /// The bytes that can occur in UTF-8 and for which the vocabulary has no token.
  ///
  /// Encoding leaves them out, as the reference does. SmolLM2 lacks six control characters and the lead
  /// bytes of planes in which no character is assigned.
  public let missingBytes: [UInt8]

  private let vocabulary: Vocabulary
  private let merger: BytePairMerger
  private let preTokenizer: PreTokenizer
  private let firstMatcher: AddedTokenMatcher
  private let secondMatcher: AddedTokenMatcher
  /// The token of each single byte, or -1.
  private let byteTokens: [Int32]
  private let traits: [Traits]
  private let addedIndexOfID: [Int32: Int]
  private let addedIDOfContent: [[UInt8]: Int32]

  private struct Traits: OptionSet {
    var rawValue: UInt8
    /// A sign to the model and no text.
    static let special = Traits(rawValue: 1)
    /// In the list of added tokens.
    static let added = Traits(rawValue: 2)
    /// The rules make this token of its bytes.
    static let reachable = Traits(rawValue: 4)
  }

  /// Makes the tokenizer that `description` describes.
  ///
  /// - Throws: ``TokenizerError`` if a token is not UTF-8, an id lies outside the vocabulary, or a
  ///   pre-tokenisation step is not supported.
  public init(_ description: TokenizerDescription) throws(TokenizerError) {
    let vocabulary = try Vocabulary(tokens: description.tokens)
    let size = try description.validatedVocabularySize()
    let merger = BytePairMerger(table: MergeTable(description.merges))
    preTokenizer = try PreTokenizer(description.preTokenization)
    firstMatcher = AddedTokenMatcher(description.addedTokens, normalized: false)
    secondMatcher = AddedTokenMatcher(description.addedTokens, normalized: true)

    byteTokens = (0...255).map { vocabulary.id(ofBytes: [UInt8($0)]) ?? -1 }
    let byteTokens = byteTokens
    missingBytes = (UInt8(0)...0xF4).filter { $0 != 0xC0 && $0 != 0xC1 && byteTokens[Int($0)] < 0 }

    var traits = [Traits](repeating: [], count: size)
    var symbols: [Symbol] = []
    for id in 0..<vocabulary.count {
      symbols.removeAll(keepingCapacity: true)
      let bytes = vocabulary.table.bytes(of: id)
      for byte in bytes {
        let token = byteTokens[Int(byte)]
        if token < 0 { break }
        symbols.append(Symbol(id: token, length: 1))
      }
      guard symbols.count == bytes.count else { continue }
      merger.merge(&symbols)
      if symbols.count == 1, symbols[0].id == Int32(truncatingIfNeeded: id) {
        traits[id].insert(.reachable)
      }
    }

    var addedIndexOfID: [Int32: Int] = [:]
    var addedIDOfContent: [[UInt8]: Int32] = [:]
    for (index, token) in description.addedTokens.enumerated() {
      guard addedIDOfContent[token.content] == nil else { continue }
      addedIndexOfID[token.id] = index
      addedIDOfContent[token.content] = token.id
      traits[Int(token.id)].insert(token.isSpecial ? [.added, .special] : .added)
    }

    self.description = description
    self.vocabulary = vocabulary
    self.merger = merger
    self.traits = traits
    self.addedIndexOfID = addedIndexOfID
    self.addedIDOfContent = addedIDOfContent
    vocabularySize = size
  }

  /// The id that begins a text, if the model has one.
  public var beginningOfSequence: Int32? { description.specialTokens.beginningOfSequence }

  /// The id that ends a text, if the model has one.
  public var endOfSequence: Int32? { description.specialTokens.endOfSequence }

  /// The id of a token as the vocabulary writes it (`Ġthe`), or of an added token (`<|im_end|>`).
  public func id(of token: String) -> Int32? {
    addedIDOfContent[Array(token.utf8)] ?? vocabulary.id(ofText: token.utf8)
  }

  /// The bytes that `id` stands for in a text; none for an id outside the vocabulary.
  public func bytes(of id: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    appendBytes(of: id, to: &bytes)
    return bytes
  }

  /// Whether `id` is a sign to the model, such as an end of turn, and not part of the text.
  public func isSpecial(_ id: Int32) -> Bool {
    traits.indices.contains(Int(id)) && traits[Int(id)].contains(.special)
  }

  // MARK: Encoding

  /// The tokens of `text`.
  ///
  /// Added tokens written in the text are recognised: chat templates rely on it, and whoever encodes text of
  /// strangers should know it. Should a pattern of a hostile `tokenizer.json` exceed its step limit, the
  /// piece it failed on is one word; ``encode(_:addSpecialTokens:)-(_,_)`` of bytes throws instead.
  ///
  /// - Parameters:
  ///   - text: Any text; an empty one has no tokens.
  ///   - addSpecialTokens: Whether to put the model's own prefix and suffix around it.
  /// - Complexity: O(n log n) in the length of the longest word, O(n) in the number of words.
  public func encode(_ text: String, addSpecialTokens: Bool = false) -> [Int32] {
    var text = text
    var sink = IDSink()
    if addSpecialTokens { sink.ids = description.prefix }
    _ = text.withUTF8 { encode($0, into: &sink) }
    if addSpecialTokens { sink.ids += description.suffix }
    return sink.ids
  }

  /// The tokens of `bytes`, which must be UTF-8.
  ///
  /// - Throws: ``TokenizerError/invalidUTF8(offset:)``, or
  ///   ``TokenizerError/patternTooCostly(pattern:offset:)``.
  public func encode(
    _ bytes: [UInt8], addSpecialTokens: Bool = false
  ) throws(TokenizerError) -> [Int32] {
    if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
      throw .invalidUTF8(offset: offset)
    }
    var sink = IDSink()
    if addSpecialTokens { sink.ids = description.prefix }
    if let failure = bytes.withUnsafeBufferPointer({ encode($0, into: &sink) }) { throw failure }
    if addSpecialTokens { sink.ids += description.suffix }
    return sink.ids
  }

  /// The tokens of `text` with the bytes each came from.
  ///
  /// The ranges are in order and do not overlap. They cover the text but for ``missingBytes``, what a
  /// `Removed` split leaves out, and nothing else.
  public func encodeWithOffsets(_ text: String) -> [TokenSpan] {
    var text = text
    var sink = SpanSink()
    _ = text.withUTF8 { encode($0, into: &sink) }
    return sink.spans
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, into sink: inout some TokenSink
  ) -> TokenizerError? {
    sink.reserve(text.count / 4)
    var symbols: [Symbol] = []
    var failure: TokenizerError?
    for part in parts(of: text) {
      if let index = part.token {
        sink.append(description.addedTokens[index].id, part.range)
        continue
      }
      let failed = preTokenizer.forEachWord(in: text, range: part.range) { word in
        encode(word, into: &sink, &symbols)
      }
      failure = failure ?? failed
    }
    return failure
  }

  private func parts(of text: UnsafeBufferPointer<UInt8>) -> [AddedTokenMatcher.Part] {
    let whole = AddedTokenMatcher.Part(token: nil, range: 0..<text.count)
    var parts = [whole]
    for matcher in [firstMatcher, secondMatcher] where !matcher.isEmpty {
      var refined: [AddedTokenMatcher.Part] = []
      for part in parts {
        if part.token == nil {
          matcher.appendParts(of: part.range, in: text, to: &refined)
        } else {
          refined.append(part)
        }
      }
      parts = refined
    }
    return parts
  }

  @inline(__always)
  private func encode(
    _ word: PreTokenizer.Word, into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) {
    if let id = vocabulary.id(ofBytes: word.bytes),
      traits[Int(id)].contains(.reachable) || description.ignoresMergesForWholeTokens
    {
      let end = word.offset &+ word.bytes.count
      return sink.append(id, max(word.offset, word.lowerBound)..<end)
    }

    symbols.removeAll(keepingCapacity: true)
    var gap = 0
    var isAfterUnknown = false
    for byte in word.bytes {
      let token = byteTokens[Int(byte)]
      if token >= 0 {
        symbols.append(Symbol(id: token, length: 1, gap: gap))
        gap = 0
        isAfterUnknown = false
      } else if let unknown = description.unknownByteToken {
        if isAfterUnknown, description.fusesUnknownBytes {
          symbols[symbols.count &- 1].length &+= 1
        } else {
          symbols.append(Symbol(id: unknown, length: 1))
        }
        isAfterUnknown = true
      } else {
        gap &+= 1
      }
    }
    merger.merge(&symbols)

    var start = word.offset
    for symbol in symbols {
      start &+= symbol.gap
      let end = start &+ symbol.length
      sink.append(symbol.id, max(start, word.lowerBound)..<max(end, word.lowerBound))
      start = end
    }
  }

  // MARK: Decoding

  /// The bytes that `ids` stand for: of encoded text exactly its bytes, but for ``missingBytes``.
  ///
  /// They need not be UTF-8 when `ids` end within a character. Ids outside the vocabulary stand for nothing.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ids.count * 4)
    for id in ids where !(skipSpecialTokens && isSpecial(id)) { appendBytes(of: id, to: &bytes) }
    return bytes
  }

  private func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
    guard traits.indices.contains(Int(id)) else { return }
    if traits[Int(id)].contains(.added), let index = addedIndexOfID[id] {
      bytes += description.addedTokens[index].content
    } else if Int(id) < vocabulary.count {
      bytes += vocabulary.table.bytes(of: Int(id))
    }
  }
}

/// What receives the tokens of a text: their ids, or ids with their bytes.
protocol TokenSink {
  mutating func reserve(_ count: Int)
  mutating func append(_ id: Int32, _ range: Range<Int>)
}

private struct IDSink: TokenSink {
  var ids: [Int32] = []
  mutating func reserve(_ count: Int) { ids.reserveCapacity(ids.count + count) }
  mutating func append(_ id: Int32, _ range: Range<Int>) { ids.append(id) }
}

private struct SpanSink: TokenSink {
  var spans: [TokenSpan] = []
  mutating func reserve(_ count: Int) { spans.reserveCapacity(count) }
  mutating func append(_ id: Int32, _ range: Range<Int>) {
    spans.append(TokenSpan(id: id, range: range))
  }
}
