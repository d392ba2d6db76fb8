internal import CausalLM
public import Datasets
internal import Foundation
internal import Training

/// How well a model tells which of some answers a row calls for, by the likelihood that it gives each of them.
///
/// A label's score is the log-likelihood of the whole answer, with the token that ends it, after the row's prompt: what
/// sampling would answer with, were nothing else allowed. No answer is written, so none can miss the form.
public struct LabelEvaluation: Sendable, Equatable {
  /// A row, and what the model makes of it.
  public struct Row: Sendable, Equatable {
    /// Where the row stands.
    public let source: ExampleSource
    /// Index of the right label.
    public let reference: Int
    /// For each label the log-likelihood of the answer, nats.
    public let scores: [Double]

    /// Makes a row.
    public init(source: ExampleSource, reference: Int, scores: [Double]) {
      self.source = source
      self.reference = reference
      self.scores = scores
    }

    /// Index of the likeliest label; of several the first.
    public var prediction: Int {
      scores.indices.max { scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1) } ?? 0
    }

    /// Whether the likeliest label is the right one.
    public var isRight: Bool { prediction == reference }

    /// The labels' probabilities, given that it is one of them.
    public var probabilities: [Double] {
      let most = scores.max() ?? 0
      let parts = scores.map { exp($0 - most) }
      let sum = parts.reduce(0, +)
      return parts.map { $0 / sum }
    }
  }

  /// How well one label is told.
  public struct LabelScore: Sendable, Equatable {
    /// Rows that call for it.
    public let rows: Int
    /// Of the rows given it, the share that call for it; 0 where none was given it.
    public let precision: Double
    /// Of the rows that call for it, the share given it; 0 where none calls for it.
    public let recall: Double
    /// Their harmonic mean.
    public var f1: Double {
      precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }
  }

  /// Rows of which the model is about equally sure.
  public struct Bin: Sendable, Equatable {
    /// How many there are.
    public var rows = 0
    /// The mean probability of the likeliest label.
    public var confidence = 0.0
    /// The share of rows whose likeliest label is right.
    public var accuracy = 0.0
  }

  /// The labels.
  public let labels: [String]
  /// The rows.
  public let rows: [Row]

  /// Makes an evaluation from scores.
  public init(labels: [String], rows: [Row]) {
    self.labels = labels
    self.rows = rows
  }

  /// The share of rows whose likeliest label is right.
  public var accuracy: Double { mean { $0.isRight ? 1 : 0 } }

  /// Mean negative log-probability of the right label among the labels, nats.
  public var logLoss: Double {
    mean { -log(max($0.probabilities[$0.reference], .leastNormalMagnitude)) }
  }

  /// `confusion[a][b]`: rows that call for label `a` and were given `b`.
  public var confusion: [[Int]] {
    var counts = [[Int]](
      repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
    for row in rows { counts[row.reference][row.prediction] += 1 }
    return counts
  }

  /// Each label's precision and recall.
  public var labelScores: [LabelScore] {
    let confusion = confusion
    return labels.indices.map { label in
      let rows = confusion[label].reduce(0, +)
      let given = confusion.reduce(0) { $0 + $1[label] }
      let right = Double(confusion[label][label])
      return LabelScore(
        rows: rows, precision: given > 0 ? right / Double(given) : 0,
        recall: rows > 0 ? right / Double(rows) : 0)
    }
  }

  /// The mean F1 over the labels that some row calls for or was given.
  public var macroF1: Double {
    let confusion = confusion
    let scores = labelScores
    let seen = labels.indices.filter { label in
      scores[label].rows > 0 || confusion.contains { $0[label] > 0 }
    }
    return seen.isEmpty ? 0 : seen.reduce(0) { $0 + scores[$1].f1 } / Double(seen.count)
  }

  /// Rows by the probability of their likeliest label, in ten bins of equal width.
  public var bins: [Bin] {
    var bins = [Bin](repeating: Bin(), count: 10)
    for row in rows {
      let confidence = row.probabilities.max() ?? 0
      let index = min(bins.count - 1, Int(confidence * Double(bins.count)))
      bins[index].rows += 1
      bins[index].confidence += confidence
      bins[index].accuracy += row.isRight ? 1 : 0
    }
    for index in bins.indices where bins[index].rows > 0 {
      bins[index].confidence /= Double(bins[index].rows)
      bins[index].accuracy /= Double(bins[index].rows)
    }
    return bins
  }

  /// The expected calibration error: how far confidence and accuracy are apart, over ``bins`` weighted by their rows.
  ///
  /// - SeeAlso: Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
  public var calibrationError: Double {
    bins.reduce(0) { $0 + Double($1.rows) * abs($1.confidence - $1.accuracy) }
      / Double(max(1, rows.count))
  }

  private func mean(_ value: (Row) -> Double) -> Double {
    rows.reduce(0) { $0 + value($1) } / Double(max(1, rows.count))
  }
}

extension LabelEvaluation {
  /// Rows whose labels are scored at once, so that memory does not grow with the data.
  private static let rowsAtOnce = 16

  /// The answers that occur in `rows`, in the order of their first row.
  public static func labels(of rows: [Example]) -> [String] {
    var seen: Set<String> = []
    return rows.compactMap(\.answer).filter { seen.insert($0).inserted }
  }

  /// Scores every label on every row; what labels and rows have in common at their beginning is computed once.
  ///
  /// - Parameters:
  ///   - rows: questions with a right answer each; plain text is passed over.
  ///   - labels: the answers to choose from; none twice.
  ///   - progress: hears how many rows are done.
  /// - Throws: ``LabelError`` for a row whose answer is none of the labels, or that none is an answer to, or
  ///   `DatasetError`.
  public init(
    _ chat: ChatModel, _ rows: [Example], labels: [String],
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    let indices = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    let asked = try rows.compactMap { row -> (row: Example, reference: Int)? in
      guard let answer = row.answer else { return nil }
      guard let reference = indices[answer] else {
        throw LabelError.unlisted(row.source, answer: answer)
      }
      return (row, reference)
    }
    guard !asked.isEmpty else { throw LabelError.noAnswers }
    var scored: [Row] = []
    for first in stride(from: 0, to: asked.count, by: Self.rowsAtOnce) {
      let chunk = asked[first..<min(first + Self.rowsAtOnce, asked.count)]
      let variants = chunk.flatMap { asked in labels.compactMap(asked.row.answering) }
      let examples = try TokenizedDataset(
        variants, tokenizer: chat.tokenizer, template: chat.template,
        maxLength: chat.model.configuration.maximumPositions
      ).examples
      var losses: [Double] = []
      for part in FineTuning.parts(Array(examples.indices), of: examples) {
        let batch = MicroBatch(examples, indices: part, sharesPrefixes: true)
        losses += chat.model.losses(batch, of: examples)
      }
      for (index, asked) in chunk.enumerated() {
        let own = losses[index * labels.count..<(index + 1) * labels.count]
        scored.append(
          Row(source: asked.row.source, reference: asked.reference, scores: own.map { -$0 }))
      }
      progress(scored.count, asked.count)
    }
    self.init(labels: labels, rows: scored)
  }
}

/// Why labels cannot be scored.
public enum LabelError: Error, Equatable, CustomStringConvertible {
  /// A row's answer is none of the labels.
  case unlisted(ExampleSource, answer: String)
  /// No row has an answer.
  case noAnswers
  /// The list of labels holds less than two.
  case tooFew(path: String, count: Int)
  /// The list of labels holds one twice.
  case repeated(path: String, line: Int, label: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .unlisted(let source, let answer):
      "\(source): the answer \(Self.quoted(answer)) is none of the labels; add it to them"
    case .noAnswers:
      "no row has an answer to score labels against; use rows with an assistant message or a completion"
    case .tooFew(let path, let count):
      "\(path): labels are chosen between, and there \(count == 1 ? "is one" : "are none"); list at least two"
    case .repeated(let path, let line, let label):
      "\(path) line \(line): the label \(Self.quoted(label)) occurs twice; remove one"
    }
  }

  private static func quoted(_ text: String) -> String {
    let line = text.split(separator: "\n").joined(separator: " ⏎ ")
    return "\"\(line.count > 60 ? line.prefix(60) + "…" : line)\""
  }
}
