import Configuration
import LoRA
import TestSupport
import Testing
import Training

@Suite("Validation") struct ValidationTests {
  /// A run that first learns and then, at a rate far too high, unlearns.
  private func run(loadsBest: Bool) throws -> (FineTuning, TrainingSummary, [TrainingEvent]) {
    let source = try TrajectoryTests.run("attention", "f32")
    let configuration = RunConfiguration.Training(
      outputDir: "", maxSteps: 60, perDeviceTrainBatchSize: 8, learningRate: 0.5,
      lrSchedulerType: .constant, evalSteps: 1, loadBestModelAtEnd: loadsBest,
      earlyStoppingPatience: 3)
    let run = try FineTuning(
      configuration: configuration, shuffle: false, model: source.model, adapter: source.adapter,
      examples: source.examples, validation: Array(source.examples.prefix(6)))
    var events: [TrainingEvent] = []
    let summary = try run.run { event in
      events.append(event)
      return .resume
    }
    return (run, summary, events)
  }

  @Test("stops after as many validations without a new best as patience allows")
  func stopsEarly() throws {
    let (_, summary, events) = try run(loadsBest: false)
    #expect(summary.outcome == .stoppedEarly)
    let best = try #require(summary.bestStep)
    #expect(summary.steps == best + 3)
    let losses = events.compactMap { event -> Double? in
      if case .validation(_, _, let loss, _) = event { loss } else { nil }
    }
    #expect(losses.min() == summary.bestValidationLoss)
    #expect(losses.firstIndex(of: losses.min() ?? 0).map { $0 + 1 } == best)
  }

  @Test("gives the best adapter back where that is asked for, and the last where not")
  func loadsBest() throws {
    let (best, summary, _) = try run(loadsBest: true)
    #expect(best.validate() == summary.bestValidationLoss)
    let (last, same, _) = try run(loadsBest: false)
    let lowest = try #require(same.bestValidationLoss)
    #expect(last.validate() > lowest)
  }
}
