import Configuration
import Foundation
import Serialization
import TestSupport
import Testing

/// What these pages tell a reader to type must work.
@Suite("Pages") struct ReadmeTests {
  static let pages: [String] = {
    let docs = Fixture.repository.appendingPathComponent("docs").path
    let below = FileManager.default.enumerator(atPath: docs)?.compactMap { $0 as? String } ?? []
    return ["README.md", "CONTRIBUTING.md"]
      + below.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
  }()

  /// What a page may call beside the tool, Swift and the project's scripts.
  static let shellCommands: Set = ["cp", "export", "mkdir"]

  @Test("every command of the pages is one that a test here knows how to check")
  func everyCommandIsKnown() throws {
    let commands = try Self.commands()
    #expect(commands.count >= 10, "the pages lost their commands, or the reader of them is broken")
    for (page, command) in commands {
      switch command.words[0] {
      case "lorikeet":
        continue
      case let word where Self.shellCommands.contains(word):
        continue
      case "swift":
        let verb = command.words.dropFirst().first ?? ""
        #expect(["build", "run", "test"].contains(verb), "\(page), \(command)")
      case let word:
        #expect(word.hasPrefix("./scripts/"), "\(page), \(command): what is this?")
      }
    }
  }

  @Test("every script that a page names exists and can be run")
  func scriptsExist() throws {
    let named = try Self.commands().filter { $0.command.words[0].hasPrefix("./scripts/") }
    #expect(!named.isEmpty)
    for (page, command) in named {
      let script = Fixture.repository.appendingPathComponent(String(command.words[0].dropFirst(2)))
      #expect(FileManager.default.isExecutableFile(atPath: script.path), "\(page), \(command)")
    }
  }

  @Test("every lorikeet command of the pages has arguments that the tool accepts")
  func lorikeetCommandsParse() throws {
    let named = try Self.commands().filter { $0.command.words[0] == "lorikeet" }
    #expect(!named.isEmpty)
    for (page, command) in named {
      try Self.expectAccepted(Array(command.words.dropFirst()), "\(page), \(command)")
    }
  }

  @Test(
    "the quick start is made of steps that exist",
    arguments: [["--dry-run"], ["--dry-run", "--lora"]])
  func quickstartDryRun(_ arguments: [String]) throws {
    let script = Fixture.repository.appendingPathComponent("scripts/quickstart")
    let run = try CommandRun(script, arguments, environment: ["MODEL": ""])
    #expect(run.exitCode == 0, "\(run.standardError)")

    let lines = run.standardOutput.split(separator: "\n").enumerated()
    let steps = ReadmeCommands.commands(in: lines.map { ($0.offset + 1, String($0.element)) })
    let verbs = steps.map { $0.words.prefix(2).joined(separator: " ") }
    for verb in ["train", "evaluate", "merge"] {
      #expect(verbs.contains(".build/release/lorikeet \(verb)"), "\(verbs)")
    }
    for step in steps {
      let first = step.words[0]
      if first.hasPrefix("scripts/") {
        let path = Fixture.repository.appendingPathComponent(first).path
        #expect(FileManager.default.isExecutableFile(atPath: path), "\(step)")
      } else if first.hasSuffix("/lorikeet") {
        try Self.expectAccepted(Array(step.words.dropFirst()), "\(step)")
      }
    }
  }

  @Test("the quick start refuses an option that it does not have")
  func quickstartRefusesUnknownOption() throws {
    let script = Fixture.repository.appendingPathComponent("scripts/quickstart")
    let run = try CommandRun(script, ["--dryrun"])
    #expect(run.exitCode == 64)
    #expect(run.standardError.contains("unknown option '--dryrun'"))
    #expect(run.standardOutput.isEmpty)
  }

  @Test("every link between the pages leads to a file of the checkout")
  func linksLeadSomewhere() throws {
    var count = 0
    for name in Self.pages + ["CHANGELOG.md"] {
      let folder = Fixture.repository.appendingPathComponent(name).deletingLastPathComponent()
      for target in Self.linkTargets(try Self.page(name)) {
        count += 1
        let path = folder.appendingPathComponent(target).path
        #expect(FileManager.default.fileExists(atPath: path), "\(name): \(target)")
      }
    }
    #expect(count > 5, "the pages lost their links, or the reader of them is broken")
  }

  @Test("every file of configs/, data/ or Examples/ that a command of the pages names exists")
  func namedFilesExist() throws {
    for (page, command) in try Self.commands() {
      for word in command.words {
        let path = word.split(separator: "=").last.map(String.init) ?? word
        guard ["configs/", "data/", "Examples/"].contains(where: path.hasPrefix) else { continue }
        let file = Fixture.repository.appendingPathComponent(path).path
        #expect(FileManager.default.fileExists(atPath: file), "\(page), \(command): \(path)")
      }
    }
  }

  @Test("every key in a YAML block of the pages is one that a configuration has")
  func keysExist() throws {
    let known = Set(
      (RunConfiguration.schema.map(\.path) + ComparisonConfiguration.schema.map(\.path)))
    var count = 0
    func check(_ node: YAMLNode, _ path: String, _ place: String) {
      guard case .mapping(let members, _) = node, !known.contains(path) else {
        count += 1
        #expect(known.contains(path), "\(place): \(path)")
        return
      }
      for member in members {
        check(member.value, path.isEmpty ? member.key : "\(path).\(member.key)", place)
      }
    }
    for name in Self.pages {
      for block in ReadmeCommands.blocks(of: try Self.page(name)) where block.language == "yaml" {
        let text = block.lines.joined(separator: "\n")
        check(try YAML.parse(text), "", "\(name) line \(block.line)")
      }
    }
    #expect(count > 20, "the pages lost their YAML, or the reader of it is broken")
  }

  // MARK: - Reading the pages

  private static func page(_ name: String) throws -> String {
    let file = Fixture.repository.appendingPathComponent(name)
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }

  private static func commands() throws -> [(page: String, command: ReadmeCommands.Command)] {
    try pages.flatMap { name in
      ReadmeCommands.all(in: try page(name)).map { (page: name, command: $0) }
    }
  }

  /// Expects that the tool would run with `arguments`, without letting it.
  private static func expectAccepted(_ arguments: [String], _ place: String) throws {
    let run = try CommandRun(CommandRun.lorikeet, arguments + ["--check-arguments"])
    #expect(run.exitCode == 0, "\(place): \(run.standardError)")
  }

  /// The targets of `[text](target)` that are paths, without their `#section`.
  private static func linkTargets(_ page: String) -> [String] {
    let prose = page.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("    ") }.joined(separator: "\n")
    return prose.components(separatedBy: "](").dropFirst().compactMap { rest in
      guard let end = rest.firstIndex(of: ")") else { return nil }
      let target = String(rest[..<end].prefix { $0 != "#" })
      return target.isEmpty || target.contains("://") || target.contains(" ") ? nil : target
    }
  }
}
