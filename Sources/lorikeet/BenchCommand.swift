import Kernels
import Serialization

/// `lorikeet bench`.
enum BenchCommand: Command {
  static let name = "bench"
  static let summary = "measures what this machine's kernels reach"
  static let positional: [String] = []
  static let flags: [Flag] = []
  static let example = "lorikeet bench --threads 2"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    var json = JSONObject()
    json["kernels"] = .string("\(KernelPath.active)")
    json["threads"] = .integer(Parallel.threads)
    console.print("kernels \(KernelPath.active), \(Parallel.threads) threads")
    var products: [JSONValue] = []
    for (rows, columns, depth) in [(512, 576, 576), (512, 1_536, 576), (512, 576, 1_536)] {
      let rate = gemmRate(m: rows, n: columns, k: depth)
      console.print("product \(rows) × \(columns) × \(depth): \(Format.fixed(rate, 1)) GFLOP/s")
      products.append(
        .object(
          JSONObject([
            ("m", .integer(rows)), ("n", .integer(columns)), ("k", .integer(depth)),
            ("gflops", .number(rate)),
          ])))
    }
    json["products"] = .array(products)
    try console.json(json)
  }

  /// GFLOP/s of an f32 product on all threads, the best of several runs.
  private static func gemmRate(m: Int, n: Int, k: Int) -> Double {
    let (a, b, c) = (
      FloatBuffer(count: m * k), FloatBuffer(count: n * k), FloatBuffer(count: m * n)
    )
    let clock = ContinuousClock()
    var best = Double.infinity
    for _ in 0..<30 {
      let began = clock.now
      Parallel.run(n / 32) { panel, _ in
        GEMM.panel(
          m: m, n: 32, k: k, a: a.base, rsa: k, csa: 1, b: b.base + panel * 32 * k, ldb: 32,
          c: c.base + panel * 32,
          ldc: n)
      }
      best = min(best, (clock.now - began) / .seconds(1))
    }
    return 2e-9 * Double(m * n * k) / best
  }
}
