import Foundation
import TestSupport
import Testing

/// What bash would offer.
///
/// zsh and fish are not everywhere; their scripts are only checked for what they name.
@Suite(
  "lorikeet completions",
  .enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash")))
struct CompletionsTests {
  @Test(
    "bash completes commands, flags, choices and files",
    arguments: [
      (["da"], ["data"]),
      (["data", "ch"], ["check"]),
      (["data", "check", "--conf"], ["--config"]),
      (["data", "split", "--st"], ["--stratify"]),
      (["train", "--re"], ["--resume"]),
      (["completions", ""], ["bash", "zsh", "fish"]),
      (["completions", "--js"], ["--json"]),
      (["train", "configs/support"], ["configs/support-lora.yaml", "configs/support.yaml"]),
      (["--v"], ["--version"]),
    ])
  func bash(_ words: [String], _ expected: [String]) throws {
    #expect(try Self.completions(of: words).replies == expected.sorted())
  }

  @Test("a file with a space in its name is one completion")
  func fileWithSpace() throws {
    let scratch = try ScratchFolder()
    let file = try scratch.write("", to: "two words.yaml")
    #expect(try Self.completions(of: ["train", scratch.path("two w")]).replies == [file])
  }

  @Test("commands are not taken for files, though a folder may have the name of one")
  func commandsAreNoFiles() throws {
    #expect(try Self.completions(of: ["da"]).isOfFiles == false)
    #expect(try Self.completions(of: ["train", "da"]).isOfFiles)
  }

  @Test("each shell's script names every command", arguments: ["bash", "zsh", "fish"])
  func everyCommand(_ shell: String) throws {
    let script = try CommandRun(CommandRun.lorikeet, ["completions", shell]).standardOutput
    for command in ["train", "evaluate", "merge", "chat", "data", "check", "split", "plan", "man"] {
      #expect(script.contains(command), "\(command)")
    }
  }

  /// Calls the completion function as bash does, with the words after `lorikeet`, the last of them being typed.
  private static func completions(of words: [String]) throws -> (
    replies: [String], isOfFiles: Bool
  ) {
    let script = try CommandRun(CommandRun.lorikeet, ["completions", "bash"]).standardOutput
    let run = try CommandRun(
      URL(fileURLWithPath: "/bin/bash"),
      [
        "-c",
        script + """
          compopt() { echo "compopt $*"; }
          COMP_WORDS=(lorikeet "$@")
          COMP_CWORD=$#
          _lorikeet
          printf '%s\\n' "${COMPREPLY[@]}"
          """, "bash",
      ] + words)
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(run.standardError.isEmpty, "\(run.standardError)")
    var replies = run.standardOutput.split(separator: "\n").map(String.init)
    let isOfFiles = replies.first == "compopt -o filenames"
    if isOfFiles { replies.removeFirst() }
    return (replies.sorted(), isOfFiles)
  }
}
