/// A flag of a command.
struct Flag {
  /// Its spelling, such as `--max-tokens`.
  let name: String
  /// What its value is called in help; nil for a switch.
  let value: String?
  /// One line of help.
  let help: String
  /// Whether it must be given.
  var isRequired = false
  /// Whether it may be given more than once.
  var isRepeatable = false
  /// Whether the value may be left out.
  var hasOptionalValue = false
  /// A second, short spelling, such as `-o`.
  var shortName: String?
  /// The flags that this one stands for: given it, they need not and may not be given.
  var replaces: [String] = []
  /// A flag whose file may name what this one would, so that this one need not be given.
  var isNamedBy: String?

  /// Both spellings and the value, as help shows them.
  var usage: String {
    let spelling = shortName.map { "\($0), \(name)" } ?? name
    return spelling + (value.map { hasOptionalValue ? " [\($0)]" : " <\($0)>" } ?? "")
  }

  /// Its help, and whether it may be repeated.
  var sentence: String { help + (isRepeatable ? " (repeatable)" : "") }
}

extension [Flag] {
  /// The flags that stand for `flag`.
  func substitutes(for flag: Flag) -> [Flag] { filter { $0.replaces.contains(flag.name) } }
}

/// What the command line said, checked against a command's flags.
struct Arguments {
  private(set) var values: [String: [String]] = [:]
  private(set) var positional: [String] = []

  /// Reads the words after a command's name.
  ///
  /// - Throws: `UsageError` for an unknown flag, a missing value, a missing or surplus argument.
  init(_ words: [String], for command: any Command.Type) throws {
    let flags = command.flags + Self.common
    var index = 0
    while index < words.count {
      let word = words[index]
      index += 1
      if word == "--" {
        positional += words[index...]
        break
      }
      guard word.hasPrefix("-"), word.count > 1 else {
        positional.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard let flag = flags.first(where: { $0.name == parts[0] || $0.shortName == parts[0] })
      else {
        throw UsageError(
          command: command,
          "unknown flag \(parts[0])\(Nearest.suggestion(for: parts[0], among: flags.map(\.name)))")
      }
      if values[flag.name] != nil, !flag.isRepeatable {
        throw UsageError(command: command, "\(flag.name) is given twice; keep one")
      }
      if flag.value == nil {
        guard parts.count == 1 else {
          throw UsageError(command: command, "\(flag.name) takes no value")
        }
        values[flag.name] = [""]
      } else if parts.count == 2 {
        values[flag.name, default: []].append(parts[1])
      } else if flag.hasOptionalValue, index >= words.count || words[index].hasPrefix("-") {
        values[flag.name, default: []].append("")
      } else {
        guard index < words.count else {
          throw UsageError(command: command, "\(flag.name) needs a value <\(flag.value ?? "")>")
        }
        values[flag.name, default: []].append(words[index])
        index += 1
      }
    }
    let counts = command.positionalCounts
    if positional.count > counts.upperBound {
      throw UsageError(
        command: command, "unexpected argument \"\(positional[counts.upperBound])\"")
    }
    if positional.count < counts.lowerBound {
      throw UsageError(
        command: command, "missing argument <\(command.positional[positional.count])>")
    }
    self.command = command
    try checkRequired(flags)
    for flag in flags {
      if flag.value == "N" { _ = try integer(flag.name) }
      if flag.value == "X" { _ = try number(flag.name) }
    }
  }

  private let command: any Command.Type

  /// Checks that what must be given is, by itself or by a flag that stands for it, and not by both.
  private func checkRequired(_ flags: [Flag]) throws {
    for flag in flags where has(flag.name) {
      if let other = flag.replaces.first(where: has) {
        throw UsageError(
          command: command, "\(flag.name) says what \(other) would; leave one of them out")
      }
    }
    for flag in flags where flag.isRequired && !has(flag.name) {
      let substitutes = flags.substitutes(for: flag)
      guard !substitutes.contains(where: { has($0.name) }), !(flag.isNamedBy.map(has) ?? false)
      else { continue }
      let names = ([flag] + substitutes).map { "\($0.name) <\($0.value ?? "")>" }
      throw UsageError(command: command, "missing \(names.joined(separator: " or "))")
    }
  }

  /// Flags that every command has.
  static let common = [
    Flag(
      name: "--threads", value: "N", help: "threads to use; default: the cores this process may use"
    ),
    Flag(
      name: "--json", value: nil,
      help: "print one JSON object on standard output and nothing else there"),
    Flag(name: "--quiet", value: nil, help: "no progress"),
    Flag(name: "--help", value: nil, help: "this text"),
  ]

  /// Whether a switch was given.
  func has(_ name: String) -> Bool { values[name] != nil }

  /// The value of a flag, the last one given.
  func string(_ name: String) -> String? { values[name]?.last }

  /// All values of a repeatable flag.
  func strings(_ name: String) -> [String] { values[name] ?? [] }

  /// The value of a flag as a whole number above 0.
  func integer(_ name: String, allowsZero: Bool = false) throws -> Int? {
    guard let text = string(name) else { return nil }
    guard let number = Int(text), number >= 0, number <= 1 << 40 else {
      throw UsageError(command: command, "\(name): expected a whole number, found \"\(text)\"")
    }
    return number
  }

  /// The value of a flag as a number.
  func number(_ name: String) throws -> Double? {
    guard let text = string(name) else { return nil }
    guard let number = Double(text), number.isFinite else {
      throw UsageError(command: command, "\(name): expected a number, found \"\(text)\"")
    }
    return number
  }
}

/// A command line that cannot be followed: exit code 64.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  let command: String?

  init(command: (any Command.Type)?, _ message: String) {
    self.message = message
    self.command = command?.name
  }

  var description: String {
    let help = command.map { "lorikeet \($0) --help" } ?? "lorikeet --help"
    return "\(message); see \(help)"
  }
}

/// Finds what a misspelt word was meant to be.
enum Nearest {
  /// `; did you mean X?`, or nothing where no candidate is near.
  static func suggestion(for word: String, among candidates: [String]) -> String {
    let near = candidates.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
    guard let (name, distance) = near, distance <= max(2, word.count / 3) else { return "" }
    return ", did you mean \(name)?"
  }

  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
