import Kernels
import TestSupport
import Testing

@Suite("CausalAttention") struct CausalAttentionTests {
  /// Heads, key/value heads, head dimension.
  typealias Shape = (heads: Int, keyValueHeads: Int, headDimension: Int)

  /// Segments that lie end to end and share nothing.
  static func separate(_ lengths: [Int]) -> [Segment] {
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return Segment(start: start, count: length)
    }
  }

  static func randomCase(
    _ shape: Shape, _ segments: [Segment], seed: UInt64, spread: Float = 2
  ) -> AttentionCase {
    var numbers = SeededNumbers(seed)
    let tokens = segments.reduce(0) { $0 + $1.count }
    let wide = tokens * shape.heads * shape.headDimension
    let narrow = tokens * shape.keyValueHeads * shape.headDimension
    return AttentionCase(
      attention: CausalAttention(
        heads: shape.heads, keyValueHeads: shape.keyValueHeads,
        headDimension: shape.headDimension, scale: 1 / Float(shape.headDimension).squareRoot()),
      segments: segments, queries: numbers.floats(wide, within: spread),
      keys: numbers.floats(narrow, within: spread), values: numbers.floats(narrow, within: 1),
      gradOutput: numbers.floats(wide, within: 1))
  }

  @Test("gives PyTorch's output and gradients", arguments: KernelPath.available, ["8", "16", "64"])
  func equalsPyTorch(_ path: KernelPath, _ name: String) throws {
    let fixture = try TensorFixture("kernels/attention.safetensors")
    let (q, k) = (fixture.shape("\(name).q"), fixture.shape("\(name).k"))
    let problem = AttentionCase(
      attention: CausalAttention(
        heads: q[1], keyValueHeads: k[1], headDimension: q[2], scale: 1 / Float(q[2]).squareRoot()),
      segments: Self.separate(fixture.integers("\(name).segment_lengths").map(Int.init)),
      queries: fixture.floats("\(name).q"), keys: fixture.floats("\(name).k"),
      values: fixture.floats("\(name).v"), gradOutput: fixture.floats("\(name).grad_output"))
    let result = problem.run(path)
    for (got, role) in [
      (result.output, "output"), (result.gradQueries, "grad_q"), (result.gradKeys, "grad_k"),
      (result.gradValues, "grad_v"),
    ] {
      let expected = fixture.floats("\(name).\(role)")
      expectClose(
        got, expected, relative: 1e-5, absolute: 2e-6 * largestMagnitude(expected), role)
    }
    #expect(result.isIntact)
  }

  @Test(
    "forward is the definition and backward its central difference",
    arguments: KernelPath.available,
    [
      ((1, 1, 2), [1]), ((3, 1, 8), [1, 5, 2]), ((4, 2, 16), [7, 3]), ((2, 2, 80), [5]),
      ((2, 1, 34), [67]),
    ] as [(Shape, [Int])])
  func equalsDefinition(_ path: KernelPath, _ problem: (shape: Shape, lengths: [Int])) {
    expectDefinition(
      Self.randomCase(problem.shape, Self.separate(problem.lengths), seed: 23), path)
  }

  @Test(
    "over a prefix tree forward is the definition and backward its central difference",
    arguments: KernelPath.available)
  func treeEqualsDefinition(_ path: KernelPath) {
    let segments = [
      Segment(start: 0, count: 4),
      Segment(start: 4, count: 1, parent: 0, positionOffset: 4),
      Segment(start: 5, count: 3, parent: 0, positionOffset: 4),
      Segment(start: 8, count: 2),
      Segment(start: 10, count: 3, parent: 1, positionOffset: 5),
    ]
    expectDefinition(Self.randomCase((4, 2, 8), segments, seed: 24), path)
  }

  func expectDefinition(
    _ problem: AttentionCase, _ path: KernelPath, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let reference = problem.reference
    let result = problem.run(path)
    #expect(result.isIntact, sourceLocation: sourceLocation)
    let (q, k, v) = (
      problem.queries.map(Double.init), problem.keys.map(Double.init),
      problem.values.map(Double.init)
    )
    expectClose(
      result.output, reference.output(queries: q, keys: k, values: v), relative: 1e-5,
      absolute: 1e-6, "output", sourceLocation: sourceLocation)
    func loss(_ output: [Double]) -> Double {
      zip(problem.gradOutput, output).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    let coordinates = problem.tokens > 20 ? 2 : 16
    expectGradient(
      result.gradQueries, at: problem.queries, coordinates: coordinates, "queries",
      sourceLocation: sourceLocation
    ) { loss(reference.output(queries: $0, keys: k, values: v)) }
    expectGradient(
      result.gradKeys, at: problem.keys, coordinates: coordinates, "keys",
      sourceLocation: sourceLocation
    ) { loss(reference.output(queries: q, keys: $0, values: v)) }
    expectGradient(
      result.gradValues, at: problem.values, coordinates: coordinates, "values",
      sourceLocation: sourceLocation
    ) { loss(reference.output(queries: q, keys: k, values: $0)) }
  }

  /// A tree of three levels whose parts pass the block of 64 queries and the panel of 32 keys, and another tree.
  static let tree = [
    Segment(start: 0, count: 70),
    Segment(start: 70, count: 33, parent: 0, positionOffset: 70),
    Segment(start: 103, count: 1, parent: 0, positionOffset: 70),
    Segment(start: 104, count: 5),
    Segment(start: 109, count: 66, parent: 1, positionOffset: 103),
    Segment(start: 175, count: 3, parent: 1, positionOffset: 103),
  ]

  @Test(
    "a prefix tree gives what its sequences give laid out without sharing",
    arguments: KernelPath.available, [(4, 2, 8), (3, 1, 16), (2, 1, 80)] as [Shape])
  func treeEqualsSequences(_ path: KernelPath, _ shape: Shape) {
    let shared = Self.randomCase(shape, Self.tree, seed: 25, spread: 1)
    // Every leaf's chain as a sequence of its own: the shared row of each of its tokens.
    var rows: [Int] = []
    var lengths: [Int] = []
    var chains: [[Int]] = []
    for segment in Self.tree {
      let above = segment.parent.map { chains[$0] } ?? []
      chains.append(above + Array(segment.start..<segment.start + segment.count))
    }
    for (index, chain) in chains.enumerated()
    where !Self.tree.contains(where: { $0.parent == index }) {
      rows += chain
      lengths.append(chain.count)
    }
    // A shared token's gradient arrives once, at its first copy.
    var seen = Set<Int>()
    let isFirst = rows.map { seen.insert($0).inserted }
    func copied(_ values: [Float], _ width: Int) -> [Float] {
      rows.flatMap { values[$0 * width..<($0 + 1) * width] }
    }
    let (wide, narrow) = (shared.width, shared.sharedWidth)
    var gradOutput = copied(shared.gradOutput, wide)
    for (index, first) in isFirst.enumerated() where !first {
      for column in 0..<wide { gradOutput[index * wide + column] = 0 }
    }
    let separate = AttentionCase(
      attention: shared.attention, segments: Self.separate(lengths),
      queries: copied(shared.queries, wide), keys: copied(shared.keys, narrow),
      values: copied(shared.values, narrow), gradOutput: gradOutput)

    let (tree, sequences) = (shared.run(path), separate.run(path))
    #expect(tree.isIntact && sequences.isIntact)
    expectClose(
      sequences.output, copied(tree.output, wide), relative: 1e-5, absolute: 1e-6, "output")
    func summed(_ values: [Float], _ width: Int) -> [Double] {
      var sums = [Double](repeating: 0, count: shared.tokens * width)
      for (index, row) in rows.enumerated() {
        for column in 0..<width {
          sums[row * width + column] += Double(values[index * width + column])
        }
      }
      return sums
    }
    for (got, expected, role) in [
      (tree.gradQueries, summed(sequences.gradQueries, wide), "grad_q"),
      (tree.gradKeys, summed(sequences.gradKeys, narrow), "grad_k"),
      (tree.gradValues, summed(sequences.gradValues, narrow), "grad_v"),
    ] {
      expectClose(
        got, expected, relative: 1e-5, absolute: 2e-6 * largestMagnitude(expected), role)
    }
  }

  @Test(
    "a segment's result does not depend on the segments beside it", arguments: KernelPath.available)
  func isIndependentOfNeighbours(_ path: KernelPath) {
    let together = Self.randomCase((4, 2, 16), Self.separate([5, 71, 40]), seed: 26)
    let result = together.run(path)
    func part(_ values: [Float], _ width: Int) -> [Float] { Array(values[5 * width..<76 * width]) }
    let (wide, narrow) = (together.width, together.sharedWidth)
    let alone = AttentionCase(
      attention: CausalAttention(
        heads: 4, keyValueHeads: 2, headDimension: 16, scale: together.attention.scale),
      segments: Self.separate([71]), queries: part(together.queries, wide),
      keys: part(together.keys, narrow), values: part(together.values, narrow),
      gradOutput: part(together.gradOutput, wide)
    ).run(path)
    expectSameBits(alone.output, part(result.output, wide), "output")
    expectSameBits(alone.gradQueries, part(result.gradQueries, wide), "grad_q")
    expectSameBits(alone.gradKeys, part(result.gradKeys, narrow), "grad_k")
    expectSameBits(alone.gradValues, part(result.gradValues, narrow), "grad_v")
  }

  @Test("large scores pick one value and give no NaN", arguments: KernelPath.available)
  func largeScores(_ path: KernelPath) {
    let tokens = 40
    let attention = CausalAttention(heads: 1, keyValueHeads: 1, headDimension: 2, scale: 1)
    // Key j scores 10⁴ · j against every query: each token attends to itself alone.
    let problem = AttentionCase(
      attention: attention, segments: Self.separate([tokens]),
      queries: (0..<tokens).flatMap { _ in [100, 0] as [Float] },
      keys: (0..<tokens).flatMap { [100 * Float($0), 0] },
      values: (0..<tokens).flatMap { [Float($0), 1] },
      gradOutput: [Float](repeating: 1, count: 2 * tokens))
    let result = problem.run(path)
    expectClose(result.output, problem.values, relative: 1e-6, absolute: 1e-30)
    expectClose(
      result.gradValues, [Float](repeating: 1, count: 2 * tokens), relative: 1e-6)
    expectClose(
      result.gradQueries + result.gradKeys, [Float](repeating: 0, count: 4 * tokens),
      absolute: 1e-2)
  }

  @Test(
    "decoding gives the forward pass's last rows", arguments: KernelPath.available,
    [(4, 2, 8), (3, 1, 16), (9, 3, 64), (2, 1, 80)] as [Shape])
  func decodeEqualsForward(_ path: KernelPath, _ shape: Shape) {
    let lengths = [1, 33, 7, 130]
    let problem = Self.randomCase(shape, Self.separate(lengths), seed: 27)
    let whole = problem.run(path)
    let wide = problem.width
    let keys = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.keys)
    let values = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.values)
    let lastRows = problem.segments.map { $0.start + $0.count - 1 }
    func last(_ numbers: [Float]) -> [Float] {
      lastRows.flatMap { numbers[$0 * wide..<($0 + 1) * wide] }
    }
    let queries = GuardedMatrix(rows: lengths.count, columns: wide, last(problem.queries))
    let output = GuardedMatrix(rows: lengths.count, columns: wide)
    problem.attention.decode(
      queries: queries.matrix,
      caches: problem.segments.map { segment in
        let range = segment.start..<segment.start + segment.count
        return .init(keys: keys.matrix.rows(range), values: values.matrix.rows(range))
      }, output: output.matrix, path: path)
    expectClose(output.values, last(whole.output), relative: 1e-5, absolute: 1e-6)
    #expect(output.isIntact && queries.isIntact && keys.isIntact && values.isIntact)
    expectSameBitsOnAnyThreads("decode") {
      let output = GuardedMatrix(rows: lengths.count, columns: wide)
      problem.attention.decode(
        queries: queries.matrix,
        caches: problem.segments.map { segment in
          let range = segment.start..<segment.start + segment.count
          return .init(keys: keys.matrix.rows(range), values: values.matrix.rows(range))
        }, output: output.matrix, path: path)
      return output.values
    }
  }

  @Test(
    "continuing keys and values read before gives the bits of one pass over all",
    arguments: KernelPath.available, [(4, 2, 8), (3, 1, 16), (9, 3, 64)] as [Shape])
  func continuesCache(_ path: KernelPath, _ shape: Shape) {
    // Everything after the first 70 tokens, in segments that were its children and are now roots, and theirs.
    let segments = [
      Segment(start: 0, count: 70),
      Segment(start: 70, count: 33, parent: 0, positionOffset: 70),
      Segment(start: 103, count: 1, parent: 0, positionOffset: 70),
      Segment(start: 104, count: 66, parent: 1, positionOffset: 103),
      Segment(start: 170, count: 3, parent: 0, positionOffset: 70),
    ]
    let problem = Self.randomCase(shape, segments, seed: 31, spread: 1)
    let whole = problem.run(path)
    let (wide, count) = (problem.width, problem.tokens - 70)
    let queries = GuardedMatrix(rows: problem.tokens, columns: wide, problem.queries)
    let keys = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.keys)
    let values = GuardedMatrix(rows: problem.tokens, columns: problem.sharedWidth, problem.values)
    let logSumExp = FloatBuffer(count: count * shape.heads)
    expectSameBitsOnAnyThreads {
      let output = GuardedMatrix(rows: count, columns: wide)
      problem.attention.forward(
        queries: queries.matrix.rows(70..<problem.tokens),
        keys: keys.matrix.rows(70..<problem.tokens),
        values: values.matrix.rows(70..<problem.tokens),
        layout: AttentionLayout(
          segments.dropFirst().map { segment in
            Segment(
              start: segment.start - 70, count: segment.count,
              parent: segment.parent.flatMap { $0 == 0 ? nil : $0 - 1 },
              positionOffset: segment.positionOffset)
          }, cached: 70),
        after: .init(keys: keys.matrix.rows(0..<70), values: values.matrix.rows(0..<70)),
        output: output.matrix, logSumExp: logSumExp.base, path: path)
      #expect(output.isIntact)
      expectSameBits(output.values, Array(whole.output[(70 * wide)...]))
      return output.values
    }
  }

  @Test(
    "a long row has the same bits alone and where it shares its beginning",
    arguments: KernelPath.available)
  func longChains(_ path: KernelPath) {
    // Chains beyond the stretch that a product sums at once, ending in the middle of blocks of queries.
    let segments = [
      Segment(start: 0, count: 660),
      Segment(start: 660, count: 60, parent: 0, positionOffset: 660),
      Segment(start: 720, count: 7, parent: 0, positionOffset: 660),
    ]
    let shared = Self.randomCase((2, 1, 8), segments, seed: 51)
    let (wide, narrow) = (shared.width, shared.sharedWidth)
    func row(_ values: [Float], _ width: Int) -> [Float] { Array(values[..<(720 * width)]) }
    let alone = AttentionCase(
      attention: shared.attention, segments: [Segment(start: 0, count: 720)],
      queries: row(shared.queries, wide), keys: row(shared.keys, narrow),
      values: row(shared.values, narrow), gradOutput: row(shared.gradOutput, wide))
    expectSameBits(alone.run(path).output, row(shared.run(path).output, wide))
  }

  @Test(
    "some of the queries give what all give where the others' outputs count nothing",
    arguments: KernelPath.available)
  func someQueries(_ path: KernelPath) {
    let whole = Self.randomCase((4, 2, 16), Self.tree, seed: 41)
    let wide = whole.width
    // Every seventh token, and none of some segments.
    let rows = (0..<whole.tokens).filter { $0 % 7 == 3 }
    func chosen(_ values: [Float]) -> [Float] {
      rows.flatMap { values[$0 * wide..<($0 + 1) * wide] }
    }
    var gradOutput = [Float](repeating: 0, count: whole.gradOutput.count)
    for row in rows {
      for column in row * wide..<(row + 1) * wide { gradOutput[column] = whole.gradOutput[column] }
    }
    let reference = AttentionCase(
      attention: whole.attention, segments: whole.segments, queries: whole.queries,
      keys: whole.keys, values: whole.values, gradOutput: gradOutput
    ).run(path)

    let layout = AttentionLayout(whole.segments, queryRows: rows)
    let q = GuardedMatrix(rows: rows.count, columns: wide, chosen(whole.queries))
    let dO = GuardedMatrix(rows: rows.count, columns: wide, chosen(gradOutput))
    let k = GuardedMatrix(rows: whole.tokens, columns: whole.sharedWidth, whole.keys)
    let v = GuardedMatrix(rows: whole.tokens, columns: whole.sharedWidth, whole.values)
    let (output, gradQ) = (
      GuardedMatrix(rows: rows.count, columns: wide), GuardedMatrix(rows: rows.count, columns: wide)
    )
    let (gradK, gradV) = (
      GuardedMatrix(rows: whole.tokens, columns: whole.sharedWidth),
      GuardedMatrix(rows: whole.tokens, columns: whole.sharedWidth)
    )
    let logSumExp = FloatBuffer(count: rows.count * whole.attention.heads)
    whole.attention.forward(
      queries: q.matrix, keys: k.matrix, values: v.matrix, layout: layout, output: output.matrix,
      logSumExp: logSumExp.base, path: path)
    whole.attention.backward(
      dO.matrix, output: output.matrix, queries: q.matrix, keys: k.matrix, values: v.matrix,
      layout: layout, logSumExp: logSumExp.base, gradQueries: gradQ.matrix, gradKeys: gradK.matrix,
      gradValues: gradV.matrix, path: path)
    for (label, got, expected) in [
      ("output", output.values, chosen(reference.output)),
      ("queries", gradQ.values, chosen(reference.gradQueries)),
      ("keys", gradK.values, reference.gradKeys), ("values", gradV.values, reference.gradValues),
    ] {
      expectClose(got, expected.map(Double.init), relative: 1e-5, absolute: 1e-5, label)
    }
    #expect(output.isIntact && gradQ.isIntact && gradK.isIntact && gradV.isIntact)
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    let problem = Self.randomCase((4, 2, 16), Self.tree, seed: 28)
    expectSameBitsOnAnyThreads {
      let result = problem.run(path)
      return result.output + result.gradQueries + result.gradKeys + result.gradValues
    }
  }

  @Test("one object serves longer and shorter chains in turn", arguments: KernelPath.available)
  func reuse(_ path: KernelPath) {
    let short = Self.randomCase((2, 1, 8), Self.separate([3, 2]), seed: 29)
    let fresh = short.run(path)
    let long = Self.randomCase((2, 1, 8), Self.separate([131]), seed: 30)
    let again = AttentionCase(
      attention: long.attention, segments: short.segments, queries: short.queries,
      keys: short.keys, values: short.values, gradOutput: short.gradOutput)
    _ = long.run(path)
    let result = again.run(path)
    expectSameBits(result.output, fresh.output)
    expectSameBits(result.gradKeys, fresh.gradKeys)
  }
}
