import Kernels
import Serialization

/// Deals the rows of a file into training, validation and test.
///
/// A function of rows and seed alone: the same on every machine and with any number of threads. Rows that say
/// the same stay together, as do the rows of a group. A label's rows are spread as evenly as whole rows
/// allow: the rows, drawn in a random order, are laid out label by label, and each goes where most is lacking
/// of what is due up to it.
public struct DatasetSplit: Sendable, Equatable {
  /// What rows are spread by, or kept together by.
  public enum Key: Sendable, Equatable {
    /// The answer.
    case answer
    /// What is asked: everything before the answer.
    case prompt
    /// The value of a key of the row.
    case key(String)
  }

  /// What is asked of a split.
  public struct Options: Sendable, Equatable {
    /// The share of the rows to validate on.
    public var validation: Double
    /// The share of the rows to test on.
    public var test: Double
    /// What the random order is drawn from.
    public var seed: UInt64
    /// What is to be as frequent in each part as in the whole.
    public var stratum: Key?
    /// What must not lie in two parts.
    public var group: Key?

    /// Makes options; shares are at least 0 and leave something to train on.
    public init(
      validation: Double = 0.1, test: Double = 0.1, seed: UInt64 = 42, stratum: Key? = nil,
      group: Key? = nil
    ) {
      self.validation = validation
      self.test = test
      self.seed = seed
      self.stratum = stratum
      self.group = group
    }
  }

  /// Positions of the rows to train on, in the file's order.
  public private(set) var train: [Int] = []
  /// Positions of the rows to validate on.
  public private(set) var validation: [Int] = []
  /// Positions of the rows to test on.
  public private(set) var test: [Int] = []
  /// The number of different labels that were spread; 1 without a stratum.
  public private(set) var strata = 0
  /// The number of groups that were kept together; rows that nothing joins are a group each.
  public private(set) var groups = 0

  /// Deals `rows`.
  ///
  /// - Throws: ``DatasetSplitError`` where a row lacks a key, a share is out of range, or a part would be empty.
  public init(
    _ rows: [DatasetFile.Row], _ options: Options = Options()
  ) throws(DatasetSplitError) {
    let shares = [1 - options.validation - options.test, options.validation, options.test]
    guard options.validation >= 0, options.test >= 0, shares[0] > 0 else {
      throw .badShares(validation: options.validation, test: options.test)
    }
    let labels = try Self.values(of: options.stratum, in: rows)
    let joined = try Self.groups(of: rows, by: options.group)
    groups = joined.count

    // Groups in the order in which they are dealt.
    let rank = CounterRandom(seed: options.seed, purpose: "split").permutation(joined.count)
    let units = joined.enumerated().map { index, rows in
      Unit(rows: rows, label: labels.map { $0[rows[0]] } ?? [], rank: rank[index])
    }.sorted()
    strata = Set(units.map(\.label)).count

    var parts: [[Int]] = [[], [], []]
    var dealt = 0
    for unit in units {
      dealt += unit.rows.count
      let lack = parts.indices.map { shares[$0] * Double(dealt) - Double(parts[$0].count) }
      // A part with no share takes nothing, even where all others have more than is due.
      var taker = 0
      for part in parts.indices where shares[part] > 0 && lack[part] > lack[taker] { taker = part }
      parts[taker] += unit.rows
    }
    for (part, name) in ["train", "validation", "test"].enumerated()
    where shares[part] > 0 && parts[part].isEmpty {
      throw .emptyPart(name: name, rows: rows.count, groups: joined.count)
    }
    (train, validation, test) = (parts[0].sorted(), parts[1].sorted(), parts[2].sorted())
  }

  /// Rows that go the same way.
  private struct Unit: Comparable {
    var rows: [Int]
    var label: [UInt8]
    var rank: Int

    /// By label, so that each is spread; large ones first, so that small ones even out what they leave.
    static func < (first: Unit, second: Unit) -> Bool {
      if first.label != second.label {
        return first.label.lexicographicallyPrecedes(second.label)
      }
      if first.rows.count != second.rows.count { return first.rows.count > second.rows.count }
      return first.rank < second.rank
    }
  }

  /// For each row the bytes of what it has under `key`; `nil` without a key.
  private static func values(
    of key: Key?, in rows: [DatasetFile.Row]
  ) throws(DatasetSplitError) -> [[UInt8]]? {
    guard let key else { return nil }
    var values: [[UInt8]] = []
    for row in rows {
      let value: [UInt8]?
      switch key {
      case .answer: value = row.example.answer.map { Array($0.utf8) }
      case .prompt: value = row.example.promptIdentity
      case .key(let name): value = row.object[name].map { Array($0.serialized().utf8) }
      }
      guard let value else { throw .missingKey(key, row.example.source) }
      values.append(value)
    }
    return values
  }

  /// The rows of each group, groups in the order of their first rows: those with one value under `key`, and
  /// those that are the same, and so on for what these have in common with others.
  private static func groups(
    of rows: [DatasetFile.Row], by key: Key?
  ) throws(DatasetSplitError) -> [[Int]] {
    var parent = Array(rows.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while parent[index] != index {
        parent[index] = parent[parent[index]]
        index = parent[index]
      }
      return index
    }
    func join(by value: (Int) -> [UInt8]) {
      var firsts: [[UInt8]: Int] = [:]
      for index in rows.indices {
        let bytes = value(index)
        if let first = firsts[bytes] {
          let roots = [root(first), root(index)].sorted()
          parent[roots[1]] = roots[0]
        } else {
          firsts[bytes] = index
        }
      }
    }
    join { rows[$0].example.identity }
    if let values = try values(of: key, in: rows) { join { values[$0] } }

    var members: [Int: [Int]] = [:]
    for index in rows.indices { members[root(index), default: []].append(index) }
    return members.keys.sorted().compactMap { members[$0] }
  }
}

/// Why rows cannot be dealt as asked.
public enum DatasetSplitError: Error, Equatable {
  /// A share is below 0, or nothing would be left to train on.
  case badShares(validation: Double, test: Double)
  /// A row lacks what it is to be dealt by.
  case missingKey(DatasetSplit.Key, ExampleSource)
  /// There are too few rows, or groups, for a part to have one.
  case emptyPart(name: String, rows: Int, groups: Int)
}

extension DatasetSplitError: CustomStringConvertible {
  /// One sentence: what is wrong and what to do.
  public var description: String {
    switch self {
    case .badShares(let validation, let test):
      "--validation \(validation) and --test \(test): shares are at least 0 and together below 1"
    case .missingKey(.answer, let source):
      "\(source): the row has no answer to spread the rows by; name a key after --stratify"
    case .missingKey(.prompt, let source):
      "\(source): the row has no prompt to group the rows by; name another key after --group"
    case .missingKey(.key(let key), let source):
      "\(source): the key \(RowFault.list([key])) is missing; add it, or name another key"
    case .emptyPart(let name, let rows, let groups):
      "\(name) would have no row of \(rows) in \(groups) groups; raise its share, or add rows"
    }
  }
}
