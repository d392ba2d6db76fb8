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
  /// Tokens that all segments see and that are not in the row: read before, in a cache.
  let cached: Int
  /// The longest chain, with what was read before.
  let longest: Int
  /// Segments that a task of the forward pass takes: in a row, and continuing the same one.
  let groups: [[Int]]
  /// For each tree, its segments in groups of siblings.
  let siblings: [[[Int]]]

  /// Most siblings of a group of the forward pass: fewer make more tasks, more make less reading.
  private static let siblingsInTask = 4

  /// Works out the chains of ancestors.
  ///
  /// - Parameters:
  ///   - segments: parents before children, lying end to end.
  ///   - queryRows: the tokens that ask, ascending; nil for all. Keys and values are always those of all.
  ///   - cached: tokens read before that all segments see.
  public init(_ segments: [Segment], queryRows: [Int]? = nil, cached: Int = 0) {
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
          visible.append(Int32(cached + length - (end - queryRows[next]) + 1))
          next += 1
        }
      } else {
        let above = cached + length - segment.count
        for row in 0..<segment.count { visible.append(Int32(above + row + 1)) }
      }
      queries.append(first..<visible.count)
    }
    self.segments = segments
    self.ranges = ranges
    self.lengths = lengths
    self.trees = trees
    self.queries = queries
    self.visible = visible
    self.cached = cached
    longest = cached + (lengths.max() ?? 0)
    groups = Self.siblings(
      segments, Array(segments.indices), limit: Self.siblingsInTask, joinsRoots: cached > 0)
    siblings = trees.map { Self.siblings(segments, $0, limit: .max, joinsRoots: false) }
  }

  /// Segments in a row that continue the same parent, so that a task reads the chain above them once.
  ///
  /// - Parameters:
  ///   - indices: segments, in order.
  ///   - limit: most segments of a group.
  ///   - joinsRoots: whether roots are siblings, as where all continue something read before.
  private static func siblings(
    _ segments: [Segment], _ indices: [Int], limit: Int, joinsRoots: Bool
  ) -> [[Int]] {
    var groups: [[Int]] = []
    for index in indices {
      if let last = groups.last, last.count < limit,
        segments[index].parent == segments[last[0]].parent,
        joinsRoots || segments[index].parent != nil
      {
        groups[groups.count - 1].append(index)
      } else {
        groups.append([index])
      }
    }
    return groups
  }
}
