public import Kernels

/// Token sequences in one row of tokens, end to end or as a tree of what they share.
public struct TokenLayout: Sendable, Equatable {
  /// The tokens, segment after segment.
  public private(set) var tokens: [Int32] = []
  /// Who continues whom; parents stand before their children.
  public private(set) var segments: [Segment] = []
  /// For each sequence the segment with its last token.
  public private(set) var lastSegments: [Int] = []

  /// Lays out sequences.
  ///
  /// - Parameter sharesPrefixes: whether beginnings that sequences share stand once, where ``PrefixTrie`` says
  ///   that this pays off; else, and without that, each sequence is a segment of its own, in order.
  public init(_ sequences: [[Int32]], sharesPrefixes: Bool) {
    var trie = PrefixTrie(isSharing: sharesPrefixes)
    for sequence in sequences { trie.insert(sequence) }
    if sharesPrefixes, !trie.paysOff {
      self.init(sequences, sharesPrefixes: false)
    } else {
      self.init(trie)
    }
  }

  /// Lays out the runs of a tree, each before those that continue it.
  private init(_ trie: PrefixTrie) {
    tokens.reserveCapacity(trie.runTokens)
    var segmentOf = [Int](repeating: 0, count: trie.runs.count)
    var waiting = Array(trie.roots.reversed())
    while let index = waiting.popLast() {
      let run = trie.runs[index]
      segmentOf[index] = segments.count
      segments.append(
        Segment(
          start: tokens.count, count: run.range.count, parent: run.parent.map { segmentOf[$0] },
          positionOffset: run.range.lowerBound))
      tokens += trie.sequences[run.sequence][run.range]
      waiting += run.children.reversed()
    }
    lastSegments = trie.lastRuns.map { segmentOf[$0] }
  }

  /// Where the tokens of a sequence stand, in order.
  public func ranges(of sequence: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var next: Int? = lastSegments[sequence]
    while let index = next {
      let segment = segments[index]
      ranges.append(segment.start..<segment.start + segment.count)
      next = segment.parent
    }
    return ranges.reversed()
  }
}
