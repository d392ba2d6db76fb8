internal import CMicroKernels

/// Makes an `NF4Matrix` slab by slab, so that the floats of a whole matrix never exist together.
///
/// Slabs may be quantised in any order and by several threads at once; the result is the same bytes. Codes and
/// magnitudes equal bitsandbytes 0.50 on the CPU bit for bit, but for one thing: the offset of double quantisation
/// is the mean summed in Double here, in Float and by PyTorch's order there, and can differ by one ulp.
///
///     let quantizer = NF4Quantizer(rows: 576, columns: 1536)
///     for rows in quantizer.slabs(ofRows: 64) { … quantizer.quantize(rows, from: values) }
///     let matrix = quantizer.finish()
public final class NF4Quantizer: @unchecked Sendable {
  // Sendable because threads write disjoint blocks: slabs begin where blocks begin.

  /// What is being made.
  private let matrix: NF4Matrix

  /// One magnitude per block, in the matrix's own memory where it is to keep them.
  private let absmax: UnsafeMutablePointer<Float>

  /// Begins a matrix.
  ///
  /// - Parameters:
  ///   - rows: rows in all.
  ///   - columns: elements of a row.
  ///   - doubleQuantized: whether magnitudes are stored in 8 bits.
  public init(rows: Int, columns: Int, doubleQuantized: Bool = true) {
    matrix = NF4Matrix(
      unfilledRows: rows, columns: columns, doubleQuantized: doubleQuantized)
    absmax = doubleQuantized ? .allocate(capacity: matrix.blockCount) : matrix.magnitudes
  }

  deinit {
    if matrix.isDoubleQuantized { absmax.deallocate() }
  }

  /// Slabs begin at multiples of this many rows, for there blocks begin; 1, 2, 4, … or 64.
  public var rowsPerBlockBoundary: Int {
    max(1, NF4Matrix.blockElements >> min(6, matrix.columns.trailingZeroBitCount))
  }

  /// Cuts the matrix into slabs of about `rows` rows that each begin with a block.
  public func slabs(ofRows rows: Int) -> [Range<Int>] {
    let step = max(1, rows).dividedRoundingUp(by: rowsPerBlockBoundary) * rowsPerBlockBoundary
    return stride(from: 0, to: matrix.rows, by: step).map {
      $0..<min($0 + step, matrix.rows)
    }
  }

  /// Quantises one slab.
  ///
  /// - Parameters:
  ///   - rows: begins at a multiple of `rowsPerBlockBoundary` and ends at one or with the matrix.
  ///   - values: `[rows.count, columns]`.
  public func quantize(_ rows: Range<Int>, from values: UnsafePointer<Float>) {
    quantize(rows, from: values, on: .best)
  }

  /// `quantize(_:from:)` with the instructions named.
  func quantize(
    _ rows: Range<Int>, from values: UnsafePointer<Float>, on instructions: InstructionSet
  ) {
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= matrix.rows
        && rows.lowerBound % rowsPerBlockBoundary == 0
        && (rows.upperBound == matrix.rows || rows.upperBound % rowsPerBlockBoundary == 0),
      "a slab begins where a block begins")
    let first = rows.lowerBound * matrix.columns
    let count = Int64(rows.count * matrix.columns)
    let packed = matrix.packed + first / 2
    let absmax = absmax + first / NF4Matrix.blockElements
    switch instructions {
    #if arch(x86_64)
      case .avx512: lk_nf4_quantize_avx512(values, count, packed, absmax)
      case .avx2: lk_nf4_quantize_avx2(values, count, packed, absmax)
    #endif
    default: lk_nf4_quantize_portable(values, count, packed, absmax)
    }
  }

  /// Quantises the magnitudes and gives the matrix out.
  ///
  /// Call it once, after the last slab.
  public func finish() -> NF4Matrix {
    let magnitudes = UnsafeBufferPointer(start: absmax, count: matrix.blockCount)
    let sum = magnitudes.reduce(0 as Double) { $0 + Double($1) }
    return finish(offset: Float(sum / Double(max(1, matrix.blockCount))))
  }

  /// `finish()` with the offset given.
  func finish(offset: Float) -> NF4Matrix {
    guard let codes = matrix.nestedCodes else { return matrix }
    let blocks = matrix.blockCount
    for i in 0..<blocks { absmax[i] -= offset }
    for start in stride(from: 0, to: blocks, by: NF4Matrix.nestedBlockElements) {
      let nested = UnsafeBufferPointer(
        start: absmax + start, count: min(NF4Matrix.nestedBlockElements, blocks - start))
      matrix.magnitudes[start / NF4Matrix.nestedBlockElements] = DynamicMap.quantize(
        nested, into: codes + start)
    }
    matrix.offset = offset
    return matrix
  }
}

extension NF4Matrix {
  /// Quantises a matrix whose rows `fill` writes slab by slab.
  ///
  /// - Parameters:
  ///   - rows: rows in all.
  ///   - columns: elements of a row.
  ///   - doubleQuantized: whether magnitudes are stored in 8 bits.
  ///   - fill: writes the rows of the given range, `[rows.count, columns]`, into the given buffer.
  public static func quantizing(
    rows: Int, columns: Int, doubleQuantized: Bool = true,
    fill: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows -> NF4Matrix {
    let quantizer = NF4Quantizer(
      rows: rows, columns: columns, doubleQuantized: doubleQuantized)
    // About a quarter of a megabyte: a slab stays in the cache between being written and being read.
    let slabs = quantizer.slabs(ofRows: 65536 / max(1, columns))
    let values = UnsafeMutablePointer<Float>.allocate(
      capacity: (slabs.first?.count ?? 0) * columns)
    defer { values.deallocate() }
    for slab in slabs {
      try fill(slab, values)
      quantizer.quantize(slab, from: values)
    }
    return quantizer.finish()
  }
}
