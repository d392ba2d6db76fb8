import ModelFiles
import Reporting
import Serialization

/// `lorikeet report`.
enum ReportCommand: Command {
  static let name = "report"
  static let summary = "renders a run folder as a page, or lays several runs over each other"
  static let positional = ["RUN…"]
  static let positionalCounts = 1...Int.max
  static let flags = [
    Flag(
      name: "--output", value: "FILE",
      help:
        "the page; default: report.html in the run folder, comparison.html here for several runs"
    )
  ]
  static let example = "lorikeet report runs/a runs/b --output comparison.html"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let folders = arguments.positional
    let runs = try folders.map { folder in
      RunRecord(
        name: RunFolderFiles.name(of: folder),
        files: try RunFolderFiles.read(folder, mustBeRun: true))
    }
    for (folder, run) in zip(folders, runs) {
      for note in run.notes { console.note("warning: \(folder): \(note)") }
    }
    let output =
      arguments.string("--output")
      ?? (folders.count == 1 ? "\(folders[0].trimmingSuffix("/"))/report.html" : "comparison.html")
    try RunFolderFiles.write(
      runs.count == 1 ? RunPage.html(runs[0]) : ComparisonPage.html(runs), to: output)
    try console.json([
      "output": .string(output), "runs": .array(folders.map { .string($0) }),
    ])
    console.print("report: \(output)")
  }
}

/// Reads what a report needs of a run folder.
enum RunFolderFiles {
  /// What a run folder is called.
  static func name(of path: String) -> String {
    path.split(separator: "/").last { $0 != "." }.map(String.init) ?? path
  }

  /// The files that are there.
  ///
  /// - Parameter mustBeRun: whether a folder that has neither configuration nor metrics is an error.
  /// - Throws: `ModelFileError`.
  static func read(_ folder: String, mustBeRun: Bool = false) throws -> RunRecord.Files {
    var files = RunRecord.Files()
    files.configuration = try bytes("\(folder)/config.yaml")
    files.metrics = try bytes("\(folder)/metrics.jsonl")
    files.summary = try bytes("\(folder)/run.json")
    files.data = try bytes("\(folder)/report.json")
    files.evaluation = try bytes("\(folder)/evaluation.json")
    if mustBeRun, files.configuration == nil, files.metrics == nil {
      throw ModelFileError.missing(
        path: folder, problem: "no run folder: neither config.yaml nor metrics.jsonl is in it",
        remedy: "name the output_dir of a run")
    }
    return files
  }

  /// Keeps an evaluation in a run folder and renews the folder's page, each as a whole.
  ///
  /// - Returns: the paths of the two files.
  /// - Throws: `ModelFileError`.
  static func keep(evaluation: JSONObject, in folder: String) throws -> (
    evaluation: String, report: String
  ) {
    let paths = ("\(folder)/evaluation.json", "\(folder)/report.html")
    try write(JSONValue.object(evaluation).serialized() + "\n", to: paths.0)
    let run = RunRecord(name: name(of: folder), files: try read(folder))
    try write(RunPage.html(run), to: paths.1)
    return paths
  }

  /// Writes a file, or replaces one as a whole.
  static func write(_ text: String, to path: String) throws {
    let file = try AtomicFile(path: path, replacing: true)
    try file.write(text)
    try file.commit()
  }

  /// The bytes of a file; nil where there is none, or none in it.
  private static func bytes(_ path: String) throws -> [UInt8]? {
    do throws(ModelFileError) {
      return try MappedFile(path: path).withBytes { Array($0) }
    } catch {
      switch error {
      case .missing, .truncated: return nil
      default: throw error
      }
    }
  }
}
