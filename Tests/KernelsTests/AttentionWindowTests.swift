import Kernels
import TestSupport
import Testing

@Suite("Attention's window") struct AttentionWindowTests {
  typealias Shape = CausalAttentionTests.Shape

  static func randomCase(_ shape: Shape, _ segments: [Segment], window: Int?, seed: UInt64 = 61)
    -> AttentionCase
  {
    var problem = CausalAttentionTests.randomCase(shape, segments, seed: seed, spread: 1)
    problem.window = window
    return problem
  }

  @Test(
    "forward is the definition and backward its central difference",
    arguments: KernelPath.available,
    [
      ((3, 1, 8), [1, 5, 2], 1), ((4, 2, 16), [7, 3], 3), ((2, 1, 34), [67], 40),
      ((2, 1, 8), [131], 7),
    ] as [(Shape, [Int], Int)])
  func equalsDefinition(_ path: KernelPath, _ problem: (shape: Shape, lengths: [Int], window: Int))
  {
    CausalAttentionTests().expectDefinition(
      Self.randomCase(
        problem.shape, CausalAttentionTests.separate(problem.lengths), window: problem.window),
      path)
  }

  @Test(
    "over a prefix tree it reaches into the ancestors", arguments: KernelPath.available, [1, 3, 6])
  func treeEqualsDefinition(_ path: KernelPath, _ window: Int) {
    let segments = [
      Segment(start: 0, count: 4),
      Segment(start: 4, count: 1, parent: 0, positionOffset: 4),
      Segment(start: 5, count: 3, parent: 0, positionOffset: 4),
      Segment(start: 8, count: 2),
      Segment(start: 10, count: 3, parent: 1, positionOffset: 5),
    ]
    CausalAttentionTests().expectDefinition(
      Self.randomCase((4, 2, 8), segments, window: window), path)
  }

  @Test("as long as the longest chain changes no bit", arguments: KernelPath.available)
  func longEnough(_ path: KernelPath) {
    let tree = CausalAttentionTests.tree
    let all = Self.randomCase((4, 2, 8), tree, window: nil).run(path)
    let windowed = Self.randomCase((4, 2, 8), tree, window: 169).run(path)
    #expect(all.isIntact && windowed.isIntact)
    for (got, expected) in [
      (windowed.output, all.output), (windowed.gradQueries, all.gradQueries),
      (windowed.gradKeys, all.gradKeys), (windowed.gradValues, all.gradValues),
    ] { expectSameBits(got, expected) }
    // And a shorter one changes some.
    #expect(Self.randomCase((4, 2, 8), tree, window: 168).run(path).output != all.output)
  }

  @Test(
    "gives a long row the same bits alone and where it shares its beginning",
    arguments: KernelPath.available, [5, 100, 559, 561, 600, 700])
  func longChains(_ path: KernelPath, _ window: Int) {
    let segments = [
      Segment(start: 0, count: 660),
      Segment(start: 660, count: 60, parent: 0, positionOffset: 660),
      Segment(start: 720, count: 7, parent: 0, positionOffset: 660),
    ]
    let shared = Self.randomCase((2, 1, 8), segments, window: window)
    let (wide, narrow) = (shared.width, shared.sharedWidth)
    func row(_ values: [Float], _ width: Int) -> [Float] { Array(values[..<(720 * width)]) }
    let alone = AttentionCase(
      attention: shared.attention, segments: [Segment(start: 0, count: 720)],
      queries: row(shared.queries, wide), keys: row(shared.keys, narrow),
      values: row(shared.values, narrow), gradOutput: row(shared.gradOutput, wide), window: window)
    expectSameBits(alone.run(path).output, row(shared.run(path).output, wide))
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    let problem = Self.randomCase((4, 2, 16), CausalAttentionTests.tree, window: 50)
    expectSameBitsOnAnyThreads {
      let result = problem.run(path)
      return result.output + result.gradQueries + result.gradKeys + result.gradValues
    }
  }

  @Test("decoding over the last tokens gives the forward pass's last rows", arguments: [1, 6, 200])
  func decode(_ window: Int) {
    let lengths = [1, 33, 7, 130]
    let problem = Self.randomCase((4, 2, 8), CausalAttentionTests.separate(lengths), window: window)
    let whole = problem.run(.active)
    let wide = problem.width
    let keys = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.keys)
    let values = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.values)
    func last(_ numbers: [Float]) -> [Float] {
      problem.segments.map { $0.start + $0.count - 1 }.flatMap {
        numbers[$0 * wide..<($0 + 1) * wide]
      }
    }
    let queries = GuardedMatrix(rows: lengths.count, columns: wide, last(problem.queries))
    let output = GuardedMatrix(rows: lengths.count, columns: wide)
    problem.attention.decode(
      queries: queries.matrix,
      caches: problem.segments.map { segment in
        let range = segment.start..<segment.start + segment.count
        return CausalAttention.CachedSequence(
          keys: keys.matrix.rows(range), values: values.matrix.rows(range)
        ).last(window)
      }, output: output.matrix)
    expectClose(output.values, last(whole.output), relative: 1e-5, absolute: 1e-6)
    #expect(output.isIntact)
  }
}
