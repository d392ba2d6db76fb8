import CausalLM
import Comparison
import Configuration
import Datasets
import Inference
import Kernels
import ModelFiles
import Retrieval
import Scoring
import Tokenization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// A comparison with everything that it names read, and every prompt seen to fit; its folder is there.
struct ComparisonSession {
  let configuration: ComparisonConfiguration
  let folder: ComparisonFolder
  let file: ModelFile
  /// The held-out questions, as many as are asked.
  let questions: [Question]
  /// What is learnt, and what examples are taken from.
  let training: [Question]
  let validation: [Question]
  /// Where these stand.
  private let sources: [ExampleSource]
  let prompts: ArmPrompts
  /// How answers are judged, and by what they are compared.
  let judge: AnswerJudge
  let metric: AnswerMetric
  private let lock: RunLock
  /// Throws what training would throw for rows.
  private let tokenize: ([Example]) throws -> Void

  /// The arms that are compared, cheap first, each with its seeds.
  var arms: [(arm: Arm, seed: Int)] { Self.arms(configuration.compare) }

  static func arms(_ compare: ComparisonConfiguration.Compare) -> [(arm: Arm, seed: Int)] {
    compare.arms.compactMap { Arm(rawValue: $0.rawValue) }.sorted().flatMap { arm in
      (arm.isTrained ? compare.seeds : Array(compare.seeds.prefix(1))).map { (arm, $0) }
    }
  }

  /// Reads everything, and makes the folder or finds that it is of the same comparison.
  ///
  /// - Throws: what is wrong with a file; a folder that was not there is then not there either.
  init(_ configuration: ComparisonConfiguration, _ console: Console) throws {
    self.configuration = configuration
    let compare = configuration.compare
    folder = ComparisonFolder(configuration.run.training.outputDir)
    let exists = try folder.exists()
    var questions = try QuestionFile.read(compare.questions)
    if let limit = compare.limit { questions = Array(questions.prefix(limit)) }
    self.questions = questions
    let learnt = try QuestionFile.sourced(configuration.run.data.train)
    let validated = try QuestionFile.sourced(configuration.run.data.validation)
    training = learnt.map(\.question)
    validation = validated.map(\.question)
    sources = (learnt + validated).map(\.source)
    console.note(
      "\(questions.count) held-out questions, \(training.count) to learn from"
        + (validation.isEmpty ? "" : ", \(validation.count) to validate on"))
    Self.warnOfOverlap(questions, training, console)

    judge = try AnswerJudge(compare, training: training)
    metric = try Self.metric(compare, judge, questions)

    file = try ModelFile.open(configuration.run.model.path)
    let model = try ModelConfiguration(file.configuration, blocks: file.blocks, path: file.path)
    let tokenizer = try file.makeTokenizer()
    let arms = Self.arms(compare).map(\.arm)
    let examples =
      arms.contains(.fewShot)
      ? try WorkedExamples.choose(compare.fewShot, from: training, seed: compare.seeds[0]) : []
    let encoder = try compare.encoder.map(SentenceEncoder.init(path:))
    let template = try file.makeChatTemplate(tokenizer)
    tokenize = { rows in
      let data = configuration.run.data
      _ = try TokenizedDataset(
        rows, tokenizer: tokenizer, template: template, maxLength: data.maxLength,
        overlong: data.overlong, assistantOnly: data.assistantOnlyLoss)
    }
    try tokenize(try Dataset(readingFrom: configuration.run.data.retention).examples)

    try folder.create()
    lock = try RunLock(folder: folder.path)
    if !exists { folder.clear() }
    do {
      let base =
        arms.contains(where: \.retrieves)
        ? try ComparisonDocuments.open(compare, encoder: encoder, folder, console) : nil
      let method = compare.searchMethod.flatMap { Search.Method(rawValue: $0.rawValue) }
      let finder = try base.map {
        try PassageFinder($0, encoder: encoder, method: method, candidates: compare.candidates)
      }
      prompts = ArmPrompts(
        encoder: PromptEncoder(tokenizer: tokenizer, template: template), finder: finder,
        examples: examples, passages: compare.topK, maxNewTokens: compare.maxNewTokens,
        context: model.maximumPositions)
      // An hour of training is not to end at a prompt that does not fit.
      for arm in [Arm.base, .fewShot, .retrieval] {
        let isAsked = arm == .retrieval ? finder != nil : arm == .base || arms.contains(arm)
        guard isAsked else { continue }
        for question in questions { _ = try prompts.prompt(arm, question) }
      }
      let identity = try ComparisonIdentity.of(
        configuration, baseHash: try ModelSession.contentHash(of: file, console),
        kernels: "\(KernelPath.active)", base: base)
      if exists { try folder.settle(identity) }
      try writeRows(console)
      try folder.write(configuration.resolvedYAML(), to: "\(folder.path)/config.yaml")
      try folder.settle(identity)
    } catch {
      folder.abandon()
      throw error
    }
  }

  /// The metric that counts.
  ///
  /// - Throws: `ScoringError` where it applies to no question, which is not to be found out when all are answered.
  private static func metric(
    _ compare: ComparisonConfiguration.Compare, _ judge: AnswerJudge, _ questions: [Question]
  ) throws -> AnswerMetric {
    let metric = AnswerMetric(rawValue: compare.metric.rawValue) ?? .tokenF1
    let applies =
      metric == .command
      || questions.contains {
        judge.scores(answer: $0.answer, reference: $0.answer, isAnswerable: $0.isAnswerable)[metric]
          != nil
      }
    guard applies else { throw ScoringError.notApplicable(metric: metric) }
    return metric
  }

  /// What an arm is trained as.
  func trainingConfiguration(_ arm: Arm, seed: Int) -> RunConfiguration {
    var training = configuration.run
    training.data.train = [folder.rows(arm, seed: seed, isValidation: false)]
    if !validation.isEmpty {
      training.data.validation = [folder.rows(arm, seed: seed, isValidation: true)]
    }
    training.training.seed = UInt64(max(0, seed))
    training.training.outputDir = folder.training(arm, seed: seed)
    return training
  }

  /// Says which questions are learnt beforehand: their answers say nothing of what a model can do.
  private static func warnOfOverlap(
    _ questions: [Question], _ training: [Question], _ console: Console
  ) {
    let known = Set(training.map(\.question))
    let overlap = questions.filter { known.contains($0.question) }
    guard let first = overlap.first else { return }
    console.note(
      "warning: \(overlap.count) of \(questions.count) held-out questions stand in data.train, too, among them \(first.id); they are no test"
    )
  }

  /// Writes what the trained arms learn, where it is not there yet.
  private func writeRows(_ console: Console) throws {
    let compare = configuration.compare
    for (arm, seed) in arms where arm.isTrained {
      for (questions, sources, isValidation) in [
        (training, sources.prefix(training.count), false),
        (validation, sources.dropFirst(training.count), true),
      ] {
        let path = folder.rows(arm, seed: seed, isValidation: isValidation)
        guard !questions.isEmpty, access(path, F_OK) != 0 else { continue }
        var rows = TrainingRows.bare(questions)
        if arm.retrieves, let finder = prompts.finder {
          rows = try console.stage("finding passages to learn from", in: .things("rows")) {
            try TrainingRows.withPassages(
              questions, finder, distractors: compare.raft.distractors,
              goldenShare: compare.raft.goldenShare, seed: seed,
              limit: configuration.run.data.maxLength,
              remedy: "raise data.max_length, or lower compare.chunk_size",
              tokens: { try prompts.encoder.conversationTokens($0).count }, progress: $0)
          }
          if !isValidation {
            let golden = rows.count { !$0.golden.isEmpty }
            let found = rows.reduce(0) { $0 + $1.passages }
            console.note(
              "\(arm.rawValue), seed \(seed): \(rows.count) rows with \(found) passages, the golden ones in \(golden)"
            )
          }
        }
        try tokenize(
          zip(rows, sources).map {
            Example(.conversation(Conversation(messages: $0.messages)), source: $1)
          })
        try folder.write(
          rows.map { JSONText.line($0.json) }.joined(), to: path)
      }
    }
  }
}
