internal import Kernels

/// How fast the two products with a frozen weight run on this machine.
///
/// A multiply-add counts as two operations, and unpacking the weight as none, so rates of one shape compare across
/// storages and with the machine's multiply-add peak.
public struct ProductRate: Sendable, Equatable {
  /// Output features.
  public let rows: Int
  /// Input features.
  public let columns: Int
  /// Rows of activations.
  public let tokens: Int
  /// GFLOP/s of Y = X · Wᵀ.
  public let forward: Double
  /// GFLOP/s of ∂X = ∂Y · W.
  public let backward: Double

  /// Times both products, on as many threads as are in use.
  ///
  /// The median of `repeats` runs, after one that is not counted: the first wakes the threads and maps the pages.
  public static func measure(_ weight: WeightMatrix, tokens: Int, repeats: Int = 7) -> ProductRate {
    let input = FloatBuffer(count: tokens * weight.columns)
    let output = FloatBuffer(count: tokens * weight.rows)
    let (x, y) = (
      input.matrix(rows: tokens, columns: weight.columns),
      output.matrix(rows: tokens, columns: weight.rows)
    )
    x.fill(0.5)
    let operations = 2 * Double(tokens) * Double(weight.rows) * Double(weight.columns)
    let forward = medianSeconds(repeats) { weight.forward(x, into: y) }
    let backward = medianSeconds(repeats) { weight.backward(y, into: x, accumulate: false) }
    return ProductRate(
      rows: weight.rows, columns: weight.columns, tokens: tokens,
      forward: operations / forward * 1e-9, backward: operations / backward * 1e-9)
  }

  private static func medianSeconds(_ repeats: Int, _ body: () -> Void) -> Double {
    body()
    let clock = ContinuousClock()
    let seconds = (0..<max(1, repeats)).map { _ in
      let began = clock.now
      body()
      return (clock.now - began) / .seconds(1)
    }
    return seconds.sorted()[seconds.count / 2]
  }
}
