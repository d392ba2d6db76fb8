#if canImport(Glibc)
  import Glibc
#endif

/// The singular value decomposition of a matrix, by LAPACK.
///
/// LAPACKE is looked for when it is first needed, so that nothing else depends on it. OpenBLAS, where it is what stands
/// behind LAPACK, is kept to one thread of its own: its sums depend on their number.
///
/// - SeeAlso: LAPACK Users' Guide, driver `sgesdd` (divide and conquer).
struct SingularValues {
  /// `LAPACKE_sgesdd`: layout, job, m, n, a, lda, s, u, ldu, vt, ldvt.
  private typealias Driver =
    @convention(c) (
      Int32, CChar, Int32, Int32, UnsafeMutablePointer<Float>, Int32, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>, Int32, UnsafeMutablePointer<Float>, Int32
    ) -> Int32

  private let driver: Driver

  /// Finds the library.
  ///
  /// - Throws: `LoRAError.lapackMissing`.
  init() throws(LoRAError) {
    guard let driver = Self.found else { throw .lapackMissing }
    self.driver = driver
  }

  private static let found: Driver? = {
    for name in ["liblapacke.so.3", "liblapacke.so", "libopenblas.so.0"] {
      guard let library = dlopen(name, RTLD_NOW | RTLD_GLOBAL),
        let symbol = dlsym(library, "LAPACKE_sgesdd")
      else { continue }
      if let limit = dlsym(library, "openblas_set_num_threads") {
        unsafeBitCast(limit, to: (@convention(c) (Int32) -> Void).self)(1)
      }
      return unsafeBitCast(symbol, to: Driver.self)
    }
    return nil
  }()

  /// The largest `rank` singular values of a matrix with their vectors: `W ≈ Σ_i values_i · left_i rightᵢᵀ`.
  ///
  /// - Parameters:
  ///   - matrix: `[rows, columns]`, end to end; what is in it is lost.
  ///   - body: sees the values, `[rank]`; the right vectors, `[rank, columns]`; and the left ones, `[rows, rank]` with
  ///     `leftStride` numbers from row to row.
  /// - Returns: whether the decomposition was found.
  func decompose(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
    _ body: (
      _ values: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ left: UnsafePointer<Float>,
      _ leftStride: Int
    ) -> Void
  ) -> Bool {
    let count = min(rows, columns)
    let values = UnsafeMutablePointer<Float>.allocate(capacity: count)
    let right = UnsafeMutablePointer<Float>.allocate(capacity: columns * count)
    let left = UnsafeMutablePointer<Float>.allocate(capacity: rows * count)
    defer {
      values.deallocate()
      right.deallocate()
      left.deallocate()
    }
    // Row by row, W is Wᵀ column by column, whose left vectors are W's right ones.
    let columnMajor: Int32 = 102
    let status = driver(
      columnMajor, CChar(UInt8(ascii: "S")), Int32(columns), Int32(rows), matrix, Int32(columns),
      values, right, Int32(columns), left, Int32(count))
    guard status == 0 else { return false }
    body(values, right, left, count)
    return true
  }
}
