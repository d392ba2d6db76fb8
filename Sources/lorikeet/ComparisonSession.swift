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
  var arms: [ComparisonTask] { Self.arms(configuration.compare) }

  private static func arms(_ compare: ComparisonConfiguration.Compare) -> [ComparisonTask] {
    compare.arms.compactMap { Arm(rawValue: $0.rawValue) }.sorted().flatMap { arm in
      (arm.isTrained ? compare.seeds : Array(compare.seeds.prefix(1))).map {
        ComparisonTask(arm, seed: $0)
      }
    }
  }

  /// The arm `tuned` with fewer rows, fewest first.
  var learningCurve: [ComparisonTask] {
    let compare = configuration.compare
    let counts = Set(
      compare.learningCurve.map { max(1, Int(($0 * Double(training.count)).rounded())) })
    return counts.subtracting([training.count]).sorted().map {
      ComparisonTask(.tuned, seed: compare.seeds[0], rows: $0)
    }
  }

  /// Arms with passages, with so many that do not hold the answer.
  var robustness: [ComparisonTask] {
    let compare = configuration.compare
    return arms.filter { $0.arm.retrieves && $0.seed == compare.seeds[0] }.flatMap { task in
      compare.distractorRobustness.sorted().map {
        ComparisonTask(task.arm, seed: task.seed, distractors: $0)
      }
    }
  }

  /// Everything that is trained or asked.
  var tasks: [ComparisonTask] { arms + learningCurve + robustness }

  /// What a task is asked: of passages with and without the answer only what some passage answers.
  func questions(_ task: ComparisonTask) -> [Question] {
    guard task.distractors != nil else { return questions }
    return questions.filter { $0.isAnswerable && !$0.documents.isEmpty }
  }

  /// What a task's model reads for a question.
  func prompt(_ task: ComparisonTask, _ question: Question) throws -> ArmPrompts.Prompt {
    guard let distractors = task.distractors else { return try prompts.prompt(task.arm, question) }
    return try prompts.prompt(
      task.arm, question, goldenWith: distractors, seed: task.seed)
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
    let compared = Self.arms(compare).map(\.arm)
    let examples =
      compared.contains(.fewShot)
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
        compared.contains(where: \.retrieves)
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
      var seen: Set<String> = []
      for task in tasks where seen.insert(task.promptName).inserted {
        for question in self.questions(task) { _ = try prompt(task, question) }
      }
      let identity = try ComparisonIdentity.of(
        configuration, baseHash: try ModelSession.contentHash(of: file, console),
        kernels: "\(KernelPath.active)", base: base)
      if exists { try folder.settle(identity) }
      try writeRows(console)
      try writeCurve()
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

  /// What a task is trained as.
  func trainingConfiguration(_ task: ComparisonTask) -> RunConfiguration {
    var training = configuration.run
    training.data.train = [folder.rows(task, isValidation: false)]
    if !validation.isEmpty {
      let whole = ComparisonTask(task.arm, seed: task.seed)
      training.data.validation = [folder.rows(whole, isValidation: true)]
    }
    training.training.seed = UInt64(max(0, task.seed))
    training.training.outputDir = folder.training(task)
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
      "warning: \(overlap.count) of \(questions.count) held-out questions stand in data.train, too, among them \(VisibleText.escaped(first.id)); they are no test"
    )
  }

  /// Writes what the tasks of the learning curve learn: some of the rows, drawn by the seed, the fewer among the more.
  private func writeCurve() throws {
    for task in learningCurve {
      let path = folder.rows(task, isValidation: false)
      guard let count = task.rows, access(path, F_OK) != 0 else { continue }
      let random = CounterRandom(
        seed: UInt64(max(0, task.seed)), purpose: "learning curve")
      let chosen = random.permutation(training.count).prefix(count).sorted()
      let rows = TrainingRows.bare(chosen.map { training[$0] })
      try folder.write(rows.map { JSONText.line($0.json) }.joined(), to: path)
    }
  }

  /// Writes what the trained arms learn, where it is not there yet.
  private func writeRows(_ console: Console) throws {
    let compare = configuration.compare
    for task in arms where task.arm.isTrained {
      let (arm, seed) = (task.arm, task.seed)
      for (questions, sources, isValidation) in [
        (training, sources.prefix(training.count), false),
        (validation, sources.dropFirst(training.count), true),
      ] {
        let path = folder.rows(task, isValidation: isValidation)
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
