// Reads a training configuration through the library, changes it in code, and checks it.
//
//   swift run --package-path Examples/FineTune FineTune [CONFIG.yaml]

import Configuration

let path = CommandLine.arguments.dropFirst().first ?? "configs/support.yaml"
var run = try RunConfiguration.load(path: path, overrides: ["training.seed=7"])
run.training.outputDir = "runs/example"
run.lora.rank = 8
try run.validate()

print("\(path): rank \(run.lora.rank), seed \(run.training.seed), \(run.training.outputDir)")
