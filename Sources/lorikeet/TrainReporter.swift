import CausalLM
import Configuration
import Kernels
import LoRA
import ModelFiles
import Serialization
import Training

/// Turns a run's events into metrics and progress.
final class TrainReporter {
  private let run: FineTuning
  private let folder: RunFolder
  private let trainingReport: TrainingReport
  private let console: Console
  private var mean: Double?
  private(set) var error: (any Error)?

  init(run: FineTuning, folder: RunFolder, report: TrainingReport, console: Console) {
    self.run = run
    self.folder = folder
    trainingReport = report
    self.console = console
  }

  func hear(_ event: TrainingEvent) -> TrainingDecision {
    do {
      try report(event)
    } catch {
      // A run whose metrics cannot be written is stopped with a checkpoint rather than going on unseen.
      self.error = self.error ?? error
      return .stop
    }
    return Interrupt.isRequested || error != nil ? .stop : .resume
  }

  private func report(_ event: TrainingEvent) throws {
    switch event {
    case .started: trainingReport.begin()
    case .step(let step):
      mean = mean.map { 0.9 * $0 + 0.1 * step.loss } ?? step.loss
      if step.step % run.configuration.loggingSteps == 0 || step.step == run.totalSteps {
        try log(step)
        trainingReport.add(step)
      }
      trainingReport.renew()
      let left =
        Double(run.totalSteps - step.step) * run.state.stepSeconds / Double(max(1, step.step))
      console.progress(progress(step, secondsLeft: left), isLast: step.step == run.totalSteps)
    case .validation(let step, let epoch, let loss, let isBest):
      var line = JSONObject()
      line["step"] = .integer(step)
      line["epoch"] = .number(epoch)
      line["validation_loss"] = .number(loss)
      try folder.log(line)
      console.note(
        "step \(step): validation loss \(Format.fixed(loss, 4))\(isBest ? ", the best so far" : "")"
      )
      trainingReport.addValidation(step: step, loss: loss)
    case .retention(let step, let loss, let before):
      var line = JSONObject()
      line["step"] = .integer(step)
      line["retention_loss"] = .number(loss)
      try folder.log(line)
      console.note(
        "step \(step): loss on retention data \(Format.fixed(loss, 4))"
          + (step > 0 ? ", \(Format.change(loss / before - 1)) since the start" : ""))
      trainingReport.addRetention(step: step, loss: loss)
    case .validationProgress(let done, let of): console.progress("validation \(done)/\(of)")
    case .checkpoint: break
    case .lossSpike(let step, let loss, let mean, let examples):
      console.note(
        "warning: step \(step): loss \(Format.fixed(loss, 4)) after a mean of \(Format.fixed(mean, 4)); its rows of highest loss are \(examples.joined(separator: ", "))"
      )
    case .deadModules(let step, let names):
      console.note(
        "warning: step \(step): \(names.count) of \(run.adapter.modules.count) adapted layers have learnt nothing, among them \(names[0])"
      )
    case .stoppedEarly(let step, let best):
      console.note("step \(step): validation has not improved since step \(best); stopping")
    case .trunkCache(let path, let bytes, let blocks, let examplesKept):
      console.note(
        "keeps \((bytes + 999_999) / 1_000_000) MB of activations in \(path), computed once and read again each epoch: what the lowest \(blocks) of \(run.model.configuration.layerCount) blocks give"
          + (examplesKept > 0 ? "; \(examplesKept) rows are there from before" : ""))
    case .trunkCacheUnused(let error): console.note("warning: \(error)")
    }
  }

  private func progress(_ step: StepReport, secondsLeft: Double) -> ProgressLine {
    var line = ProgressLine()
    line.add("step \(step.step)/\(run.totalSteps)", importance: 0)
    line.add("epoch \(Format.fixed(step.epoch, 2))", importance: 6)
    line.add("loss \(Format.fixed(step.loss, 4))", importance: 2)
    line.add("mean \(Format.fixed(mean ?? 0, 4))", importance: 3)
    line.add("lr \(Format.scientific(step.learningRate))", importance: 7)
    line.add("\(Int(Double(step.tokens) / max(step.seconds, 1e-9))) tok/s", importance: 4)
    line.add(Format.megabytes(Process.residentBytes), importance: 5)
    line.add("left \(Format.duration(secondsLeft))", importance: 1)
    return line
  }

  private func log(_ step: StepReport) throws {
    var line = JSONObject()
    line["step"] = .integer(step.step)
    line["epoch"] = .number(step.epoch)
    line["loss"] = .number(step.loss)
    line["learning_rate"] = .number(step.learningRate)
    line["grad_norm"] = .number(step.gradientNorm)
    line["tokens"] = .integer(step.tokens)
    line["supervised_tokens"] = .integer(step.supervisedTokens)
    line["tokens_per_second"] = .number(Double(step.tokens) / max(step.seconds, 1e-9))
    line["elapsed_seconds"] = .number(step.elapsedSeconds)
    try folder.log(line)
  }
}
