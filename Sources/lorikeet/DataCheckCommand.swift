import Configuration
import Datasets
import Inference
import ModelFiles
import Serialization
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet data check`.
enum DataCheckCommand: Command {
  static let name = "data check"
  static let summary = "says what data files hold and everything that is wrong with them"
  static let positional = ["FILE…"]
  static let positionalCounts = 0...Int.max
  static let flags = [
    Flag(
      name: "--validation", value: "FILE",
      help: "a file to validate on; looks for rows that are in both", isRepeatable: true),
    Flag(
      name: "--config", value: "C.yaml",
      help: "counts as the run would; its data files, where none are given, and its steps"),
    Flag(
      name: "--model", value: "M",
      help: "counts tokens as the model does: a .gguf file, a Hugging Face folder, or org/name"),
    Flag(
      name: "--max-length", value: "N",
      help: "the longest row, in tokens; default: the model's context"),
    Flag(name: "--show", value: "N", help: "how many problems of each kind to show; default 3"),
  ]
  static let example = "lorikeet data check --config configs/support.yaml"

  /// What the command line asks for.
  private struct Request {
    var train: [String]
    var validation: [String]
    var configuration: RunConfiguration?
    var modelPath: String?
  }

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let request = try request(arguments)
    let preparation = try preparation(request, arguments)
    let check = try DatasetCheck(
      train: request.train, validation: request.validation, preparation: preparation,
      shown: try arguments.integer("--show") ?? 3)
    let steps = steps(check, request.configuration)
    let verdict = verdict(check)
    show(check, request.configuration, steps, console)
    console.print(verdict)

    var json = JSONObject()
    json["verdict"] = .string(
      check.errors > 0 ? "errors" : check.warnings > 0 ? "warnings" : "ready")
    json["summary"] = .string(verdict)
    json["errors"] = .integer(check.errors)
    json["rows_with_errors"] = .integer(check.rowsWithErrors)
    json["warnings"] = .integer(check.warnings)
    json["model"] = request.modelPath.map { .string($0) } ?? .null
    json["steps"] = steps.map { .integer($0) } ?? .null
    json["train"] = object(check.train)
    json["validation"] = check.validation.map(object) ?? .null
    json["problems"] = .array(check.issues.map(object))
    try console.json(json)
    try Output.check()
    // The verdict has said it; a sentence more would be one too many.
    if check.errors > 0 { exit(65) }
  }

  // MARK: What is asked

  private static func request(_ arguments: Arguments) throws -> Request {
    var request = Request(
      train: arguments.positional, validation: arguments.strings("--validation"),
      modelPath: arguments.string("--model"))
    if let path = arguments.string("--config") {
      for flag in ["--model", "--max-length"] where arguments.has(flag) {
        throw UsageError(
          command: Self.self, "\(flag) and --config exclude each other; the configuration says it")
      }
      let configuration = try RunConfiguration.load(path: path)
      request.configuration = configuration
      request.modelPath = configuration.model.path
      if request.train.isEmpty { request.train = configuration.data.train }
      if request.validation.isEmpty { request.validation = configuration.data.validation }
    } else if arguments.has("--max-length"), request.modelPath == nil {
      throw UsageError(
        command: Self.self, "--max-length needs --model, since it is counted in the model's tokens")
    }
    guard !request.train.isEmpty else {
      throw UsageError(command: Self.self, "missing argument <FILE…>, or --config")
    }
    return request
  }

  private static func preparation(
    _ request: Request, _ arguments: Arguments
  ) throws -> RowPreparation? {
    guard let path = request.modelPath else { return nil }
    let file = try ModelFile.open(path)
    let tokenizer = try file.makeTokenizer()
    let template = try file.makeChatTemplate(tokenizer)
    if let data = request.configuration?.data {
      return RowPreparation(
        tokenizer: tokenizer, template: template, maxLength: data.maxLength,
        overlong: data.overlong, assistantOnly: data.assistantOnlyLoss)
    }
    let context = file.configuration["max_position_embeddings"]?.intValue ?? 2_048
    let maxLength = try arguments.integer("--max-length") ?? max(2, context)
    guard maxLength > 1 else {
      throw UsageError(command: Self.self, "--max-length: expected at least 2, found \(maxLength)")
    }
    return RowPreparation(tokenizer: tokenizer, template: template, maxLength: maxLength)
  }

  /// The steps the run would take; nil where it would not start, or nobody knows the run.
  private static func steps(_ check: DatasetCheck, _ configuration: RunConfiguration?) -> Int? {
    guard let training = configuration?.training, check.errors == 0, check.train.usableRows > 0
    else { return nil }
    let plan = BatchPlan(
      exampleCount: check.train.usableRows, batchSize: training.perDeviceTrainBatchSize,
      accumulationSteps: training.gradientAccumulationSteps)
    return training.maxSteps ?? plan.steps(epochs: training.numTrainEpochs)
  }

  // MARK: For people

  private static func verdict(_ check: DatasetCheck) -> String {
    let warnings = count(check.warnings, "warning")
    if check.errors > 0 {
      let rows =
        check.rowsWithErrors > 0 ? " in \(count(check.rowsWithErrors, "row"))" : ""
      let more = check.warnings > 0 ? "; \(warnings)" : ""
      return "not ready: \(count(check.errors, "error"))\(rows)\(more)"
    }
    return check.warnings > 0 ? "ready, with \(warnings)" : "ready: nothing is wrong"
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  private static func show(
    _ check: DatasetCheck, _ configuration: RunConfiguration?, _ steps: Int?, _ console: Console
  ) {
    let parts = [("train", check.train)] + (check.validation.map { [("validation", $0)] } ?? [])
    for (name, part) in parts {
      for file in part.files {
        let format = file.format.map { " of \($0)" } ?? ""
        console.print(
          "\(name): \(VisibleText.escaped(file.path)): \(count(file.rows, "row"))\(format)")
      }
    }
    console.print("")
    var table = [[""] + parts.map { $0.0 }]
    func line(_ label: String, _ value: (DatasetCheck.Part) -> String) {
      table.append([label] + parts.map { value($0.1) })
    }
    func lengths(_ unit: String, _ value: @escaping (DatasetCheck.Part) -> LengthStatistics?) {
      line(unit) { value($0).map { "\($0.total)" } ?? "" }
      line("  mean") { value($0).map { Format.fixed($0.mean, 1) } ?? "" }
      line("  median") { value($0).map { Format.fixed($0.median, 1) } ?? "" }
      line("  95th percentile") { value($0).map { Format.fixed($0.percentile95, 1) } ?? "" }
      line("  99th percentile") { value($0).map { Format.fixed($0.percentile99, 1) } ?? "" }
      line("  longest") { value($0).map { "\($0.longest)" } ?? "" }
    }
    line("rows") { "\($0.rows)" }
    if let maxLength = check.train.tokens?.maxLength {
      lengths("tokens") { $0.tokens?.lengths }
      line("supervised tokens") { $0.tokens.map { "\($0.supervisedTokens)" } ?? "" }
      line("  share") { $0.tokens.map { Format.percent($0.supervisedShare) } ?? "" }
      line("rows longer than \(maxLength)") { $0.tokens.map { "\($0.overlongRows)" } ?? "" }
      line("  supervised tokens beyond") {
        $0.tokens.map { "\($0.supervisedTokensLostByTruncation)" } ?? ""
      }
    } else {
      lengths("words") { $0.words }
      lengths("characters") { $0.characters }
    }
    if parts.contains(where: { $0.1.labels != nil }) {
      line("labels") { $0.labels.map { "\($0.labels.count)" } ?? "" }
      line("  rows of the most frequent") { $0.labels?.labels.first.map { "\($0.rows)" } ?? "" }
      line("  rows of the least frequent") { $0.labels?.labels.last.map { "\($0.rows)" } ?? "" }
    }
    if configuration != nil {
      table.append(["steps", steps.map { "\($0)" } ?? "none"])
    }
    for row in aligned(table) { console.print(row) }
    if check.train.tokens == nil {
      console.print("tokens are not counted: give --model or --config")
    }
    for severity in DatasetProblem.Severity.allCases {
      let issues = check.issues.filter { $0.severity == severity }
      guard !issues.isEmpty else { continue }
      console.print("\n\(severity.rawValue)s")
      for issue in issues {
        console.print("  \(issue.kind.rawValue): \(issue.count)")
        for problem in issue.first {
          console.print("    \(VisibleText.escaped(problem.description))")
        }
        let more = issue.count - issue.first.count
        if more > 0 { console.print("    … and \(more) more") }
      }
    }
    console.print("")
  }

  /// Lines with the first column to the left and the others to the right.
  private static func aligned(_ table: [[String]]) -> [String] {
    let columns = table.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      table.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return table.map { row in
      row.enumerated().map { column, text in
        let space = String(repeating: " ", count: max(0, widths[column] - text.count))
        return column == 0 ? text + space : "  " + space + text
      }.joined().trimmingSuffix(" ")
    }
  }

  // MARK: For machines

  private static func object(_ issue: DatasetCheck.Issue) -> JSONValue {
    .object([
      "kind": .string(issue.kind.rawValue),
      "severity": .string(issue.severity.rawValue),
      "count": .integer(issue.count),
      "first": .array(
        issue.first.map { problem in
          let place = problem.place
          return [
            "file": .string(place.path),
            "line": place.line > 0 ? .integer(place.line) : .null,
            "column": place.line > 0 ? .integer(place.column) : .null,
            "message": .string(problem.message),
          ]
        }),
    ])
  }

  private static func object(_ part: DatasetCheck.Part) -> JSONValue {
    var json = JSONObject()
    json["files"] = .array(
      part.files.map { file in
        [
          "path": .string(file.path),
          "format": file.format.map { .string(DataFormatName.of($0)) } ?? .null,
          "rows": .integer(file.rows),
        ]
      })
    json["rows"] = .integer(part.rows)
    json["usable_rows"] = .integer(part.usableRows)
    json["words"] = .object(object(part.words))
    json["characters"] = .object(object(part.characters))
    json["tokens"] = part.tokens.map { .object(object($0)) } ?? .null
    json["labels"] =
      part.labels.map { labels in
        .object(
          JSONObject(labels.labels.map { label in (label.text, JSONValue.integer(label.rows)) }))
      } ?? .null
    return .object(json)
  }

  private static func object(_ tokens: TokenStatistics) -> JSONObject {
    var json = object(tokens.lengths)
    json["supervised"] = .integer(tokens.supervisedTokens)
    json["supervised_share"] = .number(tokens.supervisedShare)
    json["max_length"] = .integer(tokens.maxLength)
    json["overlong_rows"] = .integer(tokens.overlongRows)
    json["supervised_lost_by_truncation"] = .integer(tokens.supervisedTokensLostByTruncation)
    json["rows_emptied_by_truncation"] = .integer(tokens.rowsEmptiedByTruncation)
    return json
  }

  private static func object(_ lengths: LengthStatistics) -> JSONObject {
    [
      "total": .integer(lengths.total), "mean": .number(lengths.mean),
      "median": .number(lengths.median), "p95": .number(lengths.percentile95),
      "p99": .number(lengths.percentile99), "longest": .integer(lengths.longest),
    ]
  }
}
