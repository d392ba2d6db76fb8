internal import CMicroKernels

/// An owner of numbers in bf16, two bytes each: what is kept for later and not computed with.
///
/// A number is rounded to the nearest of 8 significant bits, a relative error of at most 2⁻⁹, and read back as f32.
///
/// Unchecked: the numeric core hands disjoint parts to its tasks and waits for them.
public final class BFloat16Buffer: @unchecked Sendable {
  /// Number of elements.
  public let count: Int
  private let base: UnsafeMutablePointer<UInt16>

  /// Bytes of the elements.
  public var byteCount: Int { 2 * count }

  /// Allocates `count` zeros.
  public init(count: Int) {
    self.count = count
    let padded = max(count, 32)
    base = ZeroedMemory.allocate(byteCount: 2 * padded)
      .bindMemory(to: UInt16.self, capacity: padded)
  }

  deinit { ZeroedMemory.deallocate(base, byteCount: 2 * max(count, 32)) }

  /// Keeps a matrix, rounded, in place of what was kept.
  ///
  /// - Parameter input: of at most `count` elements, its rows end to end here.
  public func store(_ input: Matrix, path: KernelPath = .active) {
    precondition(input.rows * input.columns <= count, "a matrix larger than the buffer")
    nonisolated(unsafe) let base = self.base
    let columns = input.columns
    Parallel.rows(input.rows, block: 16) { rows, _ in
      for row in rows {
        let (n, from, to) = (Int64(columns), input.row(row), base + row * columns)
        switch path {
        case .avx512: lk_narrow_bf16_avx512(n, from, to)
        case .avx2: lk_narrow_bf16_avx2(n, from, to)
        case .baseline: lk_narrow_bf16_baseline(n, from, to)
        }
      }
    }
  }

  /// Writes what `store` kept.
  ///
  /// - Parameter output: of the shape that was kept, overwritten.
  public func load(into output: Matrix, path: KernelPath = .active) {
    precondition(output.rows * output.columns <= count, "a matrix larger than the buffer")
    nonisolated(unsafe) let base = self.base
    let columns = output.columns
    Parallel.rows(output.rows, block: 16) { rows, _ in
      for row in rows {
        let (n, from, to) = (Int64(columns), base + row * columns, output.row(row))
        switch path {
        case .avx512: lk_widen_bf16_avx512(n, from, to)
        case .avx2: lk_widen_bf16_avx2(n, from, to)
        case .baseline: lk_widen_bf16_baseline(n, from, to)
        }
      }
    }
  }
}
