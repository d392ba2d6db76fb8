import Configuration
import Serialization
import TestSupport
import Testing
import Training

@Suite("LearningRate") struct LearningRateTests {
  @Test("equals Transformers' schedules at every step")
  func equalsTransformers() throws {
    let cases = try #require(try JSON.parse(try Fixture.bytes("kernels/schedules.json")).arrayValue)
    #expect(cases.count == 14)
    for entry in cases {
      let name = try #require(entry["lr_scheduler_type"]?.stringValue)
      let schedule = try #require(RunConfiguration.LearningRateSchedule(rawValue: name))
      // A configuration gives num_cycles to cosine_with_restarts alone, and has no timescale.
      let kwargs = entry["lr_scheduler_kwargs"]?.objectValue ?? JSONObject()
      if kwargs["num_cycles"] != nil, schedule != .cosineWithRestarts { continue }
      if kwargs["timescale"] != nil { continue }
      var options = RunConfiguration.ScheduleOptions()
      for (key, value) in kwargs {
        switch key {
        case "num_cycles": options.numCycles = try #require(value.intValue)
        case "power": options.power = try #require(value.doubleValue)
        case "lr_end": options.lrEnd = try #require(value.doubleValue)
        case "min_lr_rate": options.minLRRate = try #require(value.doubleValue)
        default: Issue.record("\(name): no such option \(key)")
        }
      }
      let course = LearningRate(
        peak: try #require(entry["learning_rate"]?.doubleValue), schedule: schedule,
        options: options, warmupSteps: try #require(entry["warmup_steps"]?.intValue),
        totalSteps: try #require(entry["max_steps"]?.intValue))
      let expected = try #require(entry["learning_rates"]?.arrayValue).compactMap(\.doubleValue)
      for (step, rate) in expected.enumerated() {
        #expect(abs(course[step] - rate) <= 1e-12 * course.peak, "\(name), step \(step)")
      }
    }
  }
}
