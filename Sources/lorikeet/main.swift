import CausalLM
import Configuration
import Datasets
import Kernels
import LoRA
import ModelFiles
import Serialization
import Tokenization
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// Ends the process with one sentence and the exit code that `docs` promise for its kind.
func fail(_ error: any Error) -> Never {
  // The sentence may quote a file, whose bytes are not to reach the terminal as they are.
  Output.note("lorikeet: \(VisibleText.escaped("\(error)"))\n")
  exit(ExitCode.of(error))
}

func main(_ words: [String]) throws {
  guard let first = words.first else {
    Output.note(Help.overview)
    exit(64)
  }
  if first == "--version" {
    Output.write("lorikeet \(Version.text)\n")
    return
  }
  if first == "--help" || first == "-h" || first == "help" {
    Output.write(Help.overview)
    return
  }
  let found = try CommandSearch.find(words)
  let command = found.command
  var rest = found.rest
  if rest.contains("--help") || rest.contains("-h") {
    Output.write(Help.text(for: command))
    return
  }
  guard command.subcommands.isEmpty else {
    throw UsageError(command: command, "missing subcommand before \(rest.first ?? "")")
  }
  // For tests of the pages: reads the arguments and touches nothing.
  let onlyChecks = rest.contains("--check-arguments")
  rest.removeAll { $0 == "--check-arguments" }
  let arguments = try Arguments(rest, for: command)
  if onlyChecks { return }
  if let threads = try arguments.integer("--threads") {
    guard threads > 0 else {
      throw UsageError(command: command, "--threads: expected at least 1, found 0")
    }
    Parallel.threads = threads
  }
  let console = Console(isJSON: arguments.has("--json"), isQuiet: arguments.has("--quiet"))
  try command.run(arguments, console)
}

signal(SIGPIPE, SIG_IGN)
// A file that may grow no further is a write that fails, not the end.
signal(SIGXFSZ, SIG_IGN)
SystemAllocator.returnFreedBlocks()
ShrunkenFile.exitWithMessage()
do {
  try main(Array(CommandLine.arguments.dropFirst()))
  try Output.check()
} catch {
  fail(error)
}
