import Kernels
import TestSupport
import Testing

@testable import Datasets

@Suite("PrefixTrie") struct PrefixTrieTests {
  /// Rows of a few tokens over and over: some continue an earlier row's beginning, some repeat one.
  static func randomSequences(_ numbers: inout SeededNumbers) -> [[Int32]] {
    var sequences: [[Int32]] = []
    for _ in 0..<1 + numbers.integer(below: 30) {
      var tokens: [Int32] = []
      if !sequences.isEmpty, numbers.integer(below: 4) > 0 {
        let earlier = sequences[numbers.integer(below: sequences.count)]
        tokens = Array(earlier.prefix(numbers.integer(below: earlier.count + 1)))
      }
      let more = tokens.isEmpty ? 1 + numbers.integer(below: 60) : numbers.integer(below: 40)
      tokens += (0..<more).map { _ in Int32(numbers.integer(below: 3)) }
      sequences.append(tokens)
    }
    return sequences
  }

  private func tokens(_ range: Range<Int32>) -> [Int32] { Array(range) }

  @Test("a beginning shared by all stands once, before what continues it")
  func oneBeginning() {
    let beginning = tokens(0..<30)
    let layout = TokenLayout(
      [beginning + [50, 51], beginning + [60], beginning + [70, 71, 72]], sharesPrefixes: true)
    #expect(layout.tokens == beginning + [50, 51, 60, 70, 71, 72])
    #expect(
      layout.segments == [
        Segment(start: 0, count: 30),
        Segment(start: 30, count: 2, parent: 0, positionOffset: 30),
        Segment(start: 32, count: 1, parent: 0, positionOffset: 30),
        Segment(start: 33, count: 3, parent: 0, positionOffset: 30),
      ])
    #expect(layout.lastSegments == [1, 2, 3])
    #expect(layout.ranges(of: 1) == [0..<30, 32..<33])
  }

  @Test("a beginning within a beginning continues it, in whatever order the rows come")
  func nestedBeginnings() {
    let outer = tokens(0..<20)
    let inner = outer + tokens(100..<120)
    let layout = TokenLayout(
      [inner + [1], outer + [2], inner + [3], [9, 9], outer + [4]], sharesPrefixes: true)
    #expect(layout.tokens == inner + [1, 3, 2, 4, 9, 9])
    #expect(
      layout.segments == [
        Segment(start: 0, count: 20),
        Segment(start: 20, count: 20, parent: 0, positionOffset: 20),
        Segment(start: 40, count: 1, parent: 1, positionOffset: 40),
        Segment(start: 41, count: 1, parent: 1, positionOffset: 40),
        Segment(start: 42, count: 1, parent: 0, positionOffset: 20),
        Segment(start: 43, count: 1, parent: 0, positionOffset: 20),
        Segment(start: 44, count: 2),
      ])
    #expect(layout.lastSegments == [2, 4, 3, 6, 5])
  }

  @Test("identical rows stand once, however short")
  func identicalRows() {
    let layout = TokenLayout([[5, 6, 7], [5, 6, 7], [8], [5, 6, 7]], sharesPrefixes: true)
    #expect(layout.tokens == [5, 6, 7, 8])
    #expect(layout.segments == [Segment(start: 0, count: 3), Segment(start: 3, count: 1)])
    #expect(layout.lastSegments == [0, 0, 1, 0])
  }

  @Test("a row that another begins with has no tokens of its own", arguments: [false, true])
  func rowWithinRow(_ isReversed: Bool) {
    let (short, long) = (tokens(0..<25), tokens(0..<40))
    let layout = TokenLayout(isReversed ? [long, short] : [short, long], sharesPrefixes: true)
    #expect(layout.tokens == long)
    #expect(
      layout.segments == [
        Segment(start: 0, count: 25), Segment(start: 25, count: 15, parent: 0, positionOffset: 25),
      ])
    #expect(layout.lastSegments == (isReversed ? [1, 0] : [0, 1]))
  }

  @Test("a run is cut for sixteen shared tokens and not for fifteen")
  func shortestRun() {
    for shared in [15, 16] as [Int32] {
      var trie = PrefixTrie()
      trie.insert(tokens(0..<shared) + [50, 51])
      trie.insert(tokens(0..<shared) + [60, 61])
      #expect(trie.runTokens == 2 * Int(shared) + 4 - (shared == 16 ? 16 : 0))
    }
  }

  @Test("of several runs that begin alike the longest match is followed")
  func longestMatch() {
    let (first, second) = (tokens(0..<5) + tokens(20..<60), tokens(0..<5) + tokens(70..<110))
    let layout = TokenLayout(
      [first + [1], second + [2], second + [3], first + [4]], sharesPrefixes: true)
    #expect(layout.tokens == first + [1, 4] + second + [2, 3])
  }

  @Test("rows that share less than one token in twenty lie end to end, in order")
  func doesNotPayOff() {
    let beginning = tokens(0..<20)
    for (rest, isShared) in [(180, true), (181, false)] {
      let rows = [1, 2].map { beginning + [Int32](repeating: $0, count: rest) }
      let layout = TokenLayout(rows, sharesPrefixes: true)
      #expect(layout.tokens.count == 2 * (20 + rest) - (isShared ? 20 : 0))
      #expect(isShared || layout == TokenLayout(rows, sharesPrefixes: false))
    }
    let apart = [tokens(0..<30), tokens(30..<70), []]
    let layout = TokenLayout(apart, sharesPrefixes: true)
    #expect(layout == TokenLayout(apart, sharesPrefixes: false))
    #expect(
      layout.segments == [
        Segment(start: 0, count: 30), Segment(start: 30, count: 40), Segment(start: 70, count: 0),
      ])
  }

  @Test("a layout expands to its rows and their positions", arguments: 0..<50)
  func expands(_ seed: UInt64) {
    var numbers = SeededNumbers(seed)
    let rows = Self.randomSequences(&numbers)
    var trie = PrefixTrie()
    for (index, row) in rows.enumerated() {
      trie.insert(row)
      #expect(
        TokenLayout(Array(rows.prefix(index + 1)), sharesPrefixes: true).tokens.count
          == trie.layoutTokens)
    }
    let layout = TokenLayout(rows, sharesPrefixes: true)
    #expect(trie.sequenceTokens == rows.reduce(0) { $0 + $1.count })
    // Segments lie end to end, parents first, and count positions along their chain.
    var end = 0
    for (index, segment) in layout.segments.enumerated() {
      #expect(segment.start == end)
      end += segment.count
      if let parent = segment.parent {
        #expect(parent < index)
        let above = layout.segments[parent]
        #expect(segment.positionOffset == above.positionOffset + above.count)
      } else {
        #expect(segment.positionOffset == 0)
      }
    }
    #expect(end == layout.tokens.count)
    for (sequence, row) in rows.enumerated() {
      #expect(layout.ranges(of: sequence).flatMap { layout.tokens[$0] } == row)
    }
    // A row is at most one run's least length away from sharing all that it could.
    var missed = 0
    for (index, row) in rows.enumerated() {
      let most = rows.prefix(index).map { zip($0, row).prefix { $0 == $1 }.count }.max() ?? 0
      missed += most
    }
    #expect(
      trie.runTokens - (trie.sequenceTokens - missed) < PrefixTrie.minimumSharedTokens * rows.count)
  }
}
