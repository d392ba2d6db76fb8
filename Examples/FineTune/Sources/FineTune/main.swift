// Fine-tunes a model through the library: a configuration in, a PEFT adapter out.
//
//   swift run -c release --package-path Examples/FineTune FineTune [CONFIG.yaml] [ADAPTER]

import Configuration
import Datasets
import Inference
import LoRA
import Training

let words = Array(CommandLine.arguments.dropFirst())
var settings = try RunConfiguration.load(path: words.first ?? "configs/support.yaml")
settings.training.maxSteps = 20

let chat = try ChatModel(path: settings.model.path, precision: .nf4(doubleQuantized: true))
let rows = try Dataset(readingFrom: settings.data.train).examples
let data = try TokenizedDataset(
  rows, tokenizer: chat.tokenizer, template: chat.template, maxLength: settings.data.maxLength)
let adapter = try LoRAAdapter.starting(
  settings.lora, for: chat.model, seed: settings.training.seed)
let run = try FineTuning(
  configuration: settings.training, model: chat.model, adapter: adapter, examples: data.examples)
let summary = try run.run { event in
  if case .step(let step) = event { print("step \(step.step): loss \(step.loss)") }
  return .resume
}
let folder = words.dropFirst().first ?? "runs/example-adapter"
try AdapterFolder.save(adapter, as: folder, baseModel: settings.model.path)
print("\(summary.trainedTokens) tokens in \(summary.seconds) s; the adapter is in \(folder)")
