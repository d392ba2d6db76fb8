import Foundation
import TestSupport
import Testing

@Suite("lorikeet man") struct ManualTests {
  @Test("docs/commands.md is what the tool says; LORIKEET_UPDATE_REFERENCE=1 rewrites it")
  func pageIsCurrent() throws {
    let run = try CommandRun(CommandRun.lorikeet, ["man", "--markdown"])
    #expect(run.exitCode == 0)
    let file = Fixture.repository.appendingPathComponent("docs/commands.md")
    if ProcessInfo.processInfo.environment["LORIKEET_UPDATE_REFERENCE"] == "1" {
      try run.standardOutput.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == run.standardOutput)
  }

  @Test("the manual page names every command and flag of --help, and has nothing beyond ASCII")
  func everyFlagIsThere() throws {
    let page = try CommandRun(CommandRun.lorikeet, ["man"]).standardOutput
    #expect(page.utf8.allSatisfy { $0 < 128 })
    let typed = page.replacingOccurrences(of: "\\-", with: "-")
    for command in ["train", "evaluate", "report", "data split"] {
      let words = command.split(separator: " ").map(String.init)
      let help = try CommandRun(CommandRun.lorikeet, words + ["--help"]).standardOutput
      #expect(typed.contains(".SS \(command)\n"))
      for line in help.split(separator: "\n") {
        let trimmed = line.drop { $0 == " " }
        guard line.hasPrefix("  -") else { continue }
        let flag = trimmed.split(separator: "  ").first ?? trimmed
        #expect(typed.contains("\\fB\(flag)\\fR"), "\(command): \(flag)")
      }
    }
  }

  @Test("the help of every command fits into 80 columns")
  func helpFits() throws {
    let overview = try CommandRun(CommandRun.lorikeet, ["--help"]).standardOutput
    let names = overview.split(separator: "\n").filter {
      $0.hasPrefix("  ") && !$0.hasPrefix("   ")
    }
    .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(names.contains("merge") && names.contains("selftest"))
    for name in names {
      let help = try CommandRun(CommandRun.lorikeet, [name, "--help"])
      #expect(help.exitCode == 0, "\(name)")
      for line in help.standardOutput.split(separator: "\n") {
        #expect(line.count <= 80, "\(name): \(line)")
      }
    }
  }

  @Test(
    "groff has nothing to warn of in the manual page",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/groff")))
  func groffIsContent() throws {
    let scratch = try ScratchFolder()
    let page = try scratch.write(
      try CommandRun(CommandRun.lorikeet, ["man"]).standardOutput, to: "lorikeet.1")
    let run = try CommandRun(
      URL(fileURLWithPath: "/usr/bin/groff"), ["-man", "-Tutf8", "-ww", page])
    #expect(run.exitCode == 0)
    #expect(run.standardError.isEmpty, "\(run.standardError)")
  }
}
