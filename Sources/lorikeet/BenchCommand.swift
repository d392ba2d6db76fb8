import Kernels
import Quantization
import Serialization

/// `lorikeet bench`.
enum BenchCommand: Command {
  static let name = "bench"
  static let summary = "measures what this machine's kernels reach"
  static let positional: [String] = []
  static let flags: [Flag] = []
  static let example = "lorikeet bench --threads 2"

  /// Rows of activations that the products are timed at: what the training loop runs at once.
  private static let tokens = 1_024

  /// Output and input features of SmolLM2-135M's layers, the head left out: it would take longer than the rest.
  private static let shapes = [(576, 576), (1_536, 576), (576, 1_536)]

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let processor = Processor.modelName ?? "unknown"
    var json = JSONObject()
    json["cpu"] = .string(processor)
    json["kernels"] = .string("\(KernelPath.active)")
    json["threads"] = .integer(Parallel.threads)
    console.print("cpu      \(processor)")
    console.print("kernels  \(KernelPath.active)")
    console.print("threads  \(Parallel.threads)")
    console.print("")
    console.print("products with frozen weights, \(tokens) tokens, GFLOP/s     forward  backward")
    var products: [JSONValue] = []
    for (rows, columns) in shapes {
      let values = FloatBuffer(count: rows * columns)
      values.matrix(rows: rows, columns: columns).fill(0.01)
      let nf4 = NF4Matrix.quantizing(rows: rows, columns: columns) { range, slab in
        slab.update(repeating: 0.01, count: range.count * columns)
      }
      for weight in [
        WeightMatrix(
          rows: rows, columns: columns, type: .f32, base: UnsafeRawPointer(values.base),
          owner: values),
        WeightMatrix(nf4),
      ] {
        let rate = ProductRate.measure(weight, tokens: tokens)
        console.print(line(rate, weight.precision))
        products.append(
          .object([
            "weights": .string(weight.precision), "outputs": .integer(rows),
            "inputs": .integer(columns), "tokens": .integer(tokens),
            "forward_gflops": .number(rate.forward), "backward_gflops": .number(rate.backward),
          ]))
      }
    }
    json["products"] = .array(products)
    try console.json(json)
  }

  private static func line(_ rate: ProductRate, _ precision: String) -> String {
    func padded(_ text: String, _ width: Int, isRight: Bool = true) -> String {
      let space = String(repeating: " ", count: max(0, width - text.count))
      return isRight ? space + text : text + space
    }
    return "  " + padded("\(rate.columns) → \(rate.rows)", 14, isRight: false)
      + padded(precision, 38, isRight: false) + padded(Format.fixed(rate.forward, 1), 9)
      + padded(Format.fixed(rate.backward, 1), 10)
  }
}
