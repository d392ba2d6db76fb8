import Foundation
import Serialization
import TestSupport
import Testing

/// One row of `data/support`, as a reader of the file sees it.
struct SupportRow {
  let system: String
  let message: String
  let answer: String
  let ticket: JSONObject

  var product: String { ticket["product"]?.stringValue ?? "" }
  var order: Int? { ticket["order"]?.intValue }

  /// The message's words with what the ticket copies masked: the row's phrasing.
  var skeleton: [String] {
    SupportData.skeleton(message.lowercased().replacingOccurrences(of: product, with: "{p}"))
  }
}

/// The files in `data/support`, read without the library's own loader.
enum SupportData {
  static let splits = ["train", "valid", "test"]

  static func url(_ name: String) -> URL {
    Fixture.repository.appendingPathComponent("data/support/\(name)")
  }

  static func rows(_ split: String) throws -> [SupportRow] {
    let text = try String(contentsOf: url("\(split).jsonl"), encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let messages = try #require(JSON.parse(String(line))["messages"]?.arrayValue)
      try #require(
        messages.compactMap { $0["role"]?.stringValue } == ["system", "user", "assistant"])
      let contents = messages.compactMap { $0["content"]?.stringValue }
      try #require(contents.count == 3)
      let ticket = try #require(JSON.parse(contents[2]).objectValue)
      return SupportRow(
        system: contents[0], message: contents[1], answer: contents[2], ticket: ticket)
    }
  }

  static func phrasings(_ split: String) throws -> JSONObject {
    let bytes = [UInt8](try Data(contentsOf: url("phrasings.json")))
    return try #require(JSON.parse(bytes)[split]?.objectValue)
  }

  /// Every clause of a split with the field and the value it decides.
  static func clauses(_ split: String) throws -> [(
    skeleton: [String], field: String, value: JSONValue
  )] {
    let bank = try phrasings(split)
    var all: [(skeleton: [String], field: String, value: JSONValue)] = []
    for (intent, sentences) in try #require(bank["intents"]?.objectValue).members {
      for sentence in try #require(sentences.arrayValue).compactMap(\.stringValue) {
        all.append((skeleton(sentence), "intent", .string(intent)))
      }
    }
    let deciding: [(list: String, field: String, value: JSONValue)] = [
      ("high", "urgency", "high"), ("low", "urgency", "low"), ("refund", "refund", true),
      ("replacement", "refund", false),
    ]
    for (list, field, value) in deciding {
      for clause in try #require(bank[list]?.arrayValue).compactMap(\.stringValue) {
        all.append((skeleton(clause), field, value))
      }
    }
    return all
  }

  /// The lower-case words of `text`; numbers, weekdays, names and placeholders become masks.
  static func skeleton(_ text: String) -> [String] {
    let placeholders: [(String, String)] = [
      ("{price}", "0"), ("{n4}", "0"), ("{n}", "0"), ("{o}", "0"), ("{zip}", "0"),
      ("{day}", "monday"), ("{p}", " PRODUCT "), ("'", ""),
    ]
    let plain = placeholders.reduce(text) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
    return words(plain).map { word in
      if word == "PRODUCT" { return word }
      if word.contains(where: \.isNumber) { return "NUMBER" }
      let lower = word.lowercased()
      return lower.hasSuffix("day") && lower.count >= 6 && lower != "birthday" ? "WEEKDAY" : lower
    }
  }

  /// Every stretch of `count` consecutive words.
  static func runs(of count: Int, in words: [String]) -> [[String]] {
    guard count > 0, words.count >= count else { return [] }
    return (0...(words.count - count)).map { Array(words[$0..<($0 + count)]) }
  }

  /// Letters and digits between anything else; `4.90` is one word.
  static func words(_ text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber || $0 == ".") }
      .map { $0.trimmingCharacters(in: ["."]) }
      .flatMap { $0.contains("...") ? $0.components(separatedBy: "...") : [$0] }
      .flatMap { word in
        word.allSatisfy { $0.isNumber || $0 == "." }
          ? [word] : word.split(separator: ".").map(String.init)
      }
      .filter { !$0.isEmpty }
  }
}

/// How often a copier, who answers with the answer of the most similar training message, is right.
///
/// Two measures of similarity over lower-case words: the Jaccard index of the sets of words, and the
/// cosine of the TF-IDF vectors (`tf · (ln((1 + n) / (1 + df)) + 1)`, as scikit-learn weighs them).
struct NearestMessage {
  let training: [SupportRow]
  private let sets: [Set<String>]
  private let vectors: [[String: Double]]
  private let inverseFrequency: [String: Double]
  private let unseen: Double

  init(_ training: [SupportRow]) {
    self.training = training
    sets = training.map { Set(Self.words($0.message)) }
    let n = Double(training.count)
    var documents: [String: Double] = [:]
    for set in sets { for word in set { documents[word, default: 0] += 1 } }
    inverseFrequency = documents.mapValues { log((1 + n) / (1 + $0)) + 1 }
    unseen = log(1 + n) + 1
    let weights = inverseFrequency
    vectors = training.map { Self.vector(Self.words($0.message)) { weights[$0] ?? 0 } }
  }

  private static func words(_ message: String) -> [String] {
    SupportData.words(message.lowercased())
  }

  private static func vector(
    _ words: [String], weight: (String) -> Double
  ) -> [String: Double] {
    var vector: [String: Double] = [:]
    for word in words { vector[word, default: 0] += weight(word) }
    let norm = vector.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.mapValues { $0 / norm }
  }

  func byJaccard(_ message: String) -> SupportRow {
    let set = Set(Self.words(message))
    return nearest { index in
      let common = Double(set.intersection(sets[index]).count)
      return common / (Double(set.count + sets[index].count) - common)
    }
  }

  func byCosine(_ message: String) -> SupportRow {
    let vector = Self.vector(Self.words(message)) { inverseFrequency[$0] ?? unseen }
    return nearest { index in
      vector.reduce(0) { $0 + $1.value * (vectors[index][$1.key] ?? 0) }
    }
  }

  private func nearest(_ similarity: (Int) -> Double) -> SupportRow {
    var best = 0
    var highest = -1.0
    for index in training.indices {
      let value = similarity(index)
      if value > highest { (best, highest) = (index, value) }
    }
    return training[best]
  }
}
