public import Serialization

/// All that is known of a run, gathered while it goes on or read from its folder's files.
public struct RunRecord: Sendable, Equatable {
  /// A logged step; what the log does not have, or has not as a finite number, is NaN.
  public struct Step: Sendable, Equatable {
    /// The step's number, from 1.
    public var step: Int
    /// Loss of the window, nats per supervised token.
    public var loss: Double
    /// The rate that the step used.
    public var learningRate: Double
    /// Norm of the gradient before clipping.
    public var gradientNorm: Double
    /// Tokens trained on in a second.
    public var tokensPerSecond: Double
    /// Seconds since the run began.
    public var elapsedSeconds: Double

    /// Makes a step.
    public init(
      step: Int, loss: Double, learningRate: Double = .nan, gradientNorm: Double = .nan,
      tokensPerSecond: Double = .nan, elapsedSeconds: Double = .nan
    ) {
      self.step = step
      self.loss = loss
      self.learningRate = learningRate
      self.gradientNorm = gradientNorm
      self.tokensPerSecond = tokensPerSecond
      self.elapsedSeconds = elapsedSeconds
    }
  }

  /// A measurement of a loss over examples that are not learnt.
  public struct Validation: Sendable, Equatable {
    /// The step after which it was; 0: before the first.
    public var step: Int
    /// Loss over the examples, nats per supervised token.
    public var loss: Double

    /// Makes a measurement.
    public init(step: Int, loss: Double) {
      self.step = step
      self.loss = loss
    }
  }

  /// A key of the configuration and its value, as YAML writes it.
  public struct Setting: Sendable, Equatable {
    /// The dotted key, such as `training.learning_rate`.
    public var key: String
    /// The value.
    public var value: String

    /// Makes a setting.
    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// What the run is called: its folder's name.
  public var name: String
  /// The configuration as resolved, in the file's order.
  public var settings: [Setting] = []
  /// The logged steps, ascending.
  public var steps: [Step] = []
  /// The validations, ascending.
  public var validations: [Validation] = []
  /// The measurements on what should not be forgotten, ascending; the first is from before the first step.
  public var retentions: [Validation] = []
  /// What `run.json` says; empty until a run has ended.
  public var summary = JSONObject()
  /// What `report.json` says.
  public var data = ReportData()
  /// What `evaluate --json` printed, where it was kept in the folder as `evaluation.json`.
  public var evaluation: JSONValue?
  /// What could not be read, a sentence each.
  public var notes: [String] = []

  /// Makes a record of nothing but a name.
  public init(name: String) { self.name = name }

  /// The files of a run folder, as far as they are there.
  public struct Files: Sendable {
    /// `config.yaml`.
    public var configuration: [UInt8]?
    /// `metrics.jsonl`.
    public var metrics: [UInt8]?
    /// `run.json`.
    public var summary: [UInt8]?
    /// `report.json`.
    public var data: [UInt8]?
    /// `evaluation.json`.
    public var evaluation: [UInt8]?

    /// Makes a set without files.
    public init() {}
  }

  /// Reads a run from its folder's files.
  ///
  /// Nothing in them is fatal: a report of what can be read is better than none, and says what could not.
  public init(name: String, files: Files) {
    self.name = name
    if let bytes = files.configuration { readConfiguration(bytes) }
    if let bytes = files.metrics { readMetrics(bytes) }
    summary = readJSON(files.summary, "run.json")?.objectValue ?? JSONObject()
    if let json = readJSON(files.data, "report.json") { data = ReportData(json) }
    evaluation = readJSON(files.evaluation, "evaluation.json")
    // The summary of an earlier session, while a resumed one goes on.
    if let last = steps.last, let count = summary["steps"]?.intValue, count < last.step {
      summary = JSONObject()
    }
  }

  private mutating func readJSON(_ bytes: [UInt8]?, _ file: String) -> JSONValue? {
    guard let bytes else { return nil }
    do throws(JSONError) {
      return try JSON.parse(bytes)
    } catch {
      notes.append("\(file) is left out: \(error).")
      return nil
    }
  }

  private mutating func readConfiguration(_ bytes: [UInt8]) {
    do throws(YAMLError) {
      add(try YAML.parse(bytes), under: "")
    } catch {
      notes.append("config.yaml is left out: \(error).")
    }
  }

  private mutating func add(_ node: YAMLNode, under key: String) {
    guard case .mapping(let members, _) = node, key.isEmpty || !members.isEmpty else {
      settings.append(Setting(key: key, value: Self.text(node)))
      return
    }
    for member in members {
      add(member.value, under: key.isEmpty ? member.key : "\(key).\(member.key)")
    }
  }

  private static func text(_ node: YAMLNode) -> String {
    switch node {
    case .scalar(let text, _, _): node.isNull ? "null" : text
    case .sequence(let nodes, _): "[" + nodes.map(text).joined(separator: ", ") + "]"
    case .mapping(let members, _):
      "{" + members.map { "\($0.key): \(text($0.value))" }.joined(separator: ", ") + "}"
    }
  }

  private mutating func readMetrics(_ bytes: [UInt8]) {
    var unread = 0
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      // A run that was killed may leave half a line; the next session goes on after it.
      guard let json = try? JSON.parse(Array(line)), let step = json["step"]?.intValue else {
        unread += 1
        continue
      }
      if let loss = json["validation_loss"] {
        validations.append(Validation(step: step, loss: loss.doubleValue ?? .nan))
      } else if let loss = json["retention_loss"] {
        retentions.append(Validation(step: step, loss: loss.doubleValue ?? .nan))
      } else {
        func number(_ key: String) -> Double { json[key]?.doubleValue ?? .nan }
        steps.append(
          Step(
            step: step, loss: number("loss"), learningRate: number("learning_rate"),
            gradientNorm: number("grad_norm"), tokensPerSecond: number("tokens_per_second"),
            elapsedSeconds: number("elapsed_seconds")))
      }
    }
    steps.sort { $0.step < $1.step }
    validations.sort { $0.step < $1.step }
    retentions.sort { $0.step < $1.step }
    if unread > 0 {
      notes.append(
        "\(unread) \(unread == 1 ? "line" : "lines") of metrics.jsonl could not be read and \(unread == 1 ? "is" : "are") left out."
      )
    }
  }
}

extension RunRecord {
  /// How far a run is.
  public enum Status: Sendable, Equatable {
    /// All steps are done.
    case finished
    /// Validation stopped improving.
    case stoppedEarly
    /// What should not be forgotten was being forgotten.
    case forgot
    /// It was interrupted, with a checkpoint to go on from.
    case interrupted
    /// No summary has been written: it goes on, or was cut off.
    case unfinished
  }

  /// How far the run is.
  public var status: Status {
    switch summary["outcome"]?.stringValue {
    case "finished": .finished
    case "stopped_early": .stoppedEarly
    case "stopped_forgetting": .forgot
    case "interrupted": .interrupted
    default: .unfinished
    }
  }

  /// Steps done, as far as they are logged.
  public var stepCount: Int {
    summary["steps"]?.intValue ?? max(steps.last?.step ?? 0, validations.last?.step ?? 0)
  }

  /// Loss of the last step.
  public var finalLoss: Double? {
    summary["final_loss"]?.doubleValue ?? steps.last { $0.loss.isFinite }?.loss
  }

  /// The lowest validation loss and its step.
  public var bestValidation: Validation? {
    if let loss = summary["best_validation_loss"]?.doubleValue {
      return Validation(step: summary["best_step"]?.intValue ?? 0, loss: loss)
    }
    return validations.filter { $0.loss.isFinite }.min { $0.loss < $1.loss }
  }

  /// Seconds, earlier sessions included.
  public var seconds: Double? {
    summary["seconds"]?.doubleValue ?? steps.last { $0.elapsedSeconds.isFinite }?.elapsedSeconds
  }

  /// Tokens trained on in a second of training.
  public var tokensPerSecond: Double? {
    if let rate = summary["tokens_per_second"]?.doubleValue { return rate }
    let rates = steps.map(\.tokensPerSecond).filter(\.isFinite)
    return rates.isEmpty ? nil : rates.reduce(0, +) / Double(rates.count)
  }

  /// The largest resident memory.
  public var peakBytes: Int? {
    summary["peak_rss_bytes"]?.intValue ?? data.peakResidentBytes
  }

  /// A value of the configuration.
  public func setting(_ key: String) -> String? { settings.first { $0.key == key }?.value }
}
