import Scoring
import Serialization
import Testing

@Suite("CommandScore") struct CommandScoreTests {
  private static let lines: [JSONObject] = ["a", "bbb", "cc\n"].map { ["answer": .string($0)] }

  @Test("gives a line of JSON for each answer and takes a number for each")
  func scores() throws {
    let command = CommandScore(command: "awk '{ print length($0) / 10 }'")
    #expect(try command.scores(of: Self.lines) == [1.5, 1.7, 1.8])
    #expect(try CommandScore(command: "false").scores(of: []) == [])
    let many = [JSONObject](
      repeating: ["answer": .string(String(repeating: "x", count: 1_000))], count: 1_000)
    #expect(
      try CommandScore(command: "sed 's/.*/ 1e-2 /'").scores(of: many).allSatisfy { $0 == 0.01 })
    #expect(try CommandScore(command: "yes 1 | head -3").scores(of: Self.lines) == [1, 1, 1])
  }

  @Test(
    "says what is wrong with a command",
    arguments: [
      ("echo no such thing >&2; exit 3", "ended with status 3 (no such thing)"),
      ("exit 1", "ended with status 1;"),
      ("echo 1; echo 2", "wrote 2 lines for 3 answers"),
      ("cat > /dev/null", "wrote 0 lines for 3 answers"),
      ("echo 1; echo nan; echo 2", "wrote \"nan\" as line 2"),
      ("echo 1; echo 2; echo inf", "wrote \"inf\" as line 3"),
      ("echo one; echo 2; echo 3", "wrote \"one\" as line 1"),
      ("echo 1; echo; echo 3", "wrote \"\" as line 2"),
      ("kill -9 $$", "ended with status 9"),
      ("/nonexistent/score", "ended with status 127"),
    ])
  func faults(_ command: String, _ problem: String) {
    #expect {
      try CommandScore(command: command).scores(of: Self.lines)
    } throws: { error in
      let text = "\(error)"
      return text.hasPrefix("the score's command \"") && text.contains(problem)
        && !text.contains("\n")
    }
  }
}
