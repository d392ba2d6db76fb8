import Kernels
import TestSupport
import Testing

/// Attention whose scores are bounded, as Gemma 2 has it.
@Suite("Attention's soft cap") struct AttentionSoftCapTests {
  typealias Shape = CausalAttentionTests.Shape

  static func capped(_ problem: AttentionCase, to cap: Float, window: Int? = nil) -> AttentionCase {
    let plain = problem.attention
    return AttentionCase(
      attention: CausalAttention(
        heads: plain.heads, keyValueHeads: plain.keyValueHeads, headDimension: plain.headDimension,
        scale: plain.scale, softCap: cap),
      segments: problem.segments, queries: problem.queries, keys: problem.keys,
      values: problem.values, gradOutput: problem.gradOutput, window: window)
  }

  @Test("gives PyTorch's output and gradients", arguments: KernelPath.available, ["8", "16"])
  func equalsPyTorch(_ path: KernelPath, _ name: String) throws {
    let fixture = try TensorFixture("kernels/attention_soft_cap.safetensors")
    let (q, k) = (fixture.shape("\(name).q"), fixture.shape("\(name).k"))
    let problem = AttentionCase(
      attention: CausalAttention(
        heads: q[1], keyValueHeads: k[1], headDimension: q[2], scale: 1 / Float(q[2]).squareRoot(),
        softCap: fixture.floats("\(name).cap")[0]),
      segments: CausalAttentionTests.separate(
        fixture.integers("\(name).segment_lengths").map(Int.init)),
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
    "forward is the definition and backward its central difference, with a window and without",
    arguments: KernelPath.available, [nil, 3] as [Int?])
  func equalsDefinition(_ path: KernelPath, _ window: Int?) {
    let segments = [
      Segment(start: 0, count: 4), Segment(start: 4, count: 1, parent: 0, positionOffset: 4),
      Segment(start: 5, count: 3, parent: 0, positionOffset: 4), Segment(start: 8, count: 37),
    ]
    for (shape, cap) in [((4, 2, 8), 1.25), ((3, 1, 16), 50)] as [(Shape, Float)] {
      let problem = CausalAttentionTests.randomCase(shape, segments, seed: 41)
      CausalAttentionTests().expectDefinition(
        Self.capped(problem, to: cap, window: window), path)
    }
  }

  @Test("is nothing where the cap is far above the scores", arguments: KernelPath.available)
  func farCap(_ path: KernelPath) {
    let plain = CausalAttentionTests.randomCase(
      (4, 2, 8), CausalAttentionTests.separate([19]), seed: 42)
    let (bounded, free) = (Self.capped(plain, to: 3e4).run(path), plain.run(path))
    expectClose(bounded.output, free.output, relative: 1e-5, absolute: 1e-5)
    expectClose(bounded.gradKeys, free.gradKeys, relative: 1e-4, absolute: 1e-5)
    // And a near one is something.
    #expect(relativeError(Self.capped(plain, to: 1).run(path).output, free.output) > 0.05)
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    let problem = Self.capped(
      CausalAttentionTests.randomCase((4, 2, 16), CausalAttentionTests.tree, seed: 43), to: 2)
    expectSameBitsOnAnyThreads {
      let result = problem.run(path)
      return result.output + result.gradQueries + result.gradKeys + result.gradValues
    }
  }

  @Test("is the same in decoding")
  func decode() {
    let lengths = [1, 33, 7, 130]
    let problem = Self.capped(
      CausalAttentionTests.randomCase((4, 2, 8), CausalAttentionTests.separate(lengths), seed: 44),
      to: 1.5)
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
          keys: keys.matrix.rows(range), values: values.matrix.rows(range))
      }, output: output.matrix)
    expectClose(output.values, last(whole.output), relative: 1e-5, absolute: 1e-6)
    #expect(output.isIntact)
  }
}
