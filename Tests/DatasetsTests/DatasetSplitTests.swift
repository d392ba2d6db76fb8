import Foundation
import Serialization
import TestSupport
import Testing

@testable import Datasets

@Suite("DatasetSplit") struct DatasetSplitTests {
  /// Rows whose label is `label(i)`; each asks something of its own.
  private func rows(
    _ count: Int, group: (Int) -> Int = { $0 }, label: (Int) -> String = { _ in "x" }
  ) throws -> [DatasetFile.Row] {
    let text = (0..<count).map { index in
      #"{"prompt":"p\#(index)","completion":"\#(label(index))","user":\#(group(index))}"#
    }.joined(separator: "\n")
    return try DatasetFile(Array(text.utf8), path: "x.jsonl").rows
  }

  @Test("puts every row into exactly one part, in shares within a row", arguments: [10, 97, 1_000])
  func isAPartition(_ count: Int) throws {
    let split = try DatasetSplit(try rows(count))
    #expect((split.train + split.validation + split.test).sorted() == Array(0..<count))
    #expect(split.train == split.train.sorted())
    #expect(abs(Double(split.validation.count) - 0.1 * Double(count)) <= 1)
    #expect(abs(Double(split.test.count) - 0.1 * Double(count)) <= 1)
  }

  @Test("is the same for a seed and another for another")
  func isDeterministic() throws {
    let data = try rows(200)
    let split = try DatasetSplit(data)
    #expect(try DatasetSplit(data) == split)
    #expect(try DatasetSplit(data, .init(seed: 43)).validation != split.validation)
    // Drawn once and written down: a split that is published must come out again.
    #expect(Array(split.validation.prefix(5)) == Self.published)
  }

  private static let published = [22, 29, 30, 49, 51]

  @Test("leaves a part out whose share is 0")
  func leavesOut() throws {
    let split = try DatasetSplit(try rows(20), .init(validation: 0.25, test: 0))
    #expect(split.train.count == 15 && split.validation.count == 5 && split.test.isEmpty)
  }

  @Test("spreads each label evenly, rare ones too")
  func stratifies() throws {
    // 30 labels of 10 rows, one of 100, and 20 of a single row.
    func label(_ index: Int) -> String {
      index < 300 ? "a\(index % 30)" : index < 400 ? "b" : "c\(index)"
    }
    let data = try rows(420, label: label)
    let split = try DatasetSplit(data, .init(stratum: .answer))
    #expect(split.strata == 51)
    #expect(abs(split.validation.count - 42) <= 1 && abs(split.test.count - 42) <= 1)
    for part in [split.validation, split.test] {
      var counts: [String: Int] = [:]
      for index in part { counts[label(index), default: 0] += 1 }
      #expect(abs((counts["b"] ?? 0) - 10) <= 1)
      for name in 0..<30 { #expect((0...2).contains(counts["a\(name)"] ?? 0)) }
      #expect((1...3).contains(part.count { $0 >= 400 }))
    }
    let byKey = try DatasetSplit(
      try rows(420, group: { $0 % 2 }, label: label), .init(stratum: .key("user")))
    #expect(byKey.strata == 2)
    #expect(abs(byKey.validation.count { $0 % 2 == 0 } - 21) <= 1)
  }

  @Test("never lets a group cross, nor the same row, nor what joins two groups")
  func keepsGroups() throws {
    let data = try rows(300, group: { $0 / 7 })
    let split = try DatasetSplit(data, .init(validation: 0.2, test: 0.2, group: .key("user")))
    let parts = [split.train, split.validation, split.test].map { Set($0.map { $0 / 7 }) }
    #expect(parts[0].isDisjoint(with: parts[1]))
    #expect(parts[0].isDisjoint(with: parts[2]))
    #expect(parts[1].isDisjoint(with: parts[2]))
    #expect(split.groups == 43)
    #expect(abs(split.validation.count - 60) <= 7)

    // Each row twice, and the copy in another group: all that are joined stay together.
    let text = (0..<40).map { index in
      #"{"prompt":"p\#(index % 20)","completion":"x","user":\#(index % 20 < 10 ? index / 20 : index)}"#
    }.joined(separator: "\n")
    let copies = try DatasetFile(Array(text.utf8), path: "x.jsonl").rows
    let whole = try DatasetSplit(
      copies, .init(validation: 0.2, test: 0, group: .key("user")))
    let where0 = [whole.train, whole.validation].map { part in
      Set(part.map { $0 % 20 < 10 ? 0 : $0 % 20 })
    }
    #expect(where0[0].isDisjoint(with: where0[1]))
    #expect(whole.groups == 11)
  }

  @Test("leaves no leak behind where questions are kept together")
  func leavesNoLeak() throws {
    let text = (0..<200).map { index in
      #"{"prompt":"p\#(index % 60)","completion":"answer number \#(index % 90)"}"#
    }.joined(separator: "\n")
    let file = try DatasetFile(Array(text.utf8), path: "x.jsonl")
    let split = try DatasetSplit(file.rows, .init(group: .prompt))
    func bytes(_ part: [Int]) -> [UInt8] { part.flatMap { file.rows[$0].bytes + [10] } }
    let check = DatasetCheck(
      train: [("t", bytes(split.train))], validation: [("v", bytes(split.validation))])
    #expect(!check.issues.contains { $0.kind == .validationLeakage })
    // Without it there is one, so that the line above means something.
    let loose = try DatasetSplit(file.rows)
    let leaky = DatasetCheck(
      train: [("t", bytes(loose.train))], validation: [("v", bytes(loose.validation))])
    #expect(leaky.issues.contains { $0.kind == .validationLeakage })
  }

  @Test("refuses what it cannot do, in a sentence")
  func refuses() throws {
    func refusal(_ count: Int, _ options: DatasetSplit.Options) throws -> String {
      let data = try rows(count, group: { _ in 1 })
      do throws(DatasetSplitError) {
        return "accepted: \(try DatasetSplit(data, options))"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      try refusal(9, .init(validation: 0.6, test: 0.4))
        == "--validation 0.6 and --test 0.4: shares are at least 0 and together below 1")
    #expect(try refusal(9, .init(validation: -0.1)).hasPrefix("--validation -0.1"))
    #expect(
      try refusal(3, .init()).hasPrefix("validation would have no row of 3 in 3 groups; "))
    #expect(
      try refusal(30, .init(group: .key("user"))).hasPrefix(
        "validation would have no row of 30 in 1 groups; "))
    #expect(
      try refusal(9, .init(stratum: .key("topic")))
        == "x.jsonl line 1: the key \"topic\" is missing; add it, or name another key")
    let text = try DatasetFile(Array(#"{"text":"a"}"#.utf8), path: "x.jsonl").rows
    #expect(
      throws: DatasetSplitError.missingKey(.answer, ExampleSource(path: "x.jsonl", line: 1))
    ) {
      try DatasetSplit(text, .init(stratum: .answer))
    }
  }
}
