import Foundation
import Kernels
import ModelFiles
import SelfTest
import Serialization

/// `lorikeet selftest`.
enum SelfTestCommand: Command {
  static let name = "selftest"
  static let summary = "proves the numerics on this machine, with nothing but itself"
  static let positional: [String] = []
  static let flags: [Flag] = []
  static let example = "lorikeet selftest"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("lorikeet-selftest-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw ModelFileError.notWritten(
        path: folder, reason: "set TMPDIR to a folder that can be written")
    }
    console.print("\(KernelPath.active) kernels, \(Parallel.threads) threads")
    let results = SelfTest.run(in: folder) { console.print(line($0)) }
    let failed = results.filter { !$0.isPassed }
    try console.json(json(results))
    let seconds = results.reduce(0) { $0 + $1.seconds }
    guard failed.isEmpty else {
      throw SelfTestFailure(names: failed.map(\.name))
    }
    console.print("\(results.count) checks passed in \(Format.fixed(seconds, 1)) s")
  }

  private static func line(_ result: SelfTest.Result) -> String {
    let name = result.name + String(repeating: " ", count: max(1, 22 - result.name.count))
    var text = "\(result.isPassed ? "ok  " : "FAIL")  \(name)\(result.claim)"
    if let failure = result.failure {
      text += ": \(failure)"
    } else if let measured = result.measured, result.bound > 0 {
      text += ": \(Format.scientific(measured)), bound \(Format.scientific(result.bound))"
    } else if let measured = result.measured, !result.isPassed {
      text += ": \(Int(min(measured, 1e9))) differ"
    }
    return text
  }

  private static func json(_ results: [SelfTest.Result]) -> JSONObject {
    var json = JSONObject()
    json["passed"] = .bool(results.allSatisfy(\.isPassed))
    json["kernels"] = .string("\(KernelPath.active)")
    json["threads"] = .integer(Parallel.threads)
    json["checks"] = .array(
      results.map { result in
        [
          "name": .string(result.name), "claim": .string(result.claim),
          "passed": .bool(result.isPassed), "bound": .number(result.bound),
          "measured": result.measured.map { .number($0) } ?? .null,
          "failure": result.failure.map { .string($0) } ?? .null,
          "seconds": .number(result.seconds),
        ]
      })
    return json
  }
}

/// Some check of `lorikeet selftest` did not hold.
struct SelfTestFailure: Error, CustomStringConvertible {
  let names: [String]

  var description: String {
    "the self-test failed: \(names.joined(separator: ", ")); do not trust what this machine computes, and report it with the lines above"
  }
}
