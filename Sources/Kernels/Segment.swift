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
