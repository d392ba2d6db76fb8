/// A piece of a word: the token it is so far, and how many of the word's bytes it covers.
struct Symbol: Sendable, Equatable {
  /// The token's id.
  var id: Int32
  /// Bytes covered.
  var length: Int
  /// Bytes of the word that no token covers and that come before this symbol.
  var gap: Int = 0
  /// Where in the word it begins, for those who join by text.
  var start: Int = 0
}

/// Says what two neighbours become, and how early.
protocol PairRanking: Sendable {
  /// What `left` and the symbol after it, `right`, become, or ``Merge/none``.
  func merge(_ left: Symbol, _ right: Symbol) -> Merge
}

/// Byte-pair encoding of one word: its symbols, joined rule by rule.
///
/// The rule of lowest rank is applied at its leftmost place until no rule applies. A short word looks
/// through all its pairs for each join, which is fastest while they fit a few cache lines; a long one keeps
/// them in a heap, so that the work grows as n log n and a text of a million letters is no attack.
///
/// - SeeAlso: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword
///   Units", arXiv:1508.07909.
struct BytePairMerger<Table: PairRanking>: Sendable {
  let table: Table

  /// The longest word, in symbols, that is searched pair by pair.
  static var longestSearched: Int { 40 }

  /// Joins the symbols of `word` in place.
  func merge(_ word: inout [Symbol]) {
    if word.count <= Self.longestSearched { mergeBySearch(&word) } else { mergeByHeap(&word) }
  }

  /// Joins by looking for the lowest rank among all pairs: n² steps at worst, no memory beside the stack.
  func mergeBySearch(_ word: inout [Symbol]) {
    guard word.count > 1 else { return }
    var count = word.count
    word.withUnsafeMutableBufferPointer { symbols in
      // merges[i] is what symbols i and i + 1 become.
      withUnsafeTemporaryAllocation(of: Merge.self, capacity: count) { merges in
        for index in 0..<(count &- 1) {
          merges[index] = table.merge(symbols[index], symbols[index &+ 1])
        }
        while let position = Self.leftmostLowest(merges, count: count &- 1) {
          symbols[position].id = merges[position].result
          symbols[position].length &+= symbols[position &+ 1].length &+ symbols[position &+ 1].gap
          count &-= 1
          var index = position &+ 1
          while index < count {
            symbols[index] = symbols[index &+ 1]
            merges[index] = merges[index &+ 1]
            index &+= 1
          }
          if position &+ 1 < count {
            merges[position] = table.merge(symbols[position], symbols[position &+ 1])
          }
          if position > 0 {
            merges[position &- 1] = table.merge(symbols[position &- 1], symbols[position])
          }
        }
      }
    }
    word.removeLast(word.count - count)
  }

  private static func leftmostLowest(
    _ merges: UnsafeMutableBufferPointer<Merge>, count: Int
  ) -> Int? {
    var best = Int32.max
    var position: Int?
    var index = 0
    while index < count {
      if merges[index].rank < best {
        best = merges[index].rank
        position = index
      }
      index &+= 1
    }
    return position
  }

  /// Joins by a heap of pairs over a linked list of symbols: n log n steps.
  func mergeByHeap(_ word: inout [Symbol]) {
    let count = word.count
    var next = Array(1..<(count + 1))
    var previous = Array(-1..<(count - 1))
    var queue = MergeQueue(capacity: count)

    func enqueue(_ left: Int, _ right: Int, _ word: borrowing [Symbol]) {
      let merge = table.merge(word[left], word[right])
      if merge.rank != .max { queue.insert(rank: merge.rank, position: left) }
    }

    for left in 0..<max(count - 1, 0) { enqueue(left, left + 1, word) }
    while let (rank, left) = queue.popLowest() {
      // An entry outlives its pair when one of the two symbols was joined with its other neighbour.
      let right = next[left]
      guard word[left].length > 0, right < count else { continue }
      let merge = table.merge(word[left], word[right])
      guard merge.rank == rank else { continue }

      word[left].id = merge.result
      word[left].length += word[right].length + word[right].gap
      word[right].length = 0
      next[left] = next[right]
      if next[left] < count {
        previous[next[left]] = left
        enqueue(left, next[left], word)
      }
      if previous[left] >= 0 { enqueue(previous[left], left, word) }
    }
    word.removeAll { $0.length == 0 }
  }
}

/// A binary heap of pairs to join: lowest rank first, and of one rank the leftmost.
struct MergeQueue {
  /// `rank << 40 | position`; ``TokenizerDescription/maximumMerges`` keeps ranks within 24 bits.
  private var entries: [UInt64] = []

  init(capacity: Int) {
    entries.reserveCapacity(capacity)
  }

  mutating func insert(rank: Int32, position: Int) {
    let entry = UInt64(UInt32(bitPattern: rank)) << 40 | UInt64(truncatingIfNeeded: position)
    entries.append(entry)
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entry < entries[parent] else { break }
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = entry
  }

  mutating func popLowest() -> (rank: Int32, position: Int)? {
    guard let lowest = entries.first, let last = entries.popLast() else { return nil }
    if !entries.isEmpty {
      var index = 0
      while true {
        var child = index * 2 + 1
        guard child < entries.count else { break }
        if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
        guard entries[child] < last else { break }
        entries[index] = entries[child]
        index = child
      }
      entries[index] = last
    }
    return (Int32(truncatingIfNeeded: lowest >> 40), Int(lowest & 0xFF_FFFF_FFFF))
  }
}
