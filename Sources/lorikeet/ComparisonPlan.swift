import Comparison
import Configuration
import Inference
import ModelFiles
import Serialization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// What a comparison would take: `lorikeet compare --plan`.
enum ComparisonPlan {
  /// An arm's part of it.
  private struct Part {
    var task: ComparisonTask
    var questions: Int
    var promptTokens: Int
    var secondsEach: Double
    var training: RunEstimate?
  }

  /// Questions that are asked to see how long one takes.
  private static let sample = 2
  /// Seconds that each training is tried for.
  private static let trial = 5.0

  static func run(_ requested: ComparisonConfiguration, _ console: Console) throws {
    let output = requested.run.training.outputDir
    var configuration = requested
    let folder = try scratchFolder()
    defer { removeFolder(folder) }
    configuration.run.training.outputDir = "\(folder)/comparison"
    let session = try ComparisonSession(configuration, console)
    let parts = try measure(session, console)
    let count = session.questions.count
    let answering = parts.reduce(0) { $0 + $1.secondsEach * Double($1.questions) }
    let training = parts.reduce(0) { $0 + ($1.training?.seconds ?? 0) }

    console.print("\(output): \(count) questions")
    console.print(row(["arm", "prompt", "a question", "answers", "training"]))
    for part in parts {
      console.print(
        row([
          part.task.name, "\(part.promptTokens)",
          "\(Format.fixed(part.secondsEach, 2)) s",
          Format.duration(part.secondsEach * Double(part.questions)),
          part.training.map { Format.duration($0.seconds) } ?? "-",
        ]))
    }
    console.print(
      "\(Format.duration(answering + training)) on this machine, \(Format.duration(training)) of it training; answers as long as compare.max_new_tokens at most"
    )
    try console.json([
      "output": .string(output), "questions": .integer(count),
      "seconds": .number(answering + training), "training_seconds": .number(training),
      "arms": .array(
        parts.map {
          [
            "name": .string($0.task.name), "arm": .string($0.task.arm.rawValue),
            "seed": .integer($0.task.seed), "questions": .integer($0.questions),
            "prompt_tokens": .integer($0.promptTokens),
            "seconds_per_question": .number($0.secondsEach),
            "training_seconds": $0.training.map { .number($0.seconds) } ?? .null,
            "training_tokens": $0.training.map { .integer($0.tokens) } ?? .null,
            "training_steps": $0.training.map { .integer($0.steps) } ?? .null,
          ]
        }),
    ])
  }

  private static func measure(
    _ session: ComparisonSession, _ console: Console
  ) throws -> [Part] {
    let asking = ComparisonRun(session, console)
    var parts: [Part] = []
    for task in session.tasks {
      // Another seed takes as long.
      if let known = parts.first(where: {
        $0.task.arm == task.arm && $0.task.distractors == task.distractors
      }) {
        var part = known
        part.task = task
        parts.append(part)
        continue
      }
      let questions = session.questions(task)
      let prompts = try questions.map { try session.prompt(task, $0) }
      let generator = try asking.generator()
      let prefix = generator.readPrefix(of: prompts.map(\.tokens))
      console.progress("asking \(task.title)")
      let run = ArmRun(arm: task.arm, seed: task.seed, questions: 0, memoryBytes: 0)
      let seconds = try zip(questions, prompts).prefix(sample).compactMap {
        try asking.answer($0, $1, run, generator, prefix)?.seconds
      }
      parts.append(
        Part(
          task: task, questions: questions.count,
          promptTokens: prompts.reduce(0) { $0 + $1.tokens.count } / max(1, prompts.count),
          secondsEach: seconds.reduce(0, +) / Double(max(1, seconds.count))))
    }
    // What has distractors is asked of an adapter that is there by then.
    for index in parts.indices
    where parts[index].task.arm.isTrained && parts[index].task.distractors == nil {
      let task = parts[index].task
      let known = parts[..<index].first {
        $0.task.arm == task.arm && $0.task.rows == task.rows && $0.training != nil
      }
      if let known {
        parts[index].training = known.training
        continue
      }
      asking.giveBack()
      let training = try TrainingSession(
        session.trainingConfiguration(task), console)
      parts[index].training = training.run.estimate(measuring: trial) {
        console.progress("measuring the training of \(task.title), \(Format.fixed($0, 1)) s")
      }
    }
    return parts
  }

  private static func row(_ cells: [String]) -> String {
    zip(cells, [30, 8, 12, 14, 14]).map { cell, width in
      cell + String(repeating: " ", count: max(1, width - cell.count))
    }.joined().trimmingSuffix(" ")
  }

  /// A folder of its own that nothing else uses.
  private static func scratchFolder() throws -> String {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(place)/lorikeet-plan-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw ModelFileError.notWritten(path: place, reason: String(cString: strerror(errno)))
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
