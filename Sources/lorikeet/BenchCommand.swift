import CausalLM
import Configuration
import Kernels
import Quantization
import Serialization
import Training

/// `lorikeet bench`.
enum BenchCommand: Command {
  static let name = "bench"
  static let summary = "measures what this machine's kernels reach"
  static let positional: [String] = []
  static let flags = [
    Flag(
      name: "--config", value: "CONFIG.yaml",
      help: "also takes the first steps of a run, writes nothing, and says where the time goes"),
    Flag(
      name: "--set", value: "key=value", help: "replaces a key of the configuration",
      isRepeatable: true),
  ]
  static let example = "lorikeet bench --config configs/support.yaml"

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
    if let path = arguments.string("--config") {
      json["training"] = .object(try steps(path, arguments.strings("--set"), console))
    }
    try console.json(json)
  }

  /// Optimizer steps that are timed, after one that warms up.
  private static let timedSteps = 8

  /// Takes the first steps of a run.
  private static func steps(_ path: String, _ overrides: [String], _ console: Console) throws
    -> JSONObject
  {
    var configuration = try RunConfiguration.load(path: path, overrides: overrides)
    configuration.training.evalStrategy = .no
    configuration.training.saveStrategy = .no
    let session = try TrainingSession(configuration, console)
    let profile = session.run.model.profile
    var (taken, tokens, seconds) = (0, 0, 0.0)
    _ = try session.run.run { event in
      guard case .step(let report) = event else { return .resume }
      console.progress("step \(report.step) of \(timedSteps + 1)", isLast: false)
      if report.step == 1, session.run.totalSteps > 1 {
        profile.reset()
        return .resume
      }
      taken += 1
      tokens += report.tokens
      seconds += report.seconds
      return taken == timedSteps ? .stop : .resume
    }
    let rate = Double(tokens) / seconds
    console.print("")
    console.print(
      "training, \(session.arithmetic.rawValue): \(Int(rate)) tokens/s, \(Format.fixed(seconds / Double(taken) * 1e3, 0)) ms a step, of it"
    )
    var parts = JSONObject()
    for part in StepProfile.Part.allCases where profile[part] > 0 {
      parts["\(part)"] = .number(profile[part] / Double(taken))
      let share = 100 * profile[part] / seconds
      guard share >= 0.5 else { continue }
      console.print(
        "  " + padded("\(part)", 34, isRight: false)
          + padded(Format.fixed(profile[part] / Double(taken) * 1e3, 1), 9) + " ms"
          + padded(Format.fixed(share, 1), 7) + " %")
    }
    return [
      "compute": .string(session.arithmetic.rawValue), "steps": .integer(taken),
      "tokens_per_second": .number(rate), "seconds_per_step": .number(seconds / Double(taken)),
      "profile_seconds_per_step": .object(parts),
    ]
  }

  private static func line(_ rate: ProductRate, _ precision: String) -> String {
    "  " + padded("\(rate.columns) → \(rate.rows)", 14, isRight: false)
      + padded(precision, 38, isRight: false) + padded(Format.fixed(rate.forward, 1), 9)
      + padded(Format.fixed(rate.backward, 1), 10)
  }

  private static func padded(_ text: String, _ width: Int, isRight: Bool = true) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return isRight ? space + text : text + space
  }
}
