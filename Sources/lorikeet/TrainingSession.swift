import CausalLM
import Configuration
import Datasets
import Inference
import Kernels
import LoRA
import ModelFiles
import Quantization
import Tokenization
import Training

/// A configuration with everything that it names read and ready to train; nothing has been written yet.
struct TrainingSession {
  let file: ModelFile
  let template: ChatTemplate?
  let precision: CausalLM.Precision
  let arithmetic: Arithmetic
  let run: FineTuning

  /// Reads data and model, and says what there is.
  init(_ configuration: RunConfiguration, _ console: Console) throws {
    let file = try ModelFile.open(configuration.model.path)
    let tokenizer = try file.makeTokenizer()
    let template = try file.makeChatTemplate(tokenizer)
    func tokenized(_ paths: [String], _ label: String) throws -> TokenizedDataset? {
      guard !paths.isEmpty else { return nil }
      let dataset = try Dataset(readingFrom: paths)
      let tokens = try TokenizedDataset(
        dataset.examples, tokenizer: tokenizer, template: template,
        maxLength: configuration.data.maxLength,
        overlong: configuration.data.overlong, assistantOnly: configuration.data.assistantOnlyLoss)
      for file in dataset.files { console.note("\(label): \(file)") }
      console.note(Self.summary(tokens, label))
      return tokens
    }
    guard let train = try tokenized(configuration.data.train, "train") else {
      throw TrainingError.noExamples
    }
    let validation = try tokenized(configuration.data.validation, "validation")
    let retention = try tokenized(configuration.data.retention, "retention")

    precision =
      configuration.model.loadIn4Bit
      ? .nf4(doubleQuantized: configuration.model.useDoubleQuant) : .stored
    let chat = try ModelSession.load(configuration.model.path, precision, console)
    arithmetic = Arithmetic(configuration.training.compute)
    if arithmetic != .f32, !Arithmetic.hasFastIntegers {
      console.note(
        "warning: this CPU has no AVX-512 VNNI, so training.compute: \(arithmetic.rawValue) will be slow; f32 would be faster"
      )
    }
    chat.model.compute(in: arithmetic)
    let adapter = try LoRAAdapter.starting(
      configuration.lora, for: chat.model, seed: configuration.training.seed)
    SystemAllocator.trim()
    run = try FineTuning(
      configuration: configuration.training, shuffle: configuration.data.shuffle, model: chat.model,
      adapter: adapter,
      examples: train.examples, validation: validation?.examples ?? [],
      retention: retention?.examples ?? [])
    self.file = file
    self.template = template
    console.note(
      "\(adapter.modules.count) layers adapted, \(adapter.parameters.count) parameters; \(run.totalSteps) steps; \(Parallel.threads) threads, \(KernelPath.active) kernels, \(arithmetic.rawValue)"
    )
  }

  private static func summary(_ tokens: TokenizedDataset, _ label: String) -> String {
    let counts = tokens.counts
    var text =
      "\(label): \(tokens.examples.count) rows, \(counts.tokens) tokens, \(counts.supervisedTokens) supervised"
    if counts.dropped > 0 { text += ", \(counts.dropped) rows dropped as too long" }
    if counts.truncated > 0 { text += ", \(counts.truncated) rows truncated" }
    if counts.supervisedTokensLost > 0 {
      text += ", \(counts.supervisedTokensLost) supervised tokens lost"
    }
    return text
  }
}
