extension CausalAttention {
  /// A task's scratch memory, for chains of up to `keys` keys.
  struct Scratch {
    let keys, values, keyPanels, valuePanels, gradKeys, gradValues, scores,
      gradScores, sums: UnsafeMutablePointer<Float>
    let stride: Int

    static func count(keys: Int, headDimension: Int) -> Int {
      let padded = (keys + 31) / 32 * 32
      return 6 * padded * headDimension + 2 * CausalAttention.queryBlock * scoreStride(keys)
        + CausalAttention.queryBlock
    }

    /// From one query's scores to the next one's: not a power of two, which would make a column of scores fall on one
    /// or two sets of the first-level cache.
    private static func scoreStride(_ keys: Int) -> Int { (keys + 31) / 32 * 32 + 16 }

    init(_ base: UnsafeMutablePointer<Float>, keys count: Int, headDimension: Int) {
      stride = Self.scoreStride(count)
      let matrix = (count + 31) / 32 * 32 * headDimension
      keys = base
      values = base + matrix
      keyPanels = base + 2 * matrix
      valuePanels = base + 3 * matrix
      gradKeys = base + 4 * matrix
      gradValues = base + 5 * matrix
      scores = base + 6 * matrix
      gradScores = scores + CausalAttention.queryBlock * stride
      sums = gradScores + CausalAttention.queryBlock * stride
    }
  }

  /// How a pass is split into tasks; depends on the work alone, never on the threads.
  ///
  /// A task takes all query heads that share a head of keys and values, so that those are gathered once and their
  /// gradients are summed where they are. Where that makes too few tasks, blocks of queries are dealt out in turns.
  struct Split {
    let groupSize, keyValueHeads, turns, tasks: Int

    /// Tasks below which threads would wait for each other.
    private static let leastTasks = 12

    /// - Parameter units: groups of segments, or trees.
    init(units: Int, _ attention: CausalAttention) {
      groupSize = attention.heads / attention.keyValueHeads
      keyValueHeads = attention.keyValueHeads
      turns = Self.turns(units: units, keyValueHeads: attention.keyValueHeads)
      tasks = units * keyValueHeads * turns
    }

    static func turns(units: Int, keyValueHeads: Int) -> Int {
      let whole = max(1, units * keyValueHeads)
      return (leastTasks + whole - 1) / whole
    }

    func part(_ task: Int) -> Part {
      let shared = task / turns % keyValueHeads
      return Part(
        unit: task / (turns * keyValueHeads), sharedHead: shared,
        heads: shared * groupSize..<(shared + 1) * groupSize, turn: task % turns, turns: turns)
    }
  }

  /// What one task does.
  struct Part {
    let unit, sharedHead: Int
    /// Query heads.
    let heads: Range<Int>
    let turn, turns: Int
    private var blocksBefore = 0

    init(unit: Int, sharedHead: Int, heads: Range<Int>, turn: Int, turns: Int) {
      self.unit = unit
      self.sharedHead = sharedHead
      self.heads = heads
      self.turn = turn
      self.turns = turns
    }

    /// First rows of the blocks that are the part's, of the next segment's queries: blocks are dealt out over all
    /// segments of a unit, in order.
    mutating func nextBlocks(of rows: Range<Int>) -> StrideTo<Int> {
      let block = CausalAttention.queryBlock
      let first = (turn + turns - blocksBefore % turns) % turns
      blocksBefore += (rows.count + block - 1) / block
      return stride(from: rows.lowerBound + first * block, to: rows.upperBound, by: turns * block)
    }
  }
}
