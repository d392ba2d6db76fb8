internal import Kernels
internal import Quantization

extension SelfTest {
  static var kernelChecks: [Check] {
    KernelPath.available.map { path in
      Check(
        name: "products, \(path)", claim: "sums in f32 are those in f64, to rounding", bound: 2e-6
      ) { _ in product(path) }
    } + [
      Check(
        name: "integer products", claim: "w8a16 is f32 within what 8 bits of a weight cost",
        bound: 0.02
      ) { _ in integerProduct() },
      Check(
        name: "NF4", claim: "codes and magnitudes are those of bitsandbytes", bound: 0
      ) { _ in nf4() },
    ]
  }

  private static func numbers(_ purpose: String, _ count: Int) -> [Float] {
    let random = CounterRandom(seed: 11, purpose: purpose)
    return (0..<count).map { 2 * random.uniform(UInt64($0)) - 1 }
  }

  /// C = A·B at a shape that no tile divides, against sums in f64.
  private static func product(_ path: KernelPath) -> Double {
    let (m, n, k) = (37, 71, 203)
    let (a, b) = (numbers("A", m * k), numbers("B", k * n))
    var c = [Float](repeating: 0, count: m * n)
    GEMM.multiply(
      m: m, n: n, k: k, a: a, rsa: k, csa: 1, b: b, ldb: n, c: &c, ldc: n, path: path)
    let exact = (0..<m * n).map { index in
      let (row, column) = (index / n, index % n)
      return Float(
        (0..<k).reduce(0.0) { $0 + Double(a[row * k + $1]) * Double(b[$1 * n + column]) })
    }
    return relativeError(c, exact)
  }

  private static func integerProduct() -> Double {
    let (tokens, rows, columns) = (19, 96, 320)
    let values = FloatBuffer(numbers("weight", rows * columns))
    let weight = WeightMatrix(
      rows: rows, columns: columns, type: .f32, base: UnsafeRawPointer(values.base), owner: values)
    let input = FloatBuffer(numbers("input", tokens * columns))
    let (exact, rounded) = (FloatBuffer(count: tokens * rows), FloatBuffer(count: tokens * rows))
    weight.prepareForIntegers()
    let inputs = input.matrix(rows: tokens, columns: columns)
    for (output, planes) in [(exact, nil), (rounded, ActivationPlanes(.w8a16))] {
      let product = WeightMatrix.Product(
        weight: weight, outputs: output.matrix(rows: tokens, columns: rows))
      WeightMatrix.forward([product], inputs, planes: planes)
    }
    return relativeError(rounded.array, exact.array)
  }

  /// What bitsandbytes 0.50.2 makes of `((37 i) mod 101 − 50) / 32 · (1 + ⌊i / 64⌋)`, i < 256, in blocks of 64.
  private static let bitsandbytesCodes = """
    04c16e29f3b05d17e29f3c05d18e2af4c16e18e3b05d17e29f3b05d18e2af4c1\
    6d18e3b04c17e29f3b05d17e2af4c06d18e2a04c16e29f3b05d17e29f3c05d18\
    e2af4c16e18e3b05d17e29f3b05d18e2af4c16d18e3b04c17e29f3b05d17e2af\
    4c06d18e2a04c16e29f3b05d17e29f3c05d18e2af4c16e18e3b05d17e29f3b05
    """
  private static let bitsandbytesMagnitudes: [Float] = [1.5625, 3.125, 4.6875, 6.25]

  /// How many bytes and magnitudes differ.
  private static func nf4() -> Double {
    let matrix = NF4Matrix.quantizing(rows: 4, columns: 64, doubleQuantized: false) { rows, into in
      for (offset, index) in (rows.lowerBound * 64..<rows.upperBound * 64).enumerated() {
        into[offset] = Float((index * 37) % 101 - 50) / 32 * Float(1 + index / 64)
      }
    }
    let digits = Array(bitsandbytesCodes)
    let codes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
    let ours = matrix.packedCodes
    guard ours.count == codes.count else { return .infinity }
    return Double(
      zip(ours, codes).count { $0 != $1 }
        + zip(matrix.absmaxFloats, bitsandbytesMagnitudes).count { $0 != $1 })
  }
}
