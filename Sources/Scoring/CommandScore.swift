internal import Foundation
public import Serialization

/// A score that a command of the user's gives: it reads a line of JSON for each answer and writes a number for each.
public struct CommandScore: Sendable, Equatable {
  /// What a shell is given.
  public let command: String

  /// Makes it for a command.
  public init(command: String) { self.command = command }

  /// Runs the command once, with all lines.
  ///
  /// Input and output go through files, so that neither side waits for the other, however much there is.
  ///
  /// - Returns: a finite number for each line.
  /// - Throws: ``ScoringError`` for a command that cannot be started, fails, or writes something else.
  public func scores(of lines: [JSONObject]) throws(ScoringError) -> [Double] {
    guard !lines.isEmpty else { return [] }
    let input = lines.map { JSONValue.object($0).serialized() + "\n" }.joined()
    let run = try run(Data(input.utf8))
    guard run.status == 0 else {
      throw .commandFailed(command: command, status: run.status, message: run.message)
    }
    let text = String(decoding: run.output, as: UTF8.self)
    var found = text.split(separator: "\n", omittingEmptySubsequences: false)
    if found.last?.allSatisfy(\.isWhitespace) == true { found.removeLast() }
    guard found.count == lines.count else {
      throw .commandLines(command: command, found: found.count, expected: lines.count)
    }
    var scores: [Double] = []
    for (index, line) in found.enumerated() {
      let text = line.trimmingCharacters(in: .whitespaces)
      guard let value = Double(text), value.isFinite else {
        throw .commandValue(command: command, line: index + 1, found: text)
      }
      scores.append(value)
    }
    return scores
  }

  private func run(_ input: Data) throws(ScoringError) -> (
    status: Int32, output: Data, message: String
  ) {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("lorikeet-score-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let files = ["input", "output", "errors"].map { folder.appendingPathComponent($0) }
      try input.write(to: files[0])
      for file in files[1...] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", command]
      process.standardInput = try FileHandle(forReadingFrom: files[0])
      process.standardOutput = try FileHandle(forWritingTo: files[1])
      process.standardError = try FileHandle(forWritingTo: files[2])
      try process.run()
      process.waitUntilExit()
      let errors = String(decoding: try Data(contentsOf: files[2]), as: UTF8.self)
      let last = errors.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
      return (process.terminationStatus, try Data(contentsOf: files[1]), last)
    } catch {
      throw .commandNotStarted(command: command, problem: error.localizedDescription)
    }
  }
}
