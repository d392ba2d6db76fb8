import CausalLM
import LoRA

/// How a command line makes one adapter of all that it names: `--scale`, `--method`, `--density` and `--rank`.
struct AdapterCombining {
  /// The adapters' weights, in their order; 1 where fewer are given.
  let scales: [Double]
  /// How they are combined.
  let method: AdapterCombination

  /// The flags that say so.
  static let flags = [
    Flag(
      name: "--scale", value: "S", help: "factor of the adapter in the same place; default 1",
      isRepeatable: true),
    Flag(
      name: "--method", value: "METHOD",
      help:
        "how several adapters become one, as in PEFT: cat (their exact sum, the default), linear, svd or ties"
    ),
    Flag(
      name: "--density", value: "X",
      help: "share of each adapter's numbers that ties keeps, the largest; default 0.2"),
    Flag(
      name: "--rank", value: "N",
      help: "rank of what svd makes; default the largest of the adapters' ranks"),
  ]

  /// Reads the flags.
  ///
  /// - Throws: `UsageError`.
  init(_ arguments: Arguments, for command: any Command.Type) throws {
    scales = try arguments.strings("--scale").map { text in
      guard let scale = Double(text), Float(scale).isFinite else {
        throw UsageError(command: command, "--scale: expected a number, found \"\(text)\"")
      }
      return scale
    }
    // A run has one adapter.
    guard scales.count <= max(1, arguments.strings("--adapter").count) else {
      throw UsageError(command: command, "--scale is given more often than --adapter")
    }
    let name = arguments.string("--method") ?? "cat"
    let density = try arguments.number("--density")
    if let density, !(density > 0 && density <= 1) {
      throw UsageError(
        command: command, "--density: expected a number above 0 and at most 1, found \(density)")
    }
    let rank = try arguments.integer("--rank")
    guard rank != 0 else {
      throw UsageError(command: command, "--rank: expected a whole number above 0, found \"0\"")
    }
    switch name {
    case "cat": method = .cat
    case "linear": method = .linear
    case "svd": method = .svd(rank: rank)
    case "ties": method = .ties(density: density ?? 0.2)
    default:
      throw UsageError(
        command: command, "--method: expected one of cat, linear, svd, ties, found \"\(name)\"")
    }
    for (flag, owner) in [("--density", "ties"), ("--rank", "svd")]
    where arguments.has(flag) && name != owner {
      throw UsageError(command: command, "\(flag) is of --method \(owner) only; leave it out")
    }
  }

  /// Reads adapters and makes one of them; one alone, with a weight of 1, stays as it is.
  ///
  /// - Throws: what reading throws, and `LoRAError.notCombinable`.
  func adapter(_ paths: [String], for layers: [LoRAConfiguration.Layer]) throws -> LoRAAdapter {
    let adapters = try paths.enumerated().map { index, path in
      (
        adapter: try LoRAAdapter.read(path, for: layers),
        weight: index < scales.count ? scales[index] : 1
      )
    }
    for (path, (adapter, weight)) in zip(paths, adapters)
    where adapter.hasMagnitudes && (weight != 1 || adapters.count > 1) {
      throw LoRAError.notAdditive(path: path)
    }
    if adapters.count == 1, adapters[0].weight == 1, method == .cat { return adapters[0].adapter }
    return try method.combined(adapters, of: layers)
  }
}
