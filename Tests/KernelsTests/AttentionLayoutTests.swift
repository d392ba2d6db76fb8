import Testing

@testable import Kernels

@Suite("AttentionLayout") struct AttentionLayoutTests {
  @Test("a chain is its ancestors, oldest first, then itself; a tree is all that share a root")
  func chains() {
    let chains = AttentionLayout([
      Segment(start: 0, count: 3),
      Segment(start: 3, count: 2, parent: 0, positionOffset: 3),
      Segment(start: 5, count: 4),
      Segment(start: 9, count: 1, parent: 1, positionOffset: 5),
      Segment(start: 10, count: 6, parent: 0, positionOffset: 3),
      Segment(start: 16, count: 2, parent: 3, positionOffset: 6),
    ])
    #expect(
      chains.ranges == [
        [0..<3], [0..<3, 3..<5], [5..<9], [0..<3, 3..<5, 9..<10], [0..<3, 10..<16],
        [0..<3, 3..<5, 9..<10, 16..<18],
      ])
    #expect(chains.lengths == [3, 5, 4, 6, 9, 8])
    #expect(chains.trees == [[0, 1, 3, 4, 5], [2]])
  }

  @Test("siblings are the segments in a row that continue the same one; roots stand alone")
  func siblings() {
    let segments = [
      Segment(start: 0, count: 3),
      Segment(start: 3, count: 2, parent: 0, positionOffset: 3),
      Segment(start: 5, count: 1, parent: 0, positionOffset: 3),
      Segment(start: 6, count: 4, parent: 0, positionOffset: 3),
      Segment(start: 10, count: 1, parent: 3, positionOffset: 7),
      Segment(start: 11, count: 6, parent: 0, positionOffset: 3),
      Segment(start: 17, count: 2),
      Segment(start: 19, count: 2),
    ]
    let layout = AttentionLayout(segments)
    #expect(layout.groups == [[0], [1, 2, 3], [4], [5], [6], [7]])
    #expect(layout.siblings == [[[0], [1, 2, 3], [4], [5]], [[6]], [[7]]])
    let continuing = AttentionLayout(segments, cached: 9)
    #expect(continuing.groups == [[0], [1, 2, 3], [4], [5], [6, 7]])
    let many = (0..<6).map { Segment(start: $0, count: 1, positionOffset: 4) }
    #expect(AttentionLayout(many, cached: 4).groups == [[0, 1, 2, 3], [4, 5]])
  }

  @Test("a query sees its segment's chain up to itself, and what was read before")
  func visible() {
    let segments = [
      Segment(start: 0, count: 3), Segment(start: 3, count: 2, parent: 0, positionOffset: 3),
      Segment(start: 5, count: 2, parent: 0, positionOffset: 3),
    ]
    let all = AttentionLayout(segments)
    #expect(all.visible == [1, 2, 3, 4, 5, 4, 5])
    #expect(all.queries == [0..<3, 3..<5, 5..<7])
    #expect(all.longest == 5)
    let some = AttentionLayout(segments, queryRows: [1, 4, 5], cached: 10)
    #expect(some.visible == [12, 15, 14])
    #expect(some.queries == [0..<1, 1..<2, 2..<3])
    #expect(some.longest == 15)
    let few = AttentionLayout(segments, queryRows: [6])
    #expect(few.queries == [0..<0, 0..<0, 0..<1])
  }
}
