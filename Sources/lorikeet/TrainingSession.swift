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
  /// What was asked for, with what `auto` came to.
  let configuration: RunConfiguration
  let file: ModelFile
  let template: ChatTemplate?
  let precision: CausalLM.Precision
  /// How the products with frozen weights are computed, what `auto` came to.
  let arithmetic: Arithmetic
  let run: FineTuning
  /// What the model is asked for the report; nil: nothing.
  let samples: SamplePrompts?

  /// Reads data and model, and says what there is.
  ///
  /// - Parameter isResuming: whether a checkpoint's numbers will take the place of the adapter's.
  init(
    _ configuration: RunConfiguration, isResuming: Bool = false, _ console: Console
  ) throws {
    let file = try ModelFile.open(configuration.model.path)
    let tokenizer = try file.makeTokenizer()
    let template = try file.makeChatTemplate(tokenizer)
    func tokenized(_ paths: [String], _ label: String) throws -> (
      rows: [Example], tokens: TokenizedDataset
    )? {
      guard !paths.isEmpty else { return nil }
      let dataset = try Dataset(readingFrom: paths)
      let tokens = try TokenizedDataset(
        dataset.examples, tokenizer: tokenizer, template: template,
        maxLength: configuration.data.maxLength,
        overlong: configuration.data.overlong, assistantOnly: configuration.data.assistantOnlyLoss)
      for file in dataset.files { console.note("\(label): \(file)") }
      console.note(Self.summary(tokens, label))
      return (dataset.examples, tokens)
    }
    guard let train = try tokenized(configuration.data.train, "train")?.tokens else {
      throw TrainingError.noExamples
    }
    let validation = try tokenized(configuration.data.validation, "validation")
    let retention = try tokenized(configuration.data.retention, "retention")

    precision =
      configuration.model.loadIn4Bit
      ? .nf4(doubleQuantized: configuration.model.useDoubleQuant) : .stored
    if configuration.trainsAllWeights { try Memory.checkTraining(file) }
    let chat = try ModelSession.load(configuration.model.path, precision, console)
    let adapter = try console.stage("decomposing weights", in: .things("layers")) { progress in
      try configuration.trainsAllWeights
        ? LoRAAdapter.allWeights(of: chat.model)
        : LoRAAdapter.starting(
          configuration.lora, for: chat.model, seed: configuration.training.seed,
          isResuming: isResuming, progress: progress)
    }
    // Attached before anything is rounded to integers: what is trained as a whole is not.
    chat.model.attach(adapter)
    samples = try Self.samples(
      configuration.training, validation?.rows ?? [],
      longestPrompt: (train.examples + (validation?.tokens.examples ?? [])).map(\.tokens.count)
        .max() ?? 0, chat: chat, console)
    SystemAllocator.trim()
    let cachedTokens = samples?.cachedTokens ?? 0
    run = try Self.planned(
      configuration.training, isFull: configuration.trainsAllWeights, chat.model, console
    ) {
      try FineTuning(
        configuration: configuration.training, shuffle: configuration.data.shuffle,
        model: chat.model, adapter: adapter,
        examples: train.examples, validation: validation?.tokens.examples ?? [],
        retention: retention?.tokens.examples ?? [], cachedTokens: cachedTokens)
    }
    arithmetic = chat.model.arithmetic
    var settled = configuration
    settled.training.compute = RunConfiguration.Compute(arithmetic)
    self.configuration = settled
    self.file = file
    self.template = template
    console.note(
      "\(Self.trained(adapter)), \(adapter.parameters.count) parameters; \(run.totalSteps) steps")
    if chat.model.configuration.isTied, adapter.untiesHead {
      console.note(
        "embeddings and head of this model are one matrix: what is trained is a copy of it for each module named, as in PEFT, and merging gives the model a head of its own"
      )
    }
    console.note(
      "computing in \(arithmetic.rawValue) on \(Parallel.threads) threads, \(KernelPath.active) kernels"
    )
  }

  /// What is trained, in words.
  private static func trained(_ adapter: LoRAAdapter) -> String {
    guard !adapter.isFullModel else { return "all weights are trained, in f32" }
    let whole = adapter.wholeWeights
    return "\(adapter.modules.count) layers adapted"
      + (whole.isEmpty ? "" : " and \(whole.map(\.name).listed) trained as a whole")
  }

  /// What `make` gives, planned in the arithmetic that the configuration asks for, or in f32 where it leaves the choice
  /// and integers do not fit `training.max_memory`.
  private static func planned(
    _ training: RunConfiguration.Training, isFull: Bool, _ model: CausalLM, _ console: Console,
    _ make: () throws -> FineTuning
  ) throws -> FineTuning {
    // Integers hold frozen weights only.
    let arithmetic = isFull ? .f32 : Arithmetic(training.compute)
    if arithmetic != .f32, !Arithmetic.hasFastIntegers {
      console.note(
        "warning: this CPU has no AVX-512 VNNI, so training.compute: \(arithmetic.rawValue) will be slow; f32 would be faster"
      )
    }
    model.compute(in: arithmetic)
    do {
      return try make()
    } catch let error as TrainingError {
      guard case .exceedsMemory(let limit, _) = error, training.compute == .automatic,
        arithmetic != .f32
      else { throw error }
      model.compute(in: .f32)
      SystemAllocator.trim()
      let run = try make()
      console.note(
        "computing in f32: the byte a weight that \(arithmetic.rawValue) takes does not fit training.max_memory, \(Format.megabytes(limit))"
      )
      return run
    }
  }

  /// What the model is to answer for the report.
  private static func samples(
    _ training: RunConfiguration.Training, _ rows: [Example], longestPrompt: Int, chat: ChatModel,
    _ console: Console
  ) throws -> SamplePrompts? {
    guard training.samples > 0 else { return nil }
    let texts = training.samplePrompts
    let samples =
      texts.isEmpty
      ? training.evalStrategy == .no
        ? nil
        : try SamplePrompts(
          rows, count: training.samples, longestPrompt: longestPrompt, chat: chat)
      : try SamplePrompts(texts: texts, longestPrompt: longestPrompt, chat: chat)
    if let samples, samples.leftOut > 0, !texts.isEmpty {
      console.note(
        "warning: training.sample_prompts: \(samples.leftOut) of \(texts.count) are longer than every row and are not answered; shorten them"
      )
    }
    return samples.flatMap { $0.prompts.isEmpty ? nil : $0 }
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

extension [String] {
  /// The first few, and how many more there are.
  fileprivate var listed: String {
    prefix(3).joined(separator: ", ") + (count > 3 ? " and \(count - 3) more weights" : "")
  }
}
