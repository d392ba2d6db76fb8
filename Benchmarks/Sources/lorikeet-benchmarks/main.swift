import Glibc
import Kernels
import ModelFiles
import Serialization

let help = """
  usage: lorikeet-benchmarks <what> [options]; each prints one JSON object

    machine      what the machine could do at most, and the library's products
                 --threads N
    training     seconds of optimizer steps
                 --workload full|chat|prefix  --steps N  --precision file|nf4
                 --compute f32|w8a16|w8a8  --without-trie  --max-memory MEGABYTES
                 --model FILE  --threads N
    allocations  heap allocations in each optimizer step; options as for training
    decoding     tokens a second, greedy
                 --sequences N  --prompt-tokens N  --tokens N  --repeats N
                 --precision, --compute, --model, --threads as for training
    workload     the rows of a workload, a line each, for the peers
                 --workload full|chat|prefix  --steps N  --model FILE

  """

func run(_ words: [String]) throws {
  guard let subcommand = words.first else {
    throw BenchmarkError.usage("nothing to measure is named")
  }
  let rest = Array(words.dropFirst())
  switch subcommand {
  case "--help", "-h":
    print(help, terminator: "")
  case "machine":
    let options = try Options(rest, named: ["--threads"])
    if let threads = try options.integer("--threads") { Parallel.threads = threads }
    output(MachineBenchmark().run())
  case "training", "allocations":
    let options = try Options(
      rest, named: ModelUnderTest.options + ["--workload", "--steps"],
      switches: ModelUnderTest.switches)
    let isCounting = subcommand == "allocations"
    let benchmark = TrainingBenchmark(
      model: try ModelUnderTest(options),
      workload: try options.choice("--workload", default: .full),
      steps: try options.integer("--steps") ?? (isCounting ? 5 : 3))
    output(isCounting ? try benchmark.countAllocations() : try benchmark.run())
  case "decoding":
    let options = try Options(
      rest,
      named: ModelUnderTest.options + ["--sequences", "--prompt-tokens", "--tokens", "--repeats"])
    let benchmark = DecodingBenchmark(
      model: try ModelUnderTest(options), sequences: try options.integer("--sequences") ?? 1,
      promptTokens: try options.integer("--prompt-tokens") ?? 256,
      tokens: max(2, try options.integer("--tokens") ?? 128),
      repeats: try options.integer("--repeats") ?? 1)
    output(try benchmark.run())
  case "workload":
    let options = try Options(rest, named: ModelUnderTest.options + ["--workload", "--steps"])
    let workload: Workload = try options.choice("--workload", default: .full)
    let file = try ModelFile.open(try ModelUnderTest(options).path)
    // The model's head may be longer than its tokenizer's vocabulary; the ids are drawn from what it can embed.
    guard let vocabulary = file.configuration["vocab_size"]?.intValue else {
      throw BenchmarkError.failed("\(file.path): does not say its vocab_size; use another model")
    }
    let rows = workload.rows(steps: try options.integer("--steps") ?? 3, vocabulary: vocabulary)
    for row in rows {
      output([
        "tokens": .array(row.tokens.map { .integer(Int($0)) }),
        "supervised": .integer(row.lossWeights.count { $0 > 0 }),
      ])
    }
  default:
    throw BenchmarkError.usage("\"\(subcommand)\" is nothing to measure")
  }
}

func output(_ json: JSONObject) { print(JSONValue.object(json).serialized()) }

do {
  try run(Array(CommandLine.arguments.dropFirst()))
} catch {
  let text = "lorikeet-benchmarks: \(error)\n"
  _ = write(STDERR_FILENO, text, text.utf8.count)
  exit((error as? BenchmarkError)?.exitCode ?? 70)
}
