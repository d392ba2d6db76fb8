/// Why answers cannot be scored.
public enum ScoringError: Error, Equatable, CustomStringConvertible {
  /// A line of the known calls is none.
  case badKnownCall(path: String, line: Int, problem: String)
  /// The user's command could not be started, or what it reads and writes not be kept.
  case commandNotStarted(command: String, problem: String)
  /// The user's command ended with an error.
  case commandFailed(command: String, status: Int32, message: String)
  /// The user's command wrote more or fewer lines than it was given answers.
  case commandLines(command: String, found: Int, expected: Int)
  /// A line of the user's command is no number.
  case commandValue(command: String, line: Int, found: String)
  /// No question has an answer that the metric applies to.
  case notApplicable(metric: AnswerMetric)
  /// No question was answered by every arm.
  case nothingInCommon

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .badKnownCall(let path, let line, let problem):
      "\(path) line \(line): \(problem); give one object a line, such as {\"call\": \"f(a='x')\", \"group\": \"g\"}"
    case .commandNotStarted(let command, let problem):
      "the score's command \(Self.quoted(command)) could not be run: \(problem); see that it can be started in a shell"
    case .commandFailed(let command, let status, let message):
      "the score's command \(Self.quoted(command)) ended with status \(status)\(message.isEmpty ? "" : " (\(Self.line(message)))"); run it by itself on a line of answers"
    case .commandLines(let command, let found, let expected):
      "the score's command \(Self.quoted(command)) wrote \(found) lines for \(expected) answers; have it write one number for each line it reads"
    case .commandValue(let command, let line, let found):
      "the score's command \(Self.quoted(command)) wrote \(Self.quoted(found)) as line \(line); have it write a finite number there"
    case .notApplicable(let metric):
      "the metric \(metric.rawValue) (\(metric.title)) applies to none of the questions; choose one that fits the answers that are wanted, such as token_f1"
    case .nothingInCommon:
      "no question was answered by every arm, so there is nothing to compare; run the comparison again, it goes on where it stopped"
    }
  }

  private static func quoted(_ text: String) -> String { "\"\(line(text))\"" }

  private static func line(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ⏎ ")
    return line.count > 80 ? line.prefix(80) + "…" : line
  }
}
