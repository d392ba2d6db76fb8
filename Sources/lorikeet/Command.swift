/// One of the tool's commands.
protocol Command {
  /// The words after `lorikeet`: one, or for a command of a group the group's and its own.
  static var name: String { get }
  /// One line for the list of commands.
  static var summary: String { get }
  /// The names of its positional arguments.
  static var positional: [String] { get }
  /// How many positional arguments it takes; where there may be more than names, the last is repeated.
  static var positionalCounts: ClosedRange<Int> { get }
  /// Its own flags.
  static var flags: [Flag] { get }
  /// A line or two of example.
  static var example: String { get }
  /// The commands of a group; a command that does something itself has none.
  static var subcommands: [any Command.Type] { get }
  /// Does the work.
  static func run(_ arguments: Arguments, _ console: Console) throws
}

extension Command {
  static var positionalCounts: ClosedRange<Int> { positional.count...positional.count }
  static var subcommands: [any Command.Type] { [] }
  /// The last word of the name.
  static var word: String { name.split(separator: " ").last.map(String.init) ?? name }
}

/// Finds the command that the first words of a command line name.
enum CommandSearch {
  /// The command and the words after its name; a group where no word, or `--help`, follows its own.
  ///
  /// - Throws: `UsageError` for a word that names none, with the nearest name.
  static func find(_ words: [String]) throws -> (command: any Command.Type, rest: [String]) {
    var commands = Help.commands
    var group: (any Command.Type)?
    var rest = words[...]
    while let word = rest.first {
      guard let command = commands.first(where: { $0.word == word }) else {
        if let group, word.hasPrefix("-") { return (group, Array(rest)) }
        let kind = group == nil ? "command" : "subcommand"
        throw UsageError(
          command: group,
          "unknown \(kind) \"\(word)\"\(Nearest.suggestion(for: word, among: commands.map { $0.word }))"
        )
      }
      rest = rest.dropFirst()
      guard !command.subcommands.isEmpty else { return (command, Array(rest)) }
      group = command
      commands = command.subcommands
    }
    throw UsageError(
      command: group,
      "missing subcommand: \(commands.map { $0.word }.joined(separator: ", "))")
  }
}

/// The texts of `--help`.
enum Help {
  static var commands: [any Command.Type] {
    [
      TrainCommand.self, EvaluateCommand.self, MergeCommand.self, ExportCommand.self,
      QuantizeCommand.self, GenerateCommand.self, ChatCommand.self, DataCommand.self,
      CompareCommand.self, ReportCommand.self, IndexCommand.self, SearchCommand.self,
      InspectCommand.self, PlanCommand.self, SelfTestCommand.self, BenchCommand.self,
      CompletionsCommand.self, ManualCommand.self,
    ]
  }

  /// Every command that does something itself: those of a group in its place.
  static var leaves: [any Command.Type] {
    commands.flatMap { $0.subcommands.isEmpty ? [$0] : $0.subcommands }
  }

  static var overview: String {
    var text = """
      lorikeet \(Version.text): LoRA and QLoRA fine-tuning of small language models on CPUs

      usage: lorikeet <command> [arguments]


      """
    for command in commands { text += wrapped("  \(pad(command.name, 12))", command.summary, 14) }
    text += "\nlorikeet <command> --help says more; docs: docs/README.md\n"
    return text
  }

  static func text(for command: any Command.Type) -> String {
    guard command.subcommands.isEmpty else { return list(of: command) }
    var text =
      wrapped("", command.summary, 0) + "\n" + wrapped("usage: ", usage(of: command), 7) + "\n"
    for flag in command.flags + Arguments.common {
      text += wrapped("  \(pad(flag.usage, 26))", flag.sentence)
    }
    return text + "\nexample:\n  \(command.example)\n"
  }

  /// A command with all that it must be given, such as `lorikeet plan <CONFIG.yaml> [flags]`.
  static func usage(of command: any Command.Type) -> String {
    let positional = command.positional.enumerated().map { index, name in
      index < command.positionalCounts.lowerBound ? " <\(name)>" : " [\(name)]"
    }.joined()
    return "lorikeet \(command.name)\(positional)\(requirements(command.flags)) [flags]"
  }

  /// What the usage line says of the flags that must be given: ` (--model <M> --adapter <A> | --run <RUN>)`.
  private static func requirements(_ flags: [Flag]) -> String {
    func text(_ flags: [Flag]) -> String {
      flags.map { "\($0.name) <\($0.value ?? "")>" }.joined(separator: " ")
    }
    let required = flags.filter(\.isRequired)
    let replaced = required.filter { !flags.substitutes(for: $0).isEmpty }
    let rest = required.filter { flags.substitutes(for: $0).isEmpty }
    let substitutes = flags.filter { !$0.replaces.isEmpty }
    let choice =
      replaced.isEmpty
      ? "" : " (\(text(replaced)) | \(substitutes.map { text([$0]) }.joined(separator: " | ")))"
    return choice + (rest.isEmpty ? "" : " \(text(rest))")
  }

  private static func list(of group: any Command.Type) -> String {
    var text = "\(group.summary)\n\nusage: lorikeet \(group.name) <subcommand> [arguments]\n\n"
    for command in group.subcommands {
      text += wrapped("  \(pad(command.word, 12))", command.summary, 14)
    }
    return text + "\nlorikeet \(group.name) <subcommand> --help says more\n"
      + "\nexample:\n  \(group.example)\n"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// Sets help beside its flag, or its command, within 80 columns.
  private static func wrapped(_ head: String, _ help: String, _ indent: Int = 28) -> String {
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
