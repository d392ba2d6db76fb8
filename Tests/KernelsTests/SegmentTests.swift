import Testing

@testable import Kernels

@Suite("Segment") struct SegmentTests {
  @Test("a chain is its ancestors, oldest first, then itself; a tree is all that share a root")
  func chains() {
    let chains = SegmentChains([
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
    let chains = SegmentChains([
      Segment(start: 0, count: 3),
      Segment(start: 3, count: 2, parent: 0, positionOffset: 3),
      Segment(start: 5, count: 1, parent: 0, positionOffset: 3),
      Segment(start: 6, count: 4, parent: 0, positionOffset: 3),
      Segment(start: 10, count: 1, parent: 3, positionOffset: 7),
      Segment(start: 11, count: 6, parent: 0, positionOffset: 3),
      Segment(start: 17, count: 2),
      Segment(start: 19, count: 2),
    ])
    #expect(chains.siblings(0..<8) == [[0], [1, 2, 3], [4], [5], [6], [7]])
    #expect(chains.siblings(0..<8, joinsRoots: true) == [[0], [1, 2, 3], [4], [5], [6, 7]])
    #expect(chains.siblings(0..<8, limit: 2) == [[0], [1, 2], [3], [4], [5], [6], [7]])
  }
}
