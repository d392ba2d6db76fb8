import Comparison
import Configuration
import Reporting

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet compare`.
enum CompareCommand: Command {
  static let name = "compare"
  static let summary = "says whether to prompt, retrieve, fine-tune or both, by measuring each"
  static let positional = ["CONFIG.yaml"]
  static let flags = [
    Flag(
      name: "--set", value: "key=value", help: "replaces a key, such as compare.limit=20",
      isRepeatable: true),
    Flag(
      name: "--output", value: "DIR",
      help: "the comparison's folder, in place of training.output_dir; one that was begun goes on"),
    Flag(
      name: "--plan", value: nil,
      help: "reads everything, measures a little, and says how long it would take; writes nothing"),
  ]
  static let example = "lorikeet compare configs/compare-handbook.yaml"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    var overrides = arguments.strings("--set")
    if let output = arguments.string("--output") {
      overrides.append("training.output_dir=\(output)")
    }
    let configuration = try ComparisonConfiguration.load(
      path: arguments.positional[0], overrides: overrides)
    if arguments.has("--plan") { return try ComparisonPlan.run(configuration, console) }
    let session = try ComparisonSession(configuration, console)
    let run = ComparisonRun(session, console)
    guard try run.run() else {
      let settings = arguments.strings("--set").map { " --set \(ShellText.quoted($0))" }.joined()
      let output =
        arguments.string("--output").map { " --output \(ShellText.quoted($0))" } ?? ""
      console.note(
        "continue with: lorikeet compare \(arguments.positional[0])\(settings)\(output)")
      exit(130)
    }
    let result = try ComparisonResult(session)
    try result.write()
    for line in result.report.map(ArmTable.lines) ?? [] { console.print(line) }
    console.print("report: \(result.page)")
    try console.json(result.summary.json)
  }
}
