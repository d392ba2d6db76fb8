internal import CMicroKernels
public import Kernels

/// A frozen weight rounded to 8 bits, one scale a row, for products in integers.
///
///     w[n][k] ≈ scale[n] · code[n][k],    |code| ≤ 127
///
/// One copy serves both directions. Forward, the scale multiplies a column of results. Backward, where rows are what is
/// summed over, it is folded into the gradient before that is quantised, and 32 columns at a time are turned on their
/// side as they are needed, which costs a thousandth of the product.
///
/// Unchecked: immutable after `init`.
public final class IntegerMatrix: @unchecked Sendable {
  /// Output features.
  public let rows: Int
  /// Input features.
  public let columns: Int

  /// Longest stretch that one scale of an activation covers, in columns forward and rows backward.
  static let block = 1_536

  /// Panels of 32 rows.
  let panels: Int
  /// Fours of columns, the last padded with zeros.
  let quads: Int
  /// `[panels][quads][32][4]`.
  let codes: UnsafeMutablePointer<Int8>
  /// One scale a row, 0 for rows of zeros and for those that pad the last panel.
  let scales: FloatBuffer
  /// Σ of a panel's column of codes over each block of columns, `[panels][blocks][32]`.
  let sums: UnsafeMutablePointer<Int32>

  /// Bytes that codes, scales and sums take.
  public var byteCount: Int {
    panels * (quads * 128 + 128 + 128 * Self.blocks(columns))
  }

  /// Blocks of a stretch of `count` numbers.
  static func blocks(_ count: Int) -> Int { (count + block - 1) / block }

  /// Rounds a weight.
  public init(_ weight: WeightMatrix, path: KernelPath = .active) {
    rows = weight.rows
    columns = weight.columns
    panels = (rows + 31) / 32
    quads = (columns + 3) / 4
    codes = UnsafeMutableRawPointer.allocate(
      byteCount: max(128, panels * quads * 128), alignment: 64
    )
    .bindMemory(to: Int8.self, capacity: panels * quads * 128)
    scales = FloatBuffer(count: panels * 32)
    let blocks = Self.blocks(columns)
    sums = .allocate(capacity: max(1, panels * blocks * 32))
    nonisolated(unsafe) let (codes, sums) = (self.codes, self.sums)
    let (columns, quads, scales) = (self.columns, self.quads, self.scales)
    Parallel.run(panels, scratchCount: columns * 32 + 64) { task, scratch in
      weight.readPanel(task, into: scratch)
      let largest = scratch + columns * 32
      largest.update(repeating: 0, count: 32)
      let inverse = largest + 32
      switch path {
      case .avx512: lk_panel_largest_avx512(Int64(columns), scratch, largest)
      case .avx2: lk_panel_largest_avx2(Int64(columns), scratch, largest)
      case .baseline: lk_panel_largest_baseline(Int64(columns), scratch, largest)
      }
      for j in 0..<32 {
        // A row of zeros has scale 0, so that its gradient, which means nothing, has no part in how the others are
        // quantised. NaN stays NaN.
        let scale = largest[j] / 127
        scales.base[task * 32 + j] = scale
        inverse[j] = scale == 0 ? 0 : 1 / scale
      }
      let to = codes + task * quads * 128
      switch path {
      case .avx512: lk_quantize_panel_avx512(Int64(columns), scratch, inverse, to)
      case .avx2: lk_quantize_panel_avx2(Int64(columns), scratch, inverse, to)
      case .baseline: lk_quantize_panel_baseline(Int64(columns), scratch, inverse, to)
      }
      for index in 0..<blocks {
        let first = index * Self.block / 4
        lk_panel_sums_portable(
          Int64(min(Self.block / 4, quads - first)), to + first * 128,
          sums + (task * blocks + index) * 32)
      }
    }
  }

  deinit {
    UnsafeMutableRawPointer(codes).deallocate()
    sums.deallocate()
  }

  /// The value that stands for an element, for tests.
  public func value(_ row: Int, _ column: Int) -> Float {
    let code = codes[((row / 32 * quads + column / 4) * 32 + row % 32) * 4 + column % 4]
    return scales.base[row] * Float(code)
  }
}
