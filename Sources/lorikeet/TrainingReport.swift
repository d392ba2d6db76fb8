import CausalLM
import Configuration
import Datasets
import Inference
import Kernels
import LoRA
import ModelFiles
import Quantization
import Reporting
import Serialization
import Training

/// Keeps a run's report up to date: `report.html`, and `report.json` from which it can be made again.
final class TrainingReport {
  private let run: FineTuning
  private let samples: SamplePrompts?
  private let folder: RunFolder
  private let console: Console
  private var record: RunRecord
  /// What an earlier session of the run wrote.
  private let earlier: ReportData
  private var weightNorms: [Double] = []
  private var lastWritten = ContinuousClock.now
  private var hasWarned = false

  /// How old the page may become while steps are taken.
  private static let renewalInterval = Duration.seconds(30)
  /// Columns that an answer may take where no terminal cuts it off.
  private static let columnsOfFile = 120

  /// Prepares the report of a run whose folder exists; what an earlier session logged is part of it.
  init(_ session: TrainingSession, folder: RunFolder, console: Console) throws {
    run = session.run
    samples = session.samples
    self.folder = folder
    self.console = console
    var files = try RunFolderFiles.read(folder.path)
    earlier = files.data.flatMap { try? JSON.parse($0) }.map { ReportData($0) } ?? ReportData()
    files.summary = nil
    files.data = nil
    files.evaluation = nil
    record = RunRecord(name: RunFolderFiles.name(of: folder.path), files: files)
    record.data.model = session.file.displayName
    record.data.totalSteps = run.totalSteps
    record.data.threads = Parallel.threads
    record.data.kernels = "\(KernelPath.active)"
    record.data.versions = [RunRecord.Setting(key: "lorikeet", value: Version.text)]
    var lengths: [Int: Int] = [:]
    for example in run.examples { lengths[example.tokens.count, default: 0] += 1 }
    record.data.rowLengths = lengths.sorted { $0.key < $1.key }.map {
      Histogram.Count(value: $0.key, count: $0.value)
    }
  }

  /// Takes down what the base is and says, before the first step.
  func begin() {
    weightNorms = run.adapter.modules.map {
      run.model.weight(named: $0.name)?.frobeniusNorm ?? 0
    }
    if let samples, !samples.prompts.isEmpty {
      console.progress("answering \(samples.prompts.count) sample prompts with the base model")
      let answers = run.model.withoutAdapter { samples.answers(capacity: capacity) }
      record.data.samples = zip(samples.prompts, answers).map { prompt, answer in
        ReportData.Sample(
          source: prompt.source,
          messages: prompt.messages.map {
            ReportData.Message(
              role: $0["role"]?.stringValue ?? "",
              content: $0["content"]?.stringValue ?? $0["content"]?.serialized() ?? "")
          }, reference: prompt.reference, base: answer)
      }
      record.data.takeOver(earlier, upTo: run.state.step)
      say("the base model", record.data.samples.map(AnswerLines.asked))
    }
    write(isLive: true)
  }

  /// Adds a logged step.
  func add(_ step: StepReport) {
    record.steps.append(
      RunRecord.Step(
        step: step.step, loss: step.loss, learningRate: step.learningRate,
        gradientNorm: step.gradientNorm,
        tokensPerSecond: Double(step.tokens) / max(step.seconds, 1e-9),
        elapsedSeconds: step.elapsedSeconds))
  }

  /// Writes the page anew where it has become old.
  func renew() {
    if ContinuousClock.now - lastWritten > Self.renewalInterval { write(isLive: true) }
  }

  /// Adds a validation and shows what the adapter has come to.
  func addValidation(step: Int, loss: Double) {
    record.validations.append(RunRecord.Validation(step: step, loss: loss))
    measure(step: step)
    if let samples, !record.data.samples.isEmpty {
      console.progress("answering \(samples.prompts.count) sample prompts")
      addAnswers(samples.answers(capacity: capacity), step: step)
    }
    write(isLive: true)
  }

  /// Adds a measurement of the loss on what should not be forgotten.
  func addRetention(step: Int, loss: Double) {
    record.retentions.append(RunRecord.Validation(step: step, loss: loss))
    write(isLive: true)
  }

  /// Takes down what the model answers at a validation, and says what of it is new.
  private func addAnswers(_ answers: [String], step: Int) {
    var lines: [[AnswerLines.Line]] = []
    for (index, text) in answers.enumerated() {
      let isNew = record.data.samples[index].add(ReportData.Answer(step: step, text: text))
      lines.append(isNew ? AnswerLines.answered(record.data.samples[index]) : [])
    }
    record.data.samplesStep = step
    say("after step \(step)", lines)
  }

  /// Prints what the sample prompts were answered, a block of lines for each.
  private func say(_ heading: String, _ blocks: [[AnswerLines.Line]]) {
    guard !console.isQuiet else { return }
    let columns = console.hasTerminal ? console.columns : Self.columnsOfFile
    for text in AnswerLines.text(heading, blocks, columns: columns) { console.note(text) }
  }

  /// Writes the page of the run's end, of the adapter that was kept.
  func finish(_ summary: JSONObject, outcome: TrainingSummary.Outcome) {
    record.summary = summary
    let step = record.keptStep ?? run.state.step
    if record.data.layersStep != step { measure(step: step) }
    // Who interrupts a run does not want to wait for answers.
    if record.data.samplesStep != step, outcome != .interrupted { answer(step: step) }
    write(isLive: false)
  }

  /// Tokens of a pass that the run has buffers for.
  private var capacity: Int { run.memoryPlan.activations.tokens }

  private func measure(step: Int) {
    record.data.layers = zip(zip(run.adapter.modules, run.adapter.deltaNorms()), weightNorms).map {
      ReportData.Layer(name: $0.0.name, weightNorm: $1, deltaNorm: $0.1)
    }
    record.data.layersStep = step
  }

  private func answer(step: Int) {
    guard let samples, !record.data.samples.isEmpty else { return }
    for (index, answer) in samples.answers(capacity: capacity).enumerated() {
      record.data.samples[index].tuned = answer
    }
    record.data.samplesStep = step
  }

  /// A page that cannot be written is a pity, not a reason to stop: it can be made again from the other files.
  private func write(isLive: Bool) {
    record.data.peakResidentBytes = Process.peakResidentBytes
    lastWritten = ContinuousClock.now
    do {
      try folder.write(record.data.json.serialized(pretty: false) + "\n", to: "report.json")
      try folder.write(RunPage.html(record, isLive: isLive), to: "report.html")
    } catch {
      if !hasWarned { console.note("warning: no report: \(error)") }
      hasWarned = true
    }
  }
}
