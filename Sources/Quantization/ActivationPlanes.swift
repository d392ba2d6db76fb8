internal import CMicroKernels
internal import Kernels

/// How the products with frozen weights are computed.
public enum Arithmetic: String, Sendable, CaseIterable {
  /// In f32, from the weights as they are stored.
  case f32
  /// Weights of 8 bits, activations of 16.
  case w8a16
  /// Weights and activations of 8 bits.
  case w8a8

  /// The fastest that was found to lose nothing (`docs/quality.md`), on this CPU.
  public static var automatic: Arithmetic { hasFastIntegers ? .w8a16 : .f32 }

  /// Whether this CPU has the instructions that make integers worth their while; without, they are right but slow.
  public static var hasFastIntegers: Bool {
    IntegerProduct.hasVNNI && KernelPath.active == .avx512
  }

  /// Bytes of an activation.
  var planes: Int { self == .w8a8 ? 1 : 2 }
}

/// Rows of activations quantised for a product in integers: unsigned bytes, and a scale for each block of 1,536.
///
/// The memory is reused from call to call; matrices that are multiplied in one job lie end to end.
///
/// - SeeAlso: Wortsman et al. 2023, "Stable and low-precision training for large-scale vision-language models"
///   (SwitchBack), arXiv:2304.13013, which runs the same two products in 8 bits.
public final class ActivationPlanes {
  /// Bytes of an activation: 2 or 1.
  let planes: Int
  private var bytes: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var scales: FloatBuffer
  private var used = 0
  private var usedScales = 0

  /// Quantised rows of one matrix.
  struct Rows: @unchecked Sendable {
    let bytes: UnsafeMutablePointer<UInt8>
    let scales: UnsafeMutablePointer<Float>
    /// Bytes of a row of one plane.
    let stride: Int
    /// Scales of a row.
    let blocks: Int
  }

  /// Room for `count` numbers at a time; it grows where that does not suffice.
  public init(_ arithmetic: Arithmetic, count: Int = 0) {
    planes = arithmetic.planes
    capacity = max(64, count * planes)
    bytes = Self.allocate(capacity)
    scales = FloatBuffer(count: 64)
  }

  deinit { UnsafeMutableRawPointer(bytes).deallocate() }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    // Zeroed: what pads a row meets weights of zero, and is read.
    let raw = UnsafeMutableRawPointer.allocate(byteCount: count + 64, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: count + 64)
    return raw.assumingMemoryBound(to: UInt8.self)
  }

  private static func stride(_ columns: Int) -> Int { (columns + 3) / 4 * 4 }

  /// Bytes taken once rows of `columns` numbers, all matrices of a job together, have been quantised.
  public func byteCount(rows: Int, columns: Int) -> Int {
    rows * planes * (columns + 16) + 4 * rows * (columns / IntegerMatrix.block + 8)
  }

  /// Makes room for matrices of these widths and forgets what was there.
  func reset(rows: Int, columns: Int) {
    let needed = rows * planes * (columns + 16)
    if needed > capacity {
      UnsafeMutableRawPointer(bytes).deallocate()
      capacity = needed
      bytes = Self.allocate(capacity)
    }
    let neededScales = rows * (columns / IntegerMatrix.block + 8)
    if neededScales > scales.count { scales = FloatBuffer(count: neededScales) }
    (used, usedScales) = (0, 0)
  }

  /// Quantises a matrix behind those already there.
  ///
  /// - Parameters:
  ///   - input: `[rows, columns]`.
  ///   - factors: `[columns]`, multiplied in first; nil for none.
  func append(_ input: Matrix, factors: UnsafeMutablePointer<Float>?, path: KernelPath) -> Rows {
    let stride = Self.stride(input.columns)
    let blocks = IntegerMatrix.blocks(input.columns)
    let rows = Rows(
      bytes: bytes + used, scales: scales.base + usedScales, stride: stride, blocks: blocks)
    used += input.rows * planes * stride
    usedScales += input.rows * blocks
    precondition(used <= capacity && usedScales <= scales.count, "reset makes room first")
    let planes = Int32(self.planes)
    let pairs = input.rows * blocks
    // Some sixteen thousand numbers a task.
    let perTask = max(1, 16_384 / min(input.columns, IntegerMatrix.block))
    Parallel.run((pairs + perTask - 1) / perTask, scratchCount: IntegerMatrix.block) {
      task, buffer in
      for pair in task * perTask..<min(pairs, (task + 1) * perTask) {
        let (row, block) = (pair / blocks, pair % blocks)
        let first = block * IntegerMatrix.block
        let count = Int64(min(IntegerMatrix.block, input.columns - first))
        let from = input.row(row) + first
        let factor = factors.map { UnsafePointer($0 + first) }
        let to = rows.bytes + row * Int(planes) * stride + first
        let scale =
          switch path {
          case .avx512:
            lk_quantize_row_avx512(count, planes, from, factor, to, Int64(stride), buffer)
          case .avx2: lk_quantize_row_avx2(count, planes, from, factor, to, Int64(stride), buffer)
          case .baseline:
            lk_quantize_row_baseline(count, planes, from, factor, to, Int64(stride), buffer)
          }
        rows.scales[pair] = scale
      }
    }
    return rows
  }
}
