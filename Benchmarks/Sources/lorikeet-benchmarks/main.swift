import CausalLM
import Kernels
import Serialization

// lorikeet-benchmarks training WORKLOAD file|nf4 STEPS [MODEL]

let words = Array(CommandLine.arguments.dropFirst())
guard words.count >= 4, words[0] == "training", let workload = Workload(rawValue: words[1]),
  let steps = Int(words[3])
else { fatalError("usage: lorikeet-benchmarks training WORKLOAD file|nf4 STEPS [MODEL]") }
let model = words.count > 4 ? words[4] : "models/SmolLM2-135M-Instruct.Q4_1.gguf"
let result = try TrainingBenchmark(
  model: model, workload: workload,
  precision: words[2] == "nf4" ? .nf4(doubleQuantized: true) : .stored, steps: steps
).run()
print(JSONValue.object(result).serialized())
