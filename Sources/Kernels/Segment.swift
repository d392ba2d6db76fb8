/// A stretch of tokens in a ragged micro-batch: one example, or one node of a prefix tree.
///
/// Segments lie end to end in the token row. A segment continues its parent: its tokens see the whole chain of
/// ancestors and then themselves, causally, and nothing else.
public struct Segment: Sendable, Equatable {
  /// Index of its first token in the row.
  public var start: Int
  /// Number of tokens.
  public var count: Int
  /// The segment it continues, which stands before it; nil for a root.
  public var parent: Int?
  /// Position of its first token: the length of the chain above it.
  public var positionOffset: Int

  /// Makes a segment.
  public init(start: Int, count: Int, parent: Int? = nil, positionOffset: Int = 0) {
    self.start = start
    self.count = count
    self.parent = parent
    self.positionOffset = positionOffset
  }
}

/// The chains of ancestors of a list of segments, worked out once per micro-batch.
struct SegmentChains {
  /// For each segment, the one it continues.
  let parents: [Int?]
  /// For each segment, the token ranges it sees, oldest first, its own last.
  let ranges: [[Range<Int>]]
  /// For each segment, the tokens in its chain, its own included.
  let lengths: [Int]
  /// Segments of each tree, parents before children.
  let trees: [[Int]]

  /// Segments in a row that continue the same parent, so that a task reads the chain above them once.
  ///
  /// - Parameters:
  ///   - indices: segments, in order.
  ///   - limit: most segments of a group; fewer make more tasks, more make less reading.
  ///   - joinsRoots: whether roots are siblings, as where all continue something read before.
  func siblings(
    _ indices: some Sequence<Int>, limit: Int = .max, joinsRoots: Bool = false
  ) -> [[Int]] {
    var groups: [[Int]] = []
    for index in indices {
      if let last = groups.last, last.count < limit, parents[index] == parents[last[0]],
        joinsRoots || parents[index] != nil
      {
        groups[groups.count - 1].append(index)
      } else {
        groups.append([index])
      }
    }
    return groups
  }

  init(_ segments: [Segment]) {
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
    parents = segments.map(\.parent)
    self.ranges = ranges
    self.lengths = lengths
    self.trees = trees
  }
}
