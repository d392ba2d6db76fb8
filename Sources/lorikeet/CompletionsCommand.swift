/// `lorikeet completions`.
enum CompletionsCommand: Command {
  static let name = "completions"
  static let summary = "prints what a shell needs to complete commands and flags"
  static let positional = ["bash|zsh|fish"]
  static let flags: [Flag] = []
  static let example =
    "lorikeet completions fish > ~/.config/fish/completions/lorikeet.fish"

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

  /// Every flag that may follow a command, its own first.
  private static func flags(of command: any Command.Type) -> [Flag] {
    command.flags + Arguments.common
  }

  /// The words that a command's first argument is one of, where there is such a list.
  private static func choices(of command: any Command.Type) -> [String] {
    let name = command.positional.first ?? ""
    return name.contains("|") ? name.split(separator: "|").map(String.init) : []
  }

  /// Whether a flag's value may be a path: a number is not.
  private static func takesPath(_ flag: Flag) -> Bool {
    flag.value.map { !["N", "X", "S"].contains($0) } ?? false
  }

  // MARK: - bash

  private static func bash() -> String {
    func spellings(_ command: any Command.Type) -> String {
      flags(of: command).flatMap { [$0.shortName, $0.name] }.compactMap { $0 }
        .joined(separator: " ")
    }
    var cases = ""
    for command in Help.commands {
      if command.subcommands.isEmpty {
        let choices = choices(of: command)
        let names = choices.isEmpty ? "" : "names='\(choices.joined(separator: " "))' "
        cases += "    \(command.name)) \(names)flags='\(spellings(command))' ;;\n"
        continue
      }
      let names = command.subcommands.map { $0.word }.joined(separator: " ")
      cases += "    \(command.name))\n      ((COMP_CWORD > 2)) || names='\(names)' flags=--help\n"
      cases += "      case ${COMP_WORDS[2]} in\n"
      for leaf in command.subcommands {
        cases += "        \(leaf.word)) flags='\(spellings(leaf))' ;;\n"
      }
      cases += "      esac ;;\n"
    }
    let names = Help.commands.map { $0.name }.joined(separator: " ")
    return """
      # bash completion of lorikeet, made by: lorikeet completions bash
      _lorikeet() {
        local current=${COMP_WORDS[COMP_CWORD]} names= flags=
        COMPREPLY=()
        if ((COMP_CWORD == 1)); then
          names='\(names)' flags='--help --version'
        else
          case ${COMP_WORDS[1]} in
      \(cases)    esac
        fi
        if [[ $current == -* ]]; then
          COMPREPLY=($(compgen -W "$flags" -- "$current"))
        elif [[ -n $names ]]; then
          COMPREPLY=($(compgen -W "$names" -- "$current"))
        else
          # Only here: a command may have the name of a folder, and is not one.
          compopt -o filenames
          mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
      }
      complete -F _lorikeet lorikeet

      """
  }

  // MARK: - zsh

  private static func zsh() -> String {
    func arguments(_ command: any Command.Type) -> String {
      var words = flags(of: command).flatMap { flag in
        let exclusion =
          flag.isRepeatable ? "*" : flag.shortName.map { "(\($0) \(flag.name))" } ?? ""
        let value = flag.value.map {
          "\(flag.hasOptionalValue ? "::" : ":")\(quoted($0)):\(takesPath(flag) ? "_files" : "")"
        }
        return [flag.shortName, flag.name].compactMap { $0 }.map {
          "'\(exclusion)\($0)[\(quoted(flag.help))]\(value ?? "")'"
        }
      }
      let choices = choices(of: command)
      words.append(
        choices.isEmpty ? "'*:file:_files'" : "'1:shell:(\(choices.joined(separator: " ")))'")
      return "_arguments " + words.joined(separator: " ")
    }
    func descriptions(_ commands: [any Command.Type]) -> String {
      commands.map { "'\($0.word):\(quoted($0.summary))'" }.joined(separator: " ")
    }
    var cases = ""
    for command in Help.commands {
      guard !command.subcommands.isEmpty else {
        cases += "    \(command.name)) \(arguments(command)) ;;\n"
        continue
      }
      cases += "    \(command.name))\n      commands=(\(descriptions(command.subcommands)))\n"
      cases += "      if ((CURRENT == 2)); then\n        _describe subcommand commands\n"
      cases += "        return\n      fi\n      shift words\n      ((CURRENT--))\n"
      cases += "      case $words[1] in\n"
      for leaf in command.subcommands {
        cases += "        \(leaf.word)) \(arguments(leaf)) ;;\n"
      }
      cases += "      esac ;;\n"
    }
    return """
      #compdef lorikeet
      # zsh completion of lorikeet, made by: lorikeet completions zsh
      _lorikeet() {
        local -a commands=(\(descriptions(Help.commands)))
        if ((CURRENT == 2)); then
          _describe command commands
          return
        fi
        shift words
        ((CURRENT--))
        case $words[1] in
      \(cases)  esac
      }
      # A file of $fpath is the function itself; text that is read in .zshrc has to name it.
      if [[ $funcstack[1] == _lorikeet ]]; then
        _lorikeet "$@"
      else
        compdef _lorikeet lorikeet
      fi

      """
  }

  /// Help between quotes and brackets of zsh.
  private static func quoted(_ text: String) -> String {
    text.map { "'[]:".contains($0) ? ($0 == "'" ? "’" : "\\\($0)") : String($0) }.joined()
  }

  // MARK: - fish

  private static func fish() -> String {
    var lines = "# fish completion of lorikeet, made by: lorikeet completions fish\n"
    func quoted(_ text: String) -> String {
      "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
    }
    func word(_ command: any Command.Type, where condition: String) {
      lines +=
        "complete -c lorikeet -n \(quoted(condition)) -f -a \(command.word) -d \(quoted(command.summary))\n"
    }
    func rest(_ command: any Command.Type, where condition: String) {
      for choice in choices(of: command) {
        lines += "complete -c lorikeet -n \(quoted(condition)) -f -a \(choice)\n"
      }
      for flag in flags(of: command) {
        let short = flag.shortName.map { " -s \($0.drop { $0 == "-" })" } ?? ""
        let value =
          flag.value == nil || flag.hasOptionalValue ? "" : takesPath(flag) ? " -r" : " -x"
        lines +=
          "complete -c lorikeet -n \(quoted(condition))\(short) -l \(flag.name.drop { $0 == "-" })\(value) -d \(quoted(flag.help))\n"
      }
    }
    for command in Help.commands {
      word(command, where: "__fish_use_subcommand")
      let isSeen = "__fish_seen_subcommand_from \(command.name)"
      guard !command.subcommands.isEmpty else {
        rest(command, where: isSeen)
        continue
      }
      let leaves = command.subcommands.map { $0.word }.joined(separator: " ")
      for leaf in command.subcommands {
        word(leaf, where: "\(isSeen); and not __fish_seen_subcommand_from \(leaves)")
        rest(leaf, where: "\(isSeen); and __fish_seen_subcommand_from \(leaf.word)")
      }
    }
    return lines
  }
}
