import CausalLM
import Datasets
import Inference
import ModelFiles
import Quantization
import Scoring
import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// `lorikeet evaluate`.
enum EvaluateCommand: Command {
  static let name = "evaluate"
  static let summary = "scores a model on a data file: loss, and with --generate its answers"
  static let positional: [String] = []
  static let flags =
    ModelSelection.flags + [
      Flag(name: "--data", value: "FILE", help: "JSONL, as for training", isRequired: true),
      Flag(
        name: "--compare-base", value: nil, help: "score the base model too, and the difference"),
      Flag(name: "--generate", value: nil, help: "answer every row greedily and score the answers"),
      LabelReport.flag,
      Flag(name: "--limit", value: "N", help: "only the first N rows"),
      Flag(
        name: "--compute", value: "C",
        help: "products with frozen weights in f32, w8a16 or w8a8; default f32"),
      Flag(name: "--max-tokens", value: "N", help: "most tokens of an answer; default 256"),
      Flag(name: "--predictions", value: "FILE", help: "write every answer as a line of JSON"),
    ]
  static let example = "lorikeet evaluate --run runs/a --data test.jsonl --compare-base"

  /// What one model scored.
  private struct Result {
    var loss: LossSums
    var answers: [Evaluation.Answer]
    var labels: LabelEvaluation?
    var tokens: Int
    var seconds: Double
  }

  private static func arithmetic(_ arguments: Arguments) throws -> Arithmetic {
    guard let name = arguments.string("--compute") else { return .f32 }
    guard let arithmetic = Arithmetic(rawValue: name) else {
      throw UsageError(
        command: Self.self, "--compute: expected f32, w8a16 or w8a8, found \"\(name)\"")
    }
    return arithmetic
  }

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let arithmetic = try arithmetic(arguments)
    let path = arguments.string("--data") ?? ""
    var rows = try Dataset(readingFrom: [path]).examples
    if let limit = try arguments.integer("--limit") { rows = Array(rows.prefix(limit)) }
    let selection = try ModelSelection(arguments)
    let chat = try selection.open(console)
    chat.model.compute(in: arithmetic)
    let data = try TokenizedDataset(
      rows, tokenizer: chat.tokenizer, template: chat.template,
      maxLength: chat.model.configuration.maximumPositions)
    let maxTokens = try arguments.integer("--max-tokens") ?? 256
    let isGenerating = arguments.has("--generate")
    let labels = try LabelReport.labels(arguments, rows, data: path)

    func score(_ label: String) throws -> Result {
      let clock = ContinuousClock()
      let began = clock.now
      let sums = console.stage("\(label): loss", in: .things("rows")) {
        Evaluation.loss(chat.model, data.examples, progress: $0)
      }
      let seconds = (clock.now - began) / .seconds(1)
      let answers =
        isGenerating
        ? try console.stage("\(label): answers", in: .things("rows")) {
          try Evaluation.answers(chat, rows, maxTokens: maxTokens, progress: $0)
        } : []
      let labelled = try labels.map { labels in
        try console.stage("\(label): labels", in: .things("rows")) {
          try LabelEvaluation(chat, rows, labels: labels, progress: $0)
        }
      }
      return Result(
        loss: sums, answers: answers, labels: labelled, tokens: data.counts.tokens,
        seconds: seconds)
    }

    let isComparing = arguments.has("--compare-base") && chat.model.adapter != nil
    let tuned = try score(chat.model.adapter == nil ? "model" : "tuned")
    let base = isComparing ? try chat.model.withoutAdapter { try score("base") } : nil

    if let file = arguments.string("--predictions") { try writePredictions(tuned, base, to: file) }
    var json = JSONObject()
    json["model"] = .string(chat.file.path)
    json["adapter"] = selection.adapters.last.map { .string($0) } ?? .null
    json["data"] = .string(path)
    json["precision"] = .string(chat.precision.name)
    json["compute"] = .string(chat.model.arithmetic.rawValue)
    for (key, value) in object(tuned, examples: rows.count) { json[key] = value }
    if let base {
      json["base"] = .object(object(base, examples: rows.count))
      if isGenerating {
        json["exact_match_difference"] =
          PairedBootstrap.difference(exact(tuned), exact(base)).json
      }
      if let difference = labelDifference(tuned, base) {
        json["label_accuracy_difference"] = difference.json
      }
    }
    json["peak_rss_bytes"] = .integer(Process.peakResidentBytes)
    let kept = try selection.run.map { try RunFolderFiles.keep(evaluation: json, in: $0) }
    try console.json(json)
    show(tuned, base, console)
    if let kept {
      console.print("evaluation: \(kept.evaluation)")
      console.print("report: \(kept.report)")
    }
  }

  private static func exact(_ result: Result) -> [Double] {
    result.answers.map { $0.score.isExact ? 1 : 0 }
  }

  private static func labelDifference(_ tuned: Result, _ base: Result) -> Interval? {
    guard let ours = tuned.labels, let theirs = base.labels else { return nil }
    return PairedBootstrap.difference(LabelReport.right(ours), LabelReport.right(theirs))
  }

  private static func object(_ result: Result, examples: Int) -> JSONObject {
    var json = JSONObject()
    json["examples"] = .integer(examples)
    json["supervised_tokens"] = .integer(result.loss.positions)
    json["loss"] = .number(result.loss.mean)
    json["perplexity"] = .number(exp(result.loss.mean))
    json["token_accuracy"] = .number(
      Double(result.loss.correct) / Double(max(1, result.loss.positions)))
    json["tokens_per_second"] = .number(Double(result.tokens) / max(result.seconds, 1e-9))
    if let labels = result.labels { json["label_scores"] = .object(LabelReport.object(labels)) }
    guard !result.answers.isEmpty else { return json }
    var generation = JSONObject()
    let count = Double(result.answers.count)
    generation["examples"] = .integer(result.answers.count)
    generation["exact_match"] = .number(exact(result).reduce(0, +) / count)
    generation["exact_match_interval"] = PairedBootstrap.mean(exact(result)).json
    func share(_ key: String, _ values: [Double]) {
      if !values.isEmpty { generation[key] = .number(values.reduce(0, +) / Double(values.count)) }
    }
    share("json_valid", result.answers.compactMap { $0.score.isValidJSON.map { $0 ? 1 : 0 } })
    share("json_exact", result.answers.compactMap { $0.score.isExactJSON.map { $0 ? 1 : 0 } })
    share("field_accuracy", result.answers.compactMap(\.score.fieldAccuracy))
    generation["stopped"] = .number(
      Double(result.answers.count { $0.finishReason == .stop }) / count)
    json["generation"] = .object(generation)
    return json
  }

  private static func show(_ tuned: Result, _ base: Result?, _ console: Console) {
    func line(_ label: String, _ result: Result) {
      var text =
        "\(label)  loss \(Format.fixed(result.loss.mean, 4))  perplexity \(Format.fixed(exp(result.loss.mean), 3))"
      text +=
        "  token accuracy \(Format.percent(Double(result.loss.correct) / Double(max(1, result.loss.positions))))"
      console.print(text)
      if let labels = result.labels { console.print(LabelReport.line(label, labels)) }
      guard !result.answers.isEmpty else { return }
      let interval = PairedBootstrap.mean(exact(result))
      var answers = "\(label)  exact \(Int(exact(result).reduce(0, +)))/\(result.answers.count)"
      answers +=
        " = \(Format.percent(interval.mean)) [\(Format.percent(interval.low)), \(Format.percent(interval.high))]"
      let fields = result.answers.compactMap(\.score.fieldAccuracy)
      if !fields.isEmpty {
        let valid = result.answers.count { $0.score.isValidJSON == true }
        answers += "  valid JSON \(valid)/\(fields.count)"
        answers += "  fields \(Format.percent(fields.reduce(0, +) / Double(fields.count)))"
      }
      console.print(answers)
    }
    if let base { line("base ", base) }
    line(base == nil ? "model" : "tuned", tuned)
    if let base, let difference = labelDifference(tuned, base) {
      console.print(
        "difference in right labels \(Format.percent(difference.mean)) [\(Format.percent(difference.low)), \(Format.percent(difference.high))], paired bootstrap, 95 %"
      )
    }
    for line in tuned.labels.map(LabelReport.mistakes) ?? [] { console.print(line) }
    guard let base, !base.answers.isEmpty else { return }
    let difference = PairedBootstrap.difference(exact(tuned), exact(base))
    console.print(
      "difference in exact answers \(Format.percent(difference.mean)) [\(Format.percent(difference.low)), \(Format.percent(difference.high))], paired bootstrap, 95 %"
    )
    for (a, b) in zip(tuned.answers, base.answers).prefix(3) {
      console.print("\n\(a.source)")
      if let question = a.prompt.last?["content"]?.stringValue {
        console.print("  asked  \(oneLine(question))")
      }
      console.print("  right  \(oneLine(a.reference))")
      console.print("  base   \(oneLine(b.text))")
      console.print("  tuned  \(oneLine(a.text))\(a.score.isExact ? "  ✓" : "")")
    }
  }

  private static func oneLine(_ text: String) -> String {
    let line = text.split(separator: "\n").joined(separator: " ⏎ ")
    return line.count > 300 ? line.prefix(300) + " …" : line
  }

  /// A line for each row: what was answered, the label chosen, and the same of the base.
  ///
  /// Answers and labels are of the same rows in the same order, those that have an answer.
  private static func writePredictions(_ tuned: Result, _ base: Result?, to path: String) throws {
    let file = try AtomicFile(path: path, replacing: true)
    let sources =
      tuned.answers.isEmpty ? tuned.labels?.rows.map(\.source) ?? [] : tuned.answers.map(\.source)
    for (index, source) in sources.enumerated() {
      var json = JSONObject()
      json["source"] = .string("\(source)")
      if !tuned.answers.isEmpty {
        let answer = tuned.answers[index]
        json["messages"] = .array(answer.prompt)
        json["reference"] = .string(answer.reference)
      }
      for (result, prefix) in [(tuned, ""), (base, "base_")] {
        if let result, !result.answers.isEmpty {
          let answer = result.answers[index]
          json["\(prefix)prediction"] = .string(answer.text)
          json["\(prefix)exact"] = .bool(answer.score.isExact)
          if prefix.isEmpty { json["finish_reason"] = .string(answer.finishReason.rawValue) }
        }
        if let labels = result?.labels {
          let row = labels.rows[index]
          json["reference"] = .string(labels.labels[row.reference])
          json["\(prefix)label"] = .string(labels.labels[row.prediction])
          json["\(prefix)label_probability"] = .number(row.probabilities[row.prediction])
        }
      }
      try file.write(JSONValue.object(json).serialized() + "\n")
    }
    try file.commit()
  }
}
