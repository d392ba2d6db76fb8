import Configuration
import LoRA
import TestSupport
import Testing
import Training

@Suite("Forgetting") struct RetentionTests {
  /// A run at a rate far too high, which unlearns what its last rows hold.
  private func run(maxForgetting: Double?, steps: Int = 40) throws -> FineTuning {
    let source = try TrajectoryTests.run("attention", "f32")
    let rows = Array(source.examples.suffix(6))
    let configuration = RunConfiguration.Training(
      outputDir: "", maxSteps: steps, perDeviceTrainBatchSize: 8, learningRate: 0.5,
      lrSchedulerType: .constant, evalSteps: 1, maxForgetting: maxForgetting)
    return try FineTuning(
      configuration: configuration, shuffle: false, model: source.model, adapter: source.adapter,
      examples: Array(source.examples.prefix(8)), validation: rows, retention: rows)
  }

  private func losses(_ run: FineTuning) throws -> (TrainingSummary, [Double]) {
    var losses: [Double] = []
    let summary = try run.run { event in
      if case .retention(let step, let loss, let before) = event {
        #expect(step == losses.count)
        #expect(before == losses.first ?? loss)
        losses.append(loss)
      }
      return .resume
    }
    return (summary, losses)
  }

  @Test("is measured before the first step and at every validation, as the validation loss is")
  func measures() throws {
    let run = try run(maxForgetting: nil, steps: 3)
    let before = run.validate()
    let (summary, losses) = try losses(run)
    #expect(losses.count == 4)
    #expect(losses[0] == before)
    #expect(losses[3] == run.validate())
    #expect(summary.outcome == .finished)
    #expect(summary.retentionLossBefore == before)
    #expect(summary.retentionLoss == losses[3])
  }

  @Test("beyond its bound stops the run, with the adapter that was last within it")
  func stops() throws {
    let free = try losses(try run(maxForgetting: nil)).1
    let worst = try #require(free.max())
    #expect(worst > 1.01 * free[0], "the fixture no longer unlearns")
    let run = try run(maxForgetting: 0.01)
    let (summary, losses) = try losses(run)
    #expect(summary.outcome == .forgot)
    let last = try #require(losses.last)
    #expect(last > 1.01 * losses[0])
    #expect(losses.dropLast().allSatisfy { $0 <= 1.01 * losses[0] })
    try #require(losses.count > 1)
    #expect(run.validate() == losses[losses.count - 2])
  }
}
