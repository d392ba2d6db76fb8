/// What receives the tokens of a text: their ids, or ids with their bytes.
protocol TokenSink {
  mutating func reserve(_ count: Int)
  /// Takes a token and where it stands in the text, or if there is an alignment, in the rewritten text.
  mutating func append(_ id: Int32, _ range: Range<Int>)
  /// Says where the bytes of a rewritten text come from; `nil` where the text is as it was.
  mutating func align(_ offsets: [Int]?)
}

extension TokenSink {
  /// Takes the tokens of a word.
  @inline(__always)
  mutating func append(_ symbols: [Symbol], of word: PreTokenizer.Word) {
    var start = word.offset
    for symbol in symbols {
      start &+= symbol.gap
      let end = start &+ symbol.length
      append(symbol.id, max(start, word.lowerBound)..<max(end, word.lowerBound))
      start = end
    }
  }
}

/// Keeps ids.
struct IDSink: TokenSink {
  var ids: [Int32] = []
  mutating func reserve(_ count: Int) { ids.reserveCapacity(ids.count + count) }
  mutating func append(_ id: Int32, _ range: Range<Int>) { ids.append(id) }
  mutating func align(_ offsets: [Int]?) {}
}

/// Keeps ids with their bytes.
struct SpanSink: TokenSink {
  var spans: [TokenSpan] = []
  private var offsets: [Int]?

  mutating func reserve(_ count: Int) { spans.reserveCapacity(count) }
  mutating func append(_ id: Int32, _ range: Range<Int>) {
    var range = range
    if let offsets { range = offsets[range.lowerBound]..<offsets[range.upperBound] }
    spans.append(TokenSpan(id: id, range: range))
  }
  mutating func align(_ offsets: [Int]?) { self.offsets = offsets }
}
