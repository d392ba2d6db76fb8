import CausalLM
import Comparison
import Configuration
import Inference
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import Tokenization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Trains the arms that are trained and has every arm answer every question, from where an earlier process stopped.
final class ComparisonRun {
  private let session: ComparisonSession
  private let console: Console
  /// The base model, while arms answer; given back while one is trained.
  private var chat: ChatModel?

  init(_ session: ComparisonSession, _ console: Console) {
    self.session = session
    self.console = console
  }

  /// Runs all arms.
  ///
  /// - Returns: false where it was interrupted; what is done is on disk.
  func run() throws -> Bool {
    Interrupt.install()
    let tasks = session.tasks
    for (index, task) in tasks.enumerated() {
      let title = "arm \(index + 1)/\(tasks.count) \(task.title)"
      let questions = session.questions(task)
      let log = try AnswerLog(
        path: session.folder.answers(task), arm: task.arm, seed: task.seed, questions: questions)
      if log.answers.count == questions.count, hasRecord(task) {
        console.note("\(title): done before")
        continue
      }
      var run = ArmRun(
        arm: task.arm, seed: task.seed, questions: questions.count, memoryBytes: 0)
      if task.arm.isTrained, try !train(task, &run) { return false }
      guard try answer(task, &run, log, title) else { return false }
      try session.folder.write(
        JSONValue.object(run.json).serialized(pretty: true) + "\n", to: session.folder.run(task))
    }
    return true
  }

  /// Whether it is known what a task took that was asked as many questions.
  private func hasRecord(_ task: ComparisonTask) -> Bool {
    guard let json = try? JSONText.read(session.folder.run(task)), let run = ArmRun(json: json)
    else { return false }
    return run.questions == session.questions(task).count
  }

  // MARK: Training

  /// Trains an arm, goes on with its training, or finds it done.
  ///
  /// - Returns: false where it was interrupted.
  private func train(_ task: ComparisonTask, _ run: inout ArmRun) throws -> Bool {
    let configuration = session.trainingConfiguration(task)
    let folder = RunFolder(configuration.training.outputDir)
    var json = try? JSONText.read("\(folder.path)/run.json")
    if json?["outcome"]?.stringValue ?? "interrupted" == "interrupted" {
      console.note("\(task.title): training in \(folder.path)")
      giveBack()
      Process.resetPeak()
      let result = try trainingRun(configuration, folder)
      json = .object(result.json)
      if result.summary.outcome == .interrupted { return false }
      SystemAllocator.trim()
    }
    run.trainingSeconds = json?["seconds"]?.doubleValue
    run.trainingMemoryBytes = json?["peak_rss_bytes"]?.intValue
    run.retentionLossBefore = json?["retention_loss_before"]?.doubleValue
    run.retentionLossAfter = json?["retention_loss"]?.doubleValue
    return true
  }

  private func trainingRun(
    _ configuration: RunConfiguration, _ folder: RunFolder
  ) throws -> TrainingRun {
    if !folder.checkpointPaths().isEmpty {
      do {
        return try TrainingRun(
          configuration, .resuming(from: nil, allowsChanges: false), console)
      } catch let error as TrainingError {
        guard case .nothingToResume = error else { throw error }
      }
    }
    // Killed before its first checkpoint, or left with none that is whole.
    removeFolder(folder.path)
    return try TrainingRun(configuration, .anew, console)
  }

  // MARK: Answering

  /// The base model.
  func loadedChat() throws -> ChatModel {
    if let chat { return chat }
    let model = session.configuration.run.model
    let loaded = try ModelSession.load(
      model.path, model.loadIn4Bit ? .nf4(doubleQuantized: model.useDoubleQuant) : .stored, console)
    try checkAdapter(loaded.model)
    chat = loaded
    return loaded
  }

  /// What writes answers.
  func generator() throws -> Generator {
    let chat = try loadedChat()
    return Generator(
      model: chat.model, stopTokens: chat.stopTokens(),
      maxTokens: session.configuration.compare.maxNewTokens, batchSize: 1)
  }

  /// Gives the model's memory back; it is loaded again when it is asked.
  func giveBack() {
    chat = nil
    SystemAllocator.trim()
  }

  /// Throws what training would throw for an adapter that does not fit the model, before the first question.
  private func checkAdapter(_ model: CausalLM) throws {
    let lora = session.configuration.run.lora
    guard session.arms.contains(where: \.arm.isTrained), lora.initAdapter == nil else { return }
    let configuration = LoRAConfiguration(lora)
    try configuration.checkBlocks(of: model.adaptableLayers)
    _ = try configuration.shapes(for: model.adaptableLayers)
  }

  /// Has an arm answer the questions that it has not answered.
  ///
  /// One at a time, as one who asks waits: what a question takes is then its own. What all prompts of the arm begin with
  /// is read once, as a server would keep it.
  ///
  /// - Returns: false where it was interrupted.
  private func answer(
    _ task: ComparisonTask, _ run: inout ArmRun, _ log: AnswerLog, _ name: String
  ) throws -> Bool {
    chat?.model.attach(nil)
    if task.arm.isTrained {
      try loadedChat().attachAdapter(RunFolder(session.folder.training(task)).adapter)
    }
    Process.resetPeak()
    let rest = session.questions(task).dropFirst(log.answers.count)
    let asked = try rest.map { (question: $0, prompt: try session.prompt(task, $0)) }
    let generator = try generator()
    let prefix = generator.readPrefix(of: asked.map(\.prompt.tokens))
    var spent = 0.0
    for (index, (question, prompt)) in asked.enumerated() {
      if !Interrupt.isRequested {
        let record = try answer(question, prompt, run, generator, prefix)
        if let record {
          try log.append(record)
          spent += record.seconds
        }
      }
      if Interrupt.isRequested {
        try log.sync()
        return false
      }
      console.progress(
        progress(name, log.answers.count, run.questions, secondsEach: spent / Double(index + 1)),
        isLast: index + 1 == asked.count)
    }
    try log.sync()
    run.memoryBytes = Process.peakResidentBytes
    return true
  }

  /// The answer to one question; nil where it was interrupted.
  func answer(
    _ question: Question, _ prompt: ArmPrompts.Prompt, _ run: ArmRun, _ generator: Generator,
    _ prefix: Generator.Prefix?
  ) throws -> AnswerRecord? {
    let chat = try loadedChat()
    let clock = ContinuousClock()
    let began = clock.now
    let completion = generator.complete(
      [prompt.tokens], after: prefix, onToken: { _, _ in !Interrupt.isRequested })[0]
    if Interrupt.isRequested { return nil }
    let text = String(
      decoding: chat.tokenizer.decode(completion.tokens, skipSpecialTokens: true), as: UTF8.self)
    return AnswerRecord(
      arm: run.arm, seed: run.seed, question: question, retrieved: prompt.retrieved, answer: text,
      isComplete: completion.finishReason == .stop, promptTokens: prompt.tokens.count,
      answerTokens: completion.tokens.count,
      seconds: prompt.seconds + (clock.now - began) / .seconds(1))
  }

  private func progress(
    _ name: String, _ done: Int, _ count: Int, secondsEach: Double
  ) -> ProgressLine {
    var line = ProgressLine()
    line.add(name, importance: 0)
    line.add("question \(done)/\(count)", importance: 1)
    line.add("\(Format.fixed(secondsEach, 2)) s each", importance: 3)
    line.add("left \(Format.duration(secondsEach * Double(count - done)))", importance: 2)
    return line
  }
}
