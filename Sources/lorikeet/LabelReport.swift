import Datasets
import Inference
import ModelFiles
import Scoring
import Serialization

/// What `evaluate --labels` reads and says.
enum LabelReport {
  /// The flag, and what its value may be.
  static let flag = Flag(
    name: "--labels", value: "FILE",
    help:
      "score answers by their likelihood and choose: those of FILE, one a line, or those that occur in the data",
    hasOptionalValue: true)

  /// The labels that the flag names; nil where it is not given.
  ///
  /// - Throws: ``LabelError`` or `DatasetError`.
  static func labels(_ arguments: Arguments, _ rows: [Example], data: String) throws -> [String]? {
    guard arguments.has(flag.name) else { return nil }
    guard let path = arguments.string(flag.name), !path.isEmpty else {
      let labels = LabelEvaluation.labels(of: rows)
      guard labels.count > 1 else { throw LabelError.tooFew(path: data, count: labels.count) }
      return labels
    }
    let file = try MappedFile(path: path)
    let text = file.withBytes { String(decoding: $0, as: UTF8.self) }
    var labels: [String] = []
    var seen: Set<String> = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let label = String(line).trimmingSuffix("\r")
      guard !label.isEmpty else { continue }
      guard seen.insert(label).inserted else {
        throw LabelError.repeated(path: path, line: index + 1, label: label)
      }
      labels.append(label)
    }
    guard labels.count > 1 else { throw LabelError.tooFew(path: path, count: labels.count) }
    return labels
  }

  /// One value for each row: whether the likeliest label is the right one.
  static func right(_ evaluation: LabelEvaluation) -> [Double] {
    evaluation.rows.map { $0.isRight ? 1 : 0 }
  }

  /// The figures, for `--json`.
  static func object(_ evaluation: LabelEvaluation) -> JSONObject {
    var json = JSONObject()
    json["examples"] = .integer(evaluation.rows.count)
    json["accuracy"] = .number(evaluation.accuracy)
    json["accuracy_interval"] = PairedBootstrap.mean(right(evaluation)).json
    json["macro_f1"] = .number(evaluation.macroF1)
    json["log_loss"] = .number(evaluation.logLoss)
    json["calibration_error"] = .number(evaluation.calibrationError)
    json["calibration"] = .array(
      evaluation.bins.map {
        [
          "examples": .integer($0.rows), "confidence": .number($0.confidence),
          "accuracy": .number($0.accuracy),
        ]
      })
    json["labels"] = .array(
      zip(evaluation.labels, evaluation.labelScores).map { label, score in
        [
          "label": .string(label), "examples": .integer(score.rows),
          "precision": .number(score.precision), "recall": .number(score.recall),
          "f1": .number(score.f1),
        ]
      })
    json["confusion"] = .array(
      evaluation.confusion.map { .array($0.map { .integer($0) }) })
    return json
  }

  /// The figures of one model, for people.
  static func line(_ name: String, _ evaluation: LabelEvaluation) -> String {
    let interval = PairedBootstrap.mean(right(evaluation))
    return
      "\(name)  labels right \(evaluation.rows.count { $0.isRight })/\(evaluation.rows.count) = \(Format.percent(interval.mean)) [\(Format.percent(interval.low)), \(Format.percent(interval.high))]  macro-F1 \(Format.percent(evaluation.macroF1))  calibration error \(Format.percent(evaluation.calibrationError))"
  }

  /// The pairs of labels that are most often taken for each other, and the labels told worst.
  static func mistakes(_ evaluation: LabelEvaluation) -> [String] {
    var pairs: [(right: Int, given: Int, count: Int)] = []
    for (right, counts) in evaluation.confusion.enumerated() {
      for (given, count) in counts.enumerated() where given != right && count > 0 {
        pairs.append((right, given, count))
      }
    }
    let most = pairs.sorted {
      ($1.count, $0.right, $0.given) < ($0.count, $1.right, $1.given)
    }.prefix(5)
    guard !most.isEmpty else { return [] }
    return ["most often mistaken, right label → given:"]
      + most.map {
        "  \($0.count) × \(VisibleText.escaped(evaluation.labels[$0.right])) → \(VisibleText.escaped(evaluation.labels[$0.given]))"
      }
  }
}

extension Interval {
  /// Mean, low and high.
  var json: JSONValue {
    ["mean": .number(mean), "low": .number(low), "high": .number(high)]
  }
}
