/// One of the tool's commands.
protocol Command {
  /// The word after `lorikeet`.
  static var name: String { get }
  /// One line for the list of commands.
  static var summary: String { get }
  /// The names of its positional arguments.
  static var positional: [String] { get }
  /// Its own flags.
  static var flags: [Flag] { get }
  /// A line or two of example.
  static var example: String { get }
  /// Does the work.
  static func run(_ arguments: Arguments, _ console: Console) throws
}

/// The texts of `--help`.
enum Help {
  static var commands: [any Command.Type] {
    [
      TrainCommand.self, EvaluateCommand.self, MergeCommand.self, GenerateCommand.self,
      ReportCommand.self, InspectCommand.self,
      BenchCommand.self,
    ]
  }

  static var overview: String {
    var text = """
      lorikeet \(Version.text): LoRA and QLoRA fine-tuning of small language models on CPUs

      usage: lorikeet <command> [arguments]


      """
    for command in commands { text += "  \(pad(command.name, 12))\(command.summary)\n" }
    text += "\nlorikeet <command> --help says more; docs: docs/README.md\n"
    return text
  }

  static func text(for command: any Command.Type) -> String {
    let positional = command.positional.map { " <\($0)>" }.joined()
    let required = command.flags.filter(\.isRequired).map { " \($0.name) <\($0.value ?? "")>" }
      .joined()
    var text =
      "\(command.summary)\n\nusage: lorikeet \(command.name)\(positional)\(required) [flags]\n\n"
    for flag in command.flags + Arguments.common {
      let value = flag.value.map { flag.hasOptionalValue ? " [\($0)]" : " <\($0)>" } ?? ""
      text += wrapped(
        "  \(pad(flag.name + value, 26))", flag.help + (flag.isRepeatable ? " (repeatable)" : ""))
    }
    return text + "\nexample:\n  \(command.example)\n"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// Sets help beside its flag within 80 columns.
  private static func wrapped(_ head: String, _ help: String) -> String {
    let indent = 28
    var lines: [String] = []
    var line = head
    if head.count > indent {
      lines.append(head)
      line = String(repeating: " ", count: indent)
    }
    for word in help.split(separator: " ") {
      if line.count + word.count > 79 {
        lines.append(line)
        line = String(repeating: " ", count: indent)
      }
      line += word + " "
    }
    return (lines + [line]).map { $0.trimmingSuffix(" ") + "\n" }.joined()
  }
}

extension String {
  func trimmingSuffix(_ character: Character) -> String {
    var text = self
    while text.last == character { text.removeLast() }
    return text
  }
}

/// What this build calls itself.
enum Version {
  static let text = "0.1.0"
}
