import CausalLM
import Configuration
import Inference
import LoRA
import ModelFiles
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// The model that a command line names: by `--model` and `--adapter`, or by `--run`, which stands for both.
struct ModelSelection {
  /// What the model is called: a file, a folder, or a name in the cache.
  let model: String
  /// Its adapters: folders or GGUF files.
  let adapters: [String]
  /// How its linear layers are kept.
  let precision: CausalLM.Precision
  /// The run folder, where the command line names one.
  let run: String?
  /// Whether the adapter's configuration named the model, and not the command line.
  private let isNamedByAdapter: Bool
  /// What the first adapter that says so was trained on.
  let record: AdapterRecord?
  /// What is said of the precision once the model is loaded.
  private let precisionNote: String?

  /// The flag that names a run folder in place of a model and its adapter.
  static let runFlag = Flag(
    name: "--run", value: "RUN",
    help: "a run folder: its model, its adapter and the precision it was trained in",
    replaces: ["--model", "--adapter"])
  /// The flag that asks for NF4.
  static let fourBitFlag = Flag(
    name: "--load-in-4bit", value: nil,
    help: "hold the linear layers in NF4 with double quantisation")
  /// The flags that choose a model, with one adapter or none.
  static let flags = [
    Flag(
      name: "--model", value: "M",
      help: "a .gguf file, a Hugging Face folder, or org/name[@revision] in the local cache; "
        + "default: the base that the adapter's folder names", isRequired: true,
      isNamedBy: "--adapter"),
    Flag(name: "--adapter", value: "A", help: "a PEFT adapter folder or a GGUF adapter"), runFlag,
    fourBitFlag,
  ]

  /// Reads what the arguments name.
  ///
  /// An adapter's own record says what precision it was trained in; it is followed. Where it is gone, the run's
  /// configuration says the same.
  ///
  /// - Throws: `ModelFileError` or `ConfigurationError` for a run folder that is none, or has no adapter yet.
  init(_ arguments: Arguments) throws {
    run = arguments.string("--run").map { $0.trimmingSuffix("/") }
    let trained = try run.map(Self.settings)
    adapters = try run.map { [try Self.adapter(of: $0)] } ?? arguments.strings("--adapter")
    let named = trained?.path ?? arguments.string("--model")
    isNamedByAdapter = named == nil
    if let named {
      model = named
    } else {
      model = try AdapterFolder.baseModel(adapters.first ?? "")
    }
    record = adapters.lazy.compactMap(AdapterRecord.read).first

    if arguments.has("--load-in-4bit") {
      precision = .nf4(doubleQuantized: true)
      let isOther = record.map { $0.precision != "nf4" } ?? false
      precisionNote =
        isOther
        ? "warning: the adapter was trained on the file's own weights, and --load-in-4bit changes them"
        : nil
    } else if let record, record.precision == "nf4" {
      precision = .nf4(doubleQuantized: record.isDoubleQuantized)
      precisionNote = "base in NF4, as the adapter was trained (\(AdapterRecord.fileName))"
    } else if record == nil, let trained, trained.loadIn4Bit {
      precision = .nf4(doubleQuantized: trained.useDoubleQuant)
      precisionNote = "base in NF4, as the adapter was trained (config.yaml)"
    } else {
      precision = .stored
      precisionNote = nil
    }
  }

  /// Loads the model, without an adapter, and says what of it is not as the adapter was trained.
  func load(_ console: Console) throws -> ChatModel {
    if let precisionNote { console.note(precisionNote) }
    let chat = try namingRun { try ModelSession.load(model, precision, console) }
    try warnOfOtherBase(chat.file, console)
    return chat
  }

  /// Opens the model's file, for names and shapes alone, and warns where the adapter was trained on another.
  func openFile(_ console: Console) throws -> ModelFile {
    let file = try namingRun { try ModelFile.open(model) }
    try warnOfOtherBase(file, console)
    return file
  }

  /// Runs `body`, whose error says where a model that is missing was named.
  private func namingRun<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as ModelFileError {
      guard case .missing(let path, _, _) = error, path == model else { throw error }
      if isNamedByAdapter { throw Self.missingBase(model, of: adapters.first ?? "") }
      guard let run else { throw error }
      // A run names its model relative to where it was started.
      throw ModelFileError.missing(
        path: "\(run)/config.yaml", problem: "its model.path, \(model), is not there",
        remedy: "start where the run was started, or name the model with --model and --adapter")
    }
  }

  private func warnOfOtherBase(_ file: ModelFile, _ console: Console) throws {
    guard let record, record.baseHash != (try ModelSession.contentHash(of: file, console)) else {
      return
    }
    console.note(
      "warning: the adapter was trained on \(record.baseName), whose content differs from \(model); its answers may be worse"
    )
  }

  /// Loads the model with its adapter.
  func open(_ console: Console) throws -> ChatModel {
    let chat = try load(console)
    if let adapter = adapters.last { try chat.attachAdapter(adapter) }
    return chat
  }

  private static func missingBase(_ base: String, of adapter: String) -> ModelFileError {
    .missing(
      path: adapter,
      problem: "its base, \(base), is neither here nor in the local Hugging Face cache",
      remedy: "start where that path leads to it, or name it with --model")
  }

  /// What a run's configuration says of its model.
  private static func settings(of run: String) throws -> RunConfiguration.Model {
    let path = "\(run)/config.yaml"
    guard access(path, F_OK) == 0 else {
      throw ModelFileError.missing(
        path: run, problem: "no run folder: config.yaml is not in it",
        remedy: "name the output_dir of a run")
    }
    return try RunConfiguration.load(path: path).model
  }

  /// The adapter that a run ended with.
  private static func adapter(of run: String) throws -> String {
    let folder = RunFolder(run)
    guard access(folder.adapter, F_OK) != 0 else { return folder.adapter }
    let checkpoint = folder.checkpointPaths().first.map {
      ", or name a checkpoint's with --model and --adapter \($0)/adapter"
    }
    throw ModelFileError.missing(
      path: run, problem: "the run has not ended, so it has no adapter yet",
      remedy: "let it end, or resume it\(checkpoint ?? "")")
  }
}
