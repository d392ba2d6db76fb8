/// `lorikeet completions`.
enum CompletionsCommand: Command {
  static let name = "completions"
  static let summary = "prints what a shell needs to complete commands and flags"
  static let positional = ["bash|zsh|fish"]
  static let flags: [Flag] = []
  static let example =
    "lorikeet completions bash > ~/.local/share/bash-completion/completions/lorikeet"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let shell = arguments.positional[0]
    let scripts = ["bash": bash, "zsh": zsh, "fish": fish]
    guard let script = scripts[shell] else {
      throw UsageError(
        command: Self.self,
        "expected bash, zsh or fish, found \"\(shell)\"\(Nearest.suggestion(for: shell, among: scripts.keys.sorted()))"
      )
    }
    Output.write(script())
  }

  /// A command's flags; a group's are those of all its commands.
  private static func flags(of command: any Command.Type) -> [Flag] {
    var flags = command.flags + Arguments.common
    for flag in command.subcommands.flatMap({ $0.flags })
    where !flags.contains(where: { $0.name == flag.name }) {
      flags.append(flag)
    }
    return flags
  }

  /// The flags that may follow a command.
  private static func words(_ command: any Command.Type) -> String {
    flags(of: command).map(\.name).joined(separator: " ")
  }

  private static func bash() -> String {
    var cases = ""
    for command in Help.commands {
      if command.subcommands.isEmpty {
        cases += "    \(command.name)) words='\(words(command))' ;;\n"
        continue
      }
      let names = command.subcommands.map { $0.word }.joined(separator: " ")
      cases += "    \(command.name))\n      case ${COMP_WORDS[2]} in\n"
      for leaf in command.subcommands {
        cases += "        \(leaf.word)) words='\(words(leaf))' ;;\n"
      }
      cases += "      esac\n      if ((COMP_CWORD == 2)); then\n"
      cases += "        COMPREPLY=($(compgen -W '\(names) --help' -- \"$current\"))\n"
      cases += "        return\n      fi ;;\n"
    }
    let names = Help.commands.map { $0.name }.joined(separator: " ")
    return """
      # bash completion of lorikeet, made by: lorikeet completions bash
      _lorikeet() {
        local current=${COMP_WORDS[COMP_CWORD]} words=
        if ((COMP_CWORD == 1)); then
          COMPREPLY=($(compgen -W '\(names) --help --version' -- "$current"))
          return
        fi
        case ${COMP_WORDS[1]} in
      \(cases)  esac
        if [[ $current == -* ]]; then
          COMPREPLY=($(compgen -W "$words" -- "$current"))
        else
          COMPREPLY=($(compgen -f -- "$current"))
        fi
      }
      complete -o filenames -o bashdefault -F _lorikeet lorikeet

      """
  }

  private static func zsh() -> String {
    var cases = ""
    for command in Help.commands {
      let flags = flags(of: command).map { flag in
        "'\(flag.isRepeatable ? "*" : "")\(flag.name)[\(quoted(flag.help))]\(flag.value.map { ":\(quoted($0)):_files" } ?? "")'"
      }
      let words = command.subcommands.map { $0.word }.joined(separator: " ")
      let first = words.isEmpty ? "" : "'1:command:(\(words))' "
      cases +=
        "    \(command.name)) _arguments \(first)\(flags.joined(separator: " ")) '*:file:_files' ;;\n"
    }
    let names = Help.commands.map { "'\($0.name):\(quoted($0.summary))'" }.joined(separator: " ")
    return """
      #compdef lorikeet
      # zsh completion of lorikeet, made by: lorikeet completions zsh
      _lorikeet() {
        local -a commands=(\(names))
        if ((CURRENT == 2)); then
          _describe command commands
          return
        fi
        local name=$words[2]
        shift words
        ((CURRENT--))
        case $name in
      \(cases)  esac
      }
      compdef _lorikeet lorikeet

      """
  }

  /// Help between quotes and brackets of zsh.
  private static func quoted(_ text: String) -> String {
    text.map { "'[]:".contains($0) ? ($0 == "'" ? "’" : "\\\($0)") : String($0) }.joined()
  }

  private static func fish() -> String {
    var lines = "# fish completion of lorikeet, made by: lorikeet completions fish\n"
    func quoted(_ text: String) -> String {
      "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
    }
    for command in Help.commands {
      for leaf in command.subcommands {
        lines +=
          "complete -c lorikeet -n '__fish_seen_subcommand_from \(command.name)' -f -a \(leaf.word) -d \(quoted(leaf.summary))\n"
      }
      lines +=
        "complete -c lorikeet -n __fish_use_subcommand -f -a \(command.name) -d \(quoted(command.summary))\n"
      for flag in flags(of: command) {
        lines +=
          "complete -c lorikeet -n '__fish_seen_subcommand_from \(command.name)' -l \(flag.name.drop { $0 == "-" })\(flag.value == nil ? "" : " -r") -d \(quoted(flag.help))\n"
      }
    }
    return lines
  }
}

/// `lorikeet man`.
enum ManualCommand: Command {
  static let name = "man"
  static let summary = "prints the manual page"
  static let positional: [String] = []
  static let flags: [Flag] = []
  static let example = "lorikeet man | man -l -"

  static func run(_ arguments: Arguments, _ console: Console) throws { Output.write(page()) }

  private static func page() -> String {
    var text = """
      .TH LORIKEET 1 "" "lorikeet \(Version.text)" "User Commands"
      .SH NAME
      lorikeet \\- LoRA and QLoRA fine\\-tuning of small language models on CPUs
      .SH SYNOPSIS
      .B lorikeet
      .I command
      .RI [ arguments ]
      .SH COMMANDS

      """
    for command in Help.commands.flatMap({ $0.subcommands.isEmpty ? [$0] : $0.subcommands }) {
      let positional = command.positional.map { " \\fI\(escaped($0))\\fR" }.joined()
      text += ".SS \"\(escaped(command.name))\"\n"
      text += "\\fBlorikeet \(escaped(command.name))\\fR\(positional) [flags]\n.PP\n"
      text += "\(escaped(command.summary)).\n"
      for flag in command.flags { text += entry(flag) }
      text += ".PP\nExample: \\fB\(escaped(command.example))\\fR\n"
    }
    text += ".SH FLAGS OF EVERY COMMAND\n"
    for flag in Arguments.common { text += entry(flag) }
    text += """
      .SH EXIT STATUS
      .TP
      .B 0
      done
      .TP
      .B 1
      failed
      .TP
      .B 64
      the command line or the configuration is wrong
      .TP
      .B 65
      data or a model file is wrong
      .TP
      .B 66
      an input is missing
      .TP
      .B 74
      something could not be read or written, such as on a full disk
      .TP
      .B 130
      stopped by Ctrl\\-C, after a checkpoint was saved

      """
    return text
  }

  private static func entry(_ flag: Flag) -> String {
    let value = flag.value.map { " \\fI\(escaped($0))\\fR" } ?? ""
    return ".TP\n\\fB\(escaped(flag.name))\\fR\(value)\n\(escaped(flag.help))\n"
  }

  /// A hyphen that is typed, and no line that begins with a request.
  private static func escaped(_ text: String) -> String {
    let plain = text.map { $0 == "\\" ? "\\e" : $0 == "-" ? "\\-" : String($0) }.joined()
    return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
  }
}
