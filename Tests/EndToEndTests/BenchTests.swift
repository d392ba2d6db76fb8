import Foundation
import Serialization
import TestSupport
import Testing

@Suite("lorikeet bench") struct BenchTests {
  @Test("takes steps of a run, accounts for their time, and writes nothing")
  func stepsOfARun() throws {
    let scratch = try ScratchFolder()
    let config = try scratch.write(TinyRun.configuration(), to: "run.yaml")
    let output = scratch.path("out")
    let result = try CommandRun(
      CommandRun.lorikeet,
      [
        "bench", "--config", config, "--set", "training.output_dir=\(output)", "--json",
      ])
    #expect(result.exitCode == 0, "\(result.standardError)")
    let json = try JSON.parse(result.standardOutput)
    let training = try #require(json["training"])
    #expect(training["steps"]?.intValue == 8)
    let total = try #require(training["seconds_per_step"]?.doubleValue)
    let parts = try #require(training["profile_seconds_per_step"]?.objectValue)
    let accounted = parts.reduce(0.0) { $0 + ($1.value.doubleValue ?? 0) }
    #expect(accounted > 0 && accounted <= total)
    #expect(json["products"]?.arrayValue?.count == 6)
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
