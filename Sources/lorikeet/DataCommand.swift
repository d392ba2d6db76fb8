/// `lorikeet data`: what is done with data files before a run.
enum DataCommand: Command {
  static let name = "data"
  static let summary = "checks, previews, converts, splits and makes data files"
  static let positional: [String] = []
  static let flags: [Flag] = []
  static let example = "lorikeet data check train.jsonl --validation valid.jsonl"
  static var subcommands: [any Command.Type] {
    [
      DataCheckCommand.self, DataPreviewCommand.self, DataConvertCommand.self,
      DataSplitCommand.self, DataRAFTCommand.self,
    ]
  }

  static func run(_ arguments: Arguments, _ console: Console) throws {
    throw UsageError(command: Self.self, "missing subcommand")
  }
}
