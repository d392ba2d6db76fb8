import Testing

@Suite("Commands of a page") struct ReadmeCommandsTests {
  @Test(
    "a line is split into the words that a shell would see",
    arguments: [
      ("lorikeet train a.yaml", ["lorikeet", "train", "a.yaml"]),
      (#"x --prompt "What is it?" 'a "b" \c'"#, ["x", "--prompt", "What is it?", #"a "b" \c"#]),
      (#"a\ b  c # comment"#, ["a b", "c"]),
      (#"a#b "" "#, ["a#b", ""]),
      ("# only a comment", []),
      ("a --json > b", ["a", "--json"]),
      (#"a "x|y" | b -"#, ["a", "x|y"]),
    ])
  func words(_ line: String, _ expected: [String]) {
    #expect(ReadmeCommands.words(of: line) == expected)
  }

  @Test("a command that goes on after a backslash is one command, told by its first line")
  func continuation() {
    let page = "text\n```sh\na b \\\n  c\nd\n```\n```yaml\nno: command\n```\n"
    let commands = ReadmeCommands.all(in: page)
    #expect(commands.map(\.words) == [["a", "b", "c"], ["d"]])
    #expect(commands.map(\.line) == [3, 5])
  }

  @Test("of a transcript only the lines after the prompt are commands")
  func transcript() {
    let page = "```console\n$ lorikeet --version\nlorikeet 1\n$ ls\n```\n"
    #expect(ReadmeCommands.all(in: page).map(\.words) == [["lorikeet", "--version"], ["ls"]])
  }
}
