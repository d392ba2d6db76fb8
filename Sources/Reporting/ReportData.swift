public import Serialization

/// What a report shows beside metrics and configuration: the contents of `report.json`.
///
/// It is in the run folder so that the page can be made again without model or data.
public struct ReportData: Sendable, Equatable {
  /// How far an adapter has moved a layer.
  public struct Layer: Sendable, Equatable {
    /// The layer's Hugging Face path.
    public var name: String
    /// ‖W‖, Frobenius.
    public var weightNorm: Double
    /// ‖ΔW‖, Frobenius.
    public var deltaNorm: Double

    /// Makes a layer.
    public init(name: String, weightNorm: Double, deltaNorm: Double) {
      self.name = name
      self.weightNorm = weightNorm
      self.deltaNorm = deltaNorm
    }

    /// ‖ΔW‖ / ‖W‖; nil where the weight is zero or a norm is not finite.
    public var relativeChange: Double? {
      let ratio = deltaNorm / weightNorm
      return ratio.isFinite ? ratio : nil
    }
  }

  /// A message of a prompt.
  public struct Message: Sendable, Equatable {
    /// Who says it.
    public var role: String
    /// What is said.
    public var content: String

    /// Makes a message.
    public init(role: String, content: String) {
      self.role = role
      self.content = content
    }
  }

  /// What the tuned model answers from a step on, until it answers something else.
  public struct Answer: Sendable, Equatable {
    /// The step after which it was first given.
    public var step: Int
    /// What it is.
    public var text: String

    /// Makes an answer.
    public init(step: Int, text: String) {
      self.step = step
      self.text = text
    }
  }

  /// A prompt, what the base answers, and what the tuned model answers.
  public struct Sample: Sendable, Equatable {
    /// Where the prompt is from.
    public var source: String
    /// The prompt.
    public var messages: [Message]
    /// The answer that the data calls for.
    public var reference: String?
    /// The answer without the adapter.
    public var base: String?
    /// The answer with it.
    public var tuned: String?
    /// The answers with it at the validations, as far as each differs from the one before; steps ascend.
    public var history: [Answer] = []

    /// Makes a sample.
    public init(
      source: String, messages: [Message], reference: String? = nil, base: String? = nil,
      tuned: String? = nil, history: [Answer] = []
    ) {
      self.source = source
      self.messages = messages
      self.reference = reference
      self.base = base
      self.tuned = tuned
      self.history = history
    }

    /// Whether an answer is the reference, white space at its ends aside.
    public func isReference(_ answer: String?) -> Bool {
      guard let reference, let answer else { return false }
      return Self.trimmed(answer) == Self.trimmed(reference)
    }

    private static func trimmed(_ text: String) -> Substring {
      var text = text[...]
      while text.first?.isWhitespace == true { text.removeFirst() }
      while text.last?.isWhitespace == true { text.removeLast() }
      return text
    }

    /// Takes down what the tuned model answered at a validation.
    ///
    /// - Returns: whether it is another answer than at the validation before.
    @discardableResult public mutating func add(_ answer: Answer) -> Bool {
      tuned = answer.text
      let isNew = history.last?.text != answer.text
      if isNew { history.append(answer) }
      return isNew
    }
  }

  /// The base model.
  public var model: String?
  /// Steps that the whole run has.
  public var totalSteps: Int?
  /// Largest resident memory so far.
  public var peakResidentBytes: Int?
  /// Threads used.
  public var threads: Int?
  /// The kernels' instruction set.
  public var kernels: String?
  /// The programs that made the run, by name.
  public var versions: [RunRecord.Setting] = []
  /// How many training rows have how many tokens, ascending.
  public var rowLengths: [Histogram.Count] = []
  /// The adapted layers, in the model's order.
  public var layers: [Layer] = []
  /// The step after which `layers` were measured.
  public var layersStep: Int?
  /// Prompts and their answers.
  public var samples: [Sample] = []
  /// The step after which the tuned model answered.
  public var samplesStep: Int?

  /// Makes data of nothing.
  public init() {}

  /// Reads what `json` wrote; what is not there, or is something else, is left out.
  public init(_ json: JSONValue) {
    model = json["model"]?.stringValue
    totalSteps = json["total_steps"]?.intValue
    peakResidentBytes = json["peak_rss_bytes"]?.intValue
    threads = json["threads"]?.intValue
    kernels = json["kernels"]?.stringValue
    for (key, value) in json["versions"]?.objectValue ?? [:] {
      if let text = value.stringValue { versions.append(RunRecord.Setting(key: key, value: text)) }
    }
    for pair in json["row_lengths"]?.arrayValue ?? [] {
      guard let numbers = pair.arrayValue?.compactMap(\.intValue), numbers.count == 2,
        (0...1 << 40).contains(numbers[0]), (0...1 << 40).contains(numbers[1])
      else { continue }
      rowLengths.append(Histogram.Count(value: numbers[0], count: numbers[1]))
    }
    rowLengths.sort { $0.value < $1.value }
    layersStep = json["layers"]?["step"]?.intValue
    for layer in json["layers"]?["norms"]?.arrayValue ?? [] {
      guard let name = layer["name"]?.stringValue, let weight = layer["weight"]?.doubleValue,
        let delta = layer["delta"]?.doubleValue
      else { continue }
      layers.append(Layer(name: name, weightNorm: weight, deltaNorm: delta))
    }
    samplesStep = json["samples"]?["step"]?.intValue
    for sample in json["samples"]?["rows"]?.arrayValue ?? [] {
      let messages = (sample["messages"]?.arrayValue ?? []).map {
        Message(role: $0["role"]?.stringValue ?? "", content: $0["content"]?.stringValue ?? "")
      }
      samples.append(
        Sample(
          source: sample["source"]?.stringValue ?? "", messages: messages,
          reference: sample["reference"]?.stringValue, base: sample["base"]?.stringValue,
          tuned: sample["tuned"]?.stringValue, history: Self.history(sample["history"])))
    }
  }

  private static func history(_ json: JSONValue?) -> [Answer] {
    let answers = (json?.arrayValue ?? []).compactMap { entry -> Answer? in
      guard let step = entry["step"]?.intValue, let text = entry["text"]?.stringValue else {
        return nil
      }
      return Answer(step: step, text: text)
    }
    return answers.sorted { $0.step < $1.step }
  }

  /// Goes on where an earlier session of the run has come to: takes over what the tuned model answered up to a step.
  ///
  /// Prompts that were other ones then have no history.
  public mutating func takeOver(_ earlier: ReportData, upTo step: Int) {
    let answered = earlier.samplesStep.flatMap { $0 <= step ? $0 : nil }
    for index in samples.indices {
      let sample = samples[index]
      guard
        let known = earlier.samples.first(where: {
          $0.source == sample.source && $0.messages == sample.messages
        })
      else { continue }
      samples[index].history = known.history.filter { $0.step <= step }
      samples[index].tuned = answered == nil ? samples[index].history.last?.text : known.tuned
    }
    samplesStep = answered ?? samples.compactMap { $0.history.last?.step }.max()
  }

  /// The data as `report.json` holds it.
  public var json: JSONValue {
    var json = JSONObject()
    json["model"] = model.map { .string($0) }
    json["total_steps"] = totalSteps.map { .integer($0) }
    json["peak_rss_bytes"] = peakResidentBytes.map { .integer($0) }
    json["threads"] = threads.map { .integer($0) }
    json["kernels"] = kernels.map { .string($0) }
    json["versions"] = .object(JSONObject(versions.map { ($0.key, .string($0.value)) }))
    json["row_lengths"] = .array(
      rowLengths.map { .array([.integer($0.value), .integer($0.count)]) })
    var norms = JSONObject()
    norms["step"] = layersStep.map { .integer($0) }
    norms["norms"] = .array(
      layers.map {
        .object([
          "name": .string($0.name), "weight": .number($0.weightNorm),
          "delta": .number($0.deltaNorm),
        ])
      })
    json["layers"] = .object(norms)
    var answers = JSONObject()
    answers["step"] = samplesStep.map { .integer($0) }
    answers["rows"] = .array(samples.map(Self.json))
    json["samples"] = .object(answers)
    return .object(json)
  }

  private static func json(_ sample: Sample) -> JSONValue {
    var json = JSONObject()
    json["source"] = .string(sample.source)
    json["messages"] = .array(
      sample.messages.map { ["role": .string($0.role), "content": .string($0.content)] })
    json["reference"] = sample.reference.map { .string($0) }
    json["base"] = sample.base.map { .string($0) }
    json["tuned"] = sample.tuned.map { .string($0) }
    if !sample.history.isEmpty {
      json["history"] = .array(
        sample.history.map { ["step": .integer($0.step), "text": .string($0.text)] })
    }
    return .object(json)
  }
}
