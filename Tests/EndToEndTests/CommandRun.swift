import Foundation
import TestSupport

/// A command that was run to its end: what it printed and how it ended.
struct CommandRun {
  /// The exit code, or 128 plus the number of the signal that ended the command.
  let exitCode: Int32
  let standardOutput: String
  let standardError: String

  /// Runs `executable` in the checkout's root folder, without standard input.
  ///
  /// - Parameters:
  ///   - arguments: the words after the command's own name.
  ///   - environment: variables set beside those of this process.
  init(_ executable: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("lorikeet-run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }

    // Files rather than pipes: a full pipe that nobody reads would stop the command for ever.
    let outputFile = scratch.appendingPathComponent("out")
    let errorFile = scratch.appendingPathComponent("err")
    try Data().write(to: outputFile)
    try Data().write(to: errorFile)

    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = Fixture.repository
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: outputFile)
    process.standardError = try FileHandle(forWritingTo: errorFile)
    try process.run()
    process.waitUntilExit()

    exitCode =
      process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
    standardOutput = String(decoding: try Data(contentsOf: outputFile), as: UTF8.self)
    standardError = String(decoding: try Data(contentsOf: errorFile), as: UTF8.self)
  }

  /// The tool as it was built beside the running tests.
  static let lorikeet: URL = {
    // The test runner is an executable in the same folder as the tool.
    let runner =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments.first ?? ""
    let beside = URL(fileURLWithPath: runner).deletingLastPathComponent()
    return beside.appendingPathComponent("lorikeet")
  }()
}
