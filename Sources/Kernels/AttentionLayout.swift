/// Who attends to whom in a micro-batch, worked out once for all layers.
public struct AttentionLayout: Sendable {
  /// The segments.
  public let segments: [Segment]
  /// For each segment, the token ranges it sees, oldest first, its own last.
  let ranges: [[Range<Int>]]
  /// For each segment, the tokens in its chain, its own included.
  let lengths: [Int]
  /// Segments of each tree, parents before children.
  let trees: [[Int]]
  /// For each segment, its rows among the queries.
  let queries: [Range<Int>]
  /// For each query, how many tokens of its segment's chain it sees.
  let visible: [Int32]
  /// The longest chain.
  let longest: Int

  /// Works out the chains of ancestors.
  ///
  /// - Parameters:
  ///   - segments: parents before children, lying end to end.
  ///   - queryRows: the tokens that ask, ascending; nil for all. Keys and values are always those of all.
  public init(_ segments: [Segment], queryRows: [Int]? = nil) {
    var ranges: [[Range<Int>]] = []
    var lengths: [Int] = []
    var treeOf: [Int] = []
    var trees: [[Int]] = []
    for (index, segment) in segments.enumerated() {
      let own = segment.start..<segment.start + segment.count
      if let parent = segment.parent {
        precondition(parent < index, "a parent stands before its children")
        ranges.append(ranges[parent] + [own])
        lengths.append(lengths[parent] + segment.count)
        treeOf.append(treeOf[parent])
        trees[treeOf[parent]].append(index)
      } else {
        ranges.append([own])
        lengths.append(segment.count)
        treeOf.append(trees.count)
        trees.append([index])
      }
    }
    var queries: [Range<Int>] = []
    var visible: [Int32] = []
    var next = 0
    for (segment, length) in zip(segments, lengths) {
      let first = visible.count
      let end = segment.start + segment.count
      if let queryRows {
        while next < queryRows.count, queryRows[next] < end {
          visible.append(Int32(length - (end - queryRows[next]) + 1))
          next += 1
        }
      } else {
        for row in 0..<segment.count { visible.append(Int32(length - segment.count + row + 1)) }
      }
      queries.append(first..<visible.count)
    }
    self.segments = segments
    self.ranges = ranges
    self.lengths = lengths
    self.trees = trees
    self.queries = queries
    self.visible = visible
    longest = lengths.max() ?? 0
  }
}
