/// The commands that a page of Markdown tells its reader to type.
enum ReadmeCommands {
  /// One command, as words, with the line of the page where it begins.
  struct Command: Sendable, CustomStringConvertible {
    let words: [String]
    let line: Int

    var description: String { "line \(line): \(words.joined(separator: " "))" }
  }

  /// A fenced block of the page: its language, the line of its fence, its lines.
  struct Block {
    let language: String
    let line: Int
    let lines: [String]
  }

  /// The commands of every `sh` block, and of every `console` block the lines after `$ `.
  static func all(in page: String) -> [Command] {
    blocks(of: page).flatMap { block -> [Command] in
      let numbered = block.lines.enumerated().map { (block.line + 1 + $0.offset, $0.element) }
      switch block.language {
      case "sh":
        return commands(in: numbered)
      case "console":
        let prompt = "$ "
        return commands(
          in: numbered.filter { $0.1.hasPrefix(prompt) }
            .map { ($0.0, String($0.1.dropFirst(prompt.count))) })
      default:
        return []
      }
    }
  }

  /// The commands of a shell script, given as numbered lines.
  static func commands(in lines: [(Int, String)]) -> [Command] {
    var commands: [Command] = []
    var pending: (line: Int, text: String)?
    for (number, line) in lines {
      let start = pending?.line ?? number
      let text = (pending?.text ?? "") + line
      if text.hasSuffix("\\") {
        pending = (start, String(text.dropLast()))
        continue
      }
      pending = nil
      let split = words(of: text)
      if !split.isEmpty { commands.append(Command(words: split, line: start)) }
    }
    return commands
  }

  /// The fenced blocks of a page; a fence inside another block is text.
  static func blocks(of page: String) -> [Block] {
    var blocks: [Block] = []
    var open: (language: String, line: Int, lines: [String])?
    for (index, line) in page.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if let block = open {
        if line == "```" {
          blocks.append(Block(language: block.language, line: block.line, lines: block.lines))
          open = nil
        } else {
          open?.lines.append(String(line))
        }
      } else if line.hasPrefix("```") {
        open = (String(line.dropFirst(3)), index + 1, [])
      }
    }
    return blocks
  }

  /// The words of a command line as a shell splits them: quotes, backslashes, and `#` for a comment.
  ///
  /// A pipe or redirection ends the command; what follows is the shell's.
  static func words(of line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    scan: for character in line {
      if isEscaped {
        word = (word ?? "") + String(character)
        isEscaped = false
        continue
      }
      switch (character, quote) {
      case ("\\", let open) where open != "'":
        isEscaped = true
      case (let mark, let open?) where mark == open:
        quote = nil
      case (_, .some):
        word = (word ?? "") + String(character)
      case ("\"", nil), ("'", nil):
        quote = character
        word = word ?? ""
      case (" ", nil):
        if let done = word { words.append(done) }
        word = nil
      case ("#", nil) where word == nil, ("|", nil) where word == nil, (">", nil) where word == nil:
        break scan
      default:
        word = (word ?? "") + String(character)
      }
    }
    if let done = word { words.append(done) }
    return words
  }
}
