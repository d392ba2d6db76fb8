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

/// A byte-pair encoding or a unigram model: text to ids and back.
///
/// Immutable, so any number of threads may use one at a time. There is no cache to lock or to bound.
///
/// - SeeAlso: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2; Kudo and
///   Richardson 2018, "SentencePiece", arXiv:1808.06226.
public final class Tokenizer: Sendable {
  /// What the tokenizer was made of.
  public let description: TokenizerDescription
  /// How many ids there are: one more than the highest.
  public let vocabularySize: Int
  /// The bytes that can occur in UTF-8 and for which the vocabulary has no token.
  ///
  /// Encoding leaves them out, as the reference does. SmolLM2 lacks six control characters and the lead
  /// bytes of planes in which no character is assigned. None where tokens are text.
  public let missingBytes: [UInt8]

  private enum Encoder: Sendable {
    case bytePairs(BytePairEncoder)
    case scoredPairs(ScoredPairEncoder)
    case unigram(UnigramEncoder)
  }

  let vocabulary: Vocabulary
  private let encoder: Encoder
  private let normalizer: Normalizer
  private let metaspace: Metaspace?
  private let preTokenizer: PreTokenizer
  private let boundaries: SpaceMarkBoundaries
  private let firstMatcher: AddedTokenMatcher
  private let secondMatcher: AddedTokenMatcher
  private let traits: [Traits]
  private let addedIndexOfID: [Int32: Int]
  private let addedIDOfContent: [[UInt8]: Int32]

  private struct Traits: OptionSet {
    var rawValue: UInt8
    /// A sign to the model and no text.
    static let special = Traits(rawValue: 1)
    /// In the list of added tokens.
    static let added = Traits(rawValue: 2)
  }

  /// Makes the tokenizer that `description` describes.
  ///
  /// - Throws: ``TokenizerError`` if a token is not UTF-8, an id lies outside the vocabulary, or a
  ///   pre-tokenisation step is not supported.
  public init(_ description: TokenizerDescription) throws(TokenizerError) {
    let vocabulary = try Vocabulary(tokens: description.tokens, alphabet: description.alphabet)
    let size = try description.validatedVocabularySize()
    preTokenizer = try PreTokenizer(description.preTokenization, alphabet: description.alphabet)
    let normalizer = try Normalizer(description.normalization)
    if case .metaspace(let prefixSpace, _) = description.preTokenization.first {
      metaspace = Metaspace(prefixSpace: prefixSpace)
    } else {
      metaspace = nil
    }
    firstMatcher = AddedTokenMatcher(description.addedTokens, normalized: false)
    secondMatcher = AddedTokenMatcher(
      description.addedTokens, normalized: true, by: normalizer.normalized)

    var traits = [Traits](repeating: [], count: size)
    var addedIndexOfID: [Int32: Int] = [:]
    var addedIDOfContent: [[UInt8]: Int32] = [:]
    for (index, token) in description.addedTokens.enumerated() {
      guard addedIDOfContent[token.content] == nil else { continue }
      addedIndexOfID[token.id] = index
      addedIDOfContent[token.content] = token.id
      traits[Int(token.id)].insert(token.isSpecial ? [.added, .special] : .added)
    }

    let byteTokens: [Int32]
    switch description.alphabet {
    case .byteLevel:
      byteTokens = (0...255).map { vocabulary.id(ofBytes: [UInt8($0)]) ?? -1 }
      missingBytes = (UInt8(0)...0xF4)
        .filter { $0 != 0xC0 && $0 != 0xC1 && byteTokens[Int($0)] < 0 }
    case .spaceMarked:
      byteTokens = (0...255).map {
        vocabulary.id(ofBytes: TokenAlphabet.byteToken(UInt8($0))) ?? -1
      }
      missingBytes = []
    }
    encoder =
      switch description.model {
      case .mergeRules:
        .bytePairs(BytePairEncoder(description, vocabulary, byteTokens: byteTokens))
      case .scoredPairs(let scores):
        .scoredPairs(
          ScoredPairEncoder(
            description, vocabulary, scores: scores, byteTokens: byteTokens,
            isExcluded: traits.map { $0.contains(.special) }))
      case .unigram(let scores):
        .unigram(
          UnigramEncoder(description, vocabulary, scores: scores, byteTokens: byteTokens))
      }
    boundaries = SpaceMarkBoundaries(vocabulary)
    self.description = description
    self.vocabulary = vocabulary
    self.normalizer = normalizer
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
    for part in firstMatcher.parts(of: text, in: 0..<text.count) {
      if let index = part.token {
        sink.append(description.addedTokens[index].id, part.range)
      } else if normalizer.isEmpty {
        let failed = encodePart(part.range, of: text, nil, into: &sink, &symbols)
        failure = failure ?? failed
      } else {
        var rewritten = AlignedText(text, range: part.range)
        let failures = (
          normalizer.apply(to: &rewritten), encode(rewritten, into: &sink, &symbols)
        )
        failure = failure ?? failures.0 ?? failures.1
      }
    }
    return failure
  }

  /// Encodes a text that was rewritten.
  private func encode(
    _ text: AlignedText, into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) -> TokenizerError? {
    sink.align(text.offsets)
    defer { sink.align(nil) }
    return text.bytes.withUnsafeBufferPointer {
      encodePart(0..<$0.count, of: $0, text, into: &sink, &symbols)
    }
  }

  /// Encodes what lies between added tokens that are looked for in the text as it is.
  ///
  /// - Parameter aligned: The text, if it was rewritten.
  private func encodePart(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, _ aligned: AlignedText?,
    into sink: inout some TokenSink, _ symbols: inout [Symbol]
  ) -> TokenizerError? {
    var failure: TokenizerError?
    for part in secondMatcher.parts(of: text, in: range) {
      if let index = part.token {
        sink.append(description.addedTokens[index].id, part.range)
        continue
      }
      guard let metaspace else {
        let failed = encodeWords(part.range, of: text, into: &sink, &symbols)
        failure = failure ?? failed
        continue
      }
      var marked = aligned?.part(part.range) ?? AlignedText(text, range: part.range)
      metaspace.apply(to: &marked)
      sink.align(marked.offsets)
      let failed = marked.bytes.withUnsafeBufferPointer {
        encodeWords(0..<$0.count, of: $0, into: &sink, &symbols)
      }
      sink.align(aligned?.offsets)
      failure = failure ?? failed
    }
    return failure
  }

  private func encodeWords(
    _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, into sink: inout some TokenSink,
    _ symbols: inout [Symbol]
  ) -> TokenizerError? {
    switch encoder {
    case .bytePairs(let encoder) where vocabulary.alphabet == .byteLevel:
      preTokenizer.forEachWord(in: text, range: range) {
        encoder.encode($0, into: &sink, &symbols)
      }
    case .bytePairs(let encoder):
      preTokenizer.forEachWord(in: text, range: range) { word in
        boundaries.forEachPiece(of: word) { encoder.encode($0, into: &sink, &symbols) }
      }
    case .scoredPairs(let encoder):
      preTokenizer.forEachWord(in: text, range: range) { word in
        boundaries.forEachPiece(of: word) { encoder.encode($0, into: &sink, &symbols) }
      }
    case .unigram(let encoder):
      // Not in pieces: of two ways with one sum, which is taken depends on how it was rounded.
      preTokenizer.forEachWord(in: text, range: range) {
        encoder.encode($0, into: &sink, &symbols)
      }
    }
  }

  // MARK: Decoding

  /// The bytes that `ids` stand for: of encoded text exactly its bytes, but for ``missingBytes``.
  ///
  /// Where encoding puts a space before a text, one that begins it is left out.
  ///
  /// They need not be UTF-8 when `ids` end within a character. Ids outside the vocabulary stand for nothing.
  public func decode(_ ids: [Int32], skipSpecialTokens: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ids.count * 4)
    for id in ids where !(skipSpecialTokens && isSpecial(id)) { appendBytes(of: id, to: &bytes) }
    if description.stripsLeadingSpace, bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
    return bytes
  }

  private func appendBytes(of id: Int32, to bytes: inout [UInt8]) {
    guard traits.indices.contains(Int(id)) else { return }
    if traits[Int(id)].contains(.added), let index = addedIndexOfID[id] {
      let content = description.addedTokens[index].content
      switch description.alphabet {
      case .byteLevel: bytes += content
      case .spaceMarked: Vocabulary.appendBytes(ofText: content[...], to: &bytes)
      }
    } else if Int(id) < vocabulary.count {
      vocabulary.appendBytes(of: Int(id), to: &bytes)
    }
  }
}
