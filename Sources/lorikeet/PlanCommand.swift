import CausalLM
import Configuration
import Serialization
import Training

/// `lorikeet plan`.
enum PlanCommand: Command {
  static let name = "plan"
  static let summary = "says what a run would take, in tokens, steps, memory and time"
  static let positional = ["CONFIG.yaml"]
  static let flags = [
    Flag(
      name: "--set", value: "key=value", help: "replaces a key of the configuration",
      isRepeatable: true),
    Flag(name: "--seconds", value: "X", help: "how long to measure; default 5"),
  ]
  static let example = "lorikeet plan configs/support.yaml --set training.max_memory=400MB"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let configuration = try RunConfiguration.load(
      path: arguments.positional[0], overrides: arguments.strings("--set"))
    let session = try TrainingSession(configuration, console)
    let run = session.run
    let seconds = try arguments.number("--seconds") ?? 5
    let estimate = run.estimate(measuring: seconds) {
      console.progress("measuring, \(Format.fixed($0, 1)) of \(Format.fixed(seconds, 0)) s")
    }

    console.print(row("steps", "\(estimate.steps)"))
    console.print(
      row("tokens", "\(estimate.tokens), \(estimate.supervisedTokens) of them supervised"))
    console.print(
      row(
        "time",
        "\(Format.duration(estimate.seconds)) on this machine, \(Int(estimate.tokensPerSecond)) tokens/s"
          + (estimate.validations > 0
            ? "; \(Format.duration(estimate.validationSeconds)) of it for \(estimate.validations) \(estimate.validations == 1 ? "validation" : "validations")"
            : "")))
    console.print(row("memory", Format.megabytes(run.memoryPlan.totalBytes)))
    for part in run.memoryPlan.parts {
      console.print(row("  \(part.name)", Format.megabytes(part.bytes)))
    }
    console.print(row("", run.memoryPlan.choices))
    try console.json(json(estimate, run))
  }

  private static func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 26 - name.count)) + value
  }

  private static func json(_ estimate: RunEstimate, _ run: FineTuning) -> JSONObject {
    var memory = JSONObject()
    for part in run.memoryPlan.parts { memory[part.name] = .integer(part.bytes) }
    return [
      "steps": .integer(estimate.steps), "tokens": .integer(estimate.tokens),
      "supervised_tokens": .integer(estimate.supervisedTokens),
      "validations": .integer(estimate.validations), "seconds": .number(estimate.seconds),
      "step_seconds": .number(estimate.stepSeconds),
      "validation_seconds": .number(estimate.validationSeconds),
      "tokens_per_second": .number(estimate.tokensPerSecond),
      "memory_bytes": .integer(run.memoryPlan.totalBytes), "memory": .object(memory),
      "memory_plan": .string(run.memoryPlan.choices),
    ]
  }
}
