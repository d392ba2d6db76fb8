/// Token sequences as a tree of runs, in which a beginning that several of them share stands once.
///
/// What a causal model computes for a token depends on the tokens up to it and on nothing else, its dropout
/// mask included; so one pass over the tree gives what a pass over the sequences would. Sequences are
/// inserted one by one and the tree after each is a function of the sequences and their order alone, which
/// lets a caller stop when it has grown large enough.
///
/// A sequence follows the runs that it begins with. Where it leaves one in the middle, the run is cut in two
/// if it shares at least ``minimumSharedTokens`` of it, and else is left whole and the few tokens stand twice:
/// short runs make many small pieces of work in attention and save little everywhere else.
public struct PrefixTrie: Sendable {
  /// Fewest tokens for which a run is cut.
  public static let minimumSharedTokens = 16
  /// The share of all tokens that sharing must save to be worth a layout other than end to end: one in so many.
  static let leastSaving = 20

  /// A run of tokens that nothing branches off from but at its end.
  struct Run: Sendable {
    /// A sequence that has the run.
    var sequence: Int
    /// The run's positions in it.
    var range: Range<Int>
    var parent: Int?
    var children: [Int] = []
  }

  private(set) var sequences: [[Int32]] = []
  private(set) var runs: [Run] = []
  private(set) var roots: [Int] = []
  /// For each sequence the run with its last token.
  private(set) var lastRuns: [Int] = []
  private let isSharing: Bool

  /// Tokens of all sequences, each as often as it occurs.
  public private(set) var sequenceTokens = 0
  /// Tokens of all runs.
  public private(set) var runTokens = 0

  /// Makes a tree without sequences.
  ///
  /// - Parameter isSharing: if false, every sequence stands alone.
  public init(isSharing: Bool = true) { self.isSharing = isSharing }

  /// The number of sequences.
  public var count: Int { sequences.count }

  /// Whether at least one token in twenty is saved; below that the sequences are better laid end to end.
  public var paysOff: Bool { (sequenceTokens - runTokens) * Self.leastSaving >= sequenceTokens }

  /// The number of tokens in a ``TokenLayout`` of the sequences.
  public var layoutTokens: Int { paysOff ? runTokens : sequenceTokens }

  /// Adds a sequence.
  public mutating func insert(_ tokens: [Int32]) {
    let sequence = sequences.count
    sequences.append(tokens)
    sequenceTokens += tokens.count
    var parent: Int?
    var depth = 0
    while isSharing, let (run, shared) = bestMatch(under: parent, tokens, from: depth) {
      depth += shared
      guard shared < runs[run].range.count else {
        parent = run
        continue
      }
      parent = cut(run, after: shared)
      break
    }
    if let parent, depth == tokens.count {
      lastRuns.append(parent)
      return
    }
    let leaf = runs.count
    runs.append(Run(sequence: sequence, range: depth..<tokens.count, parent: parent))
    if let parent { runs[parent].children.append(leaf) } else { roots.append(leaf) }
    runTokens += tokens.count - depth
    lastRuns.append(leaf)
  }

  /// The run under `parent` of which `tokens` share most from `depth` on, if that is all of it or enough to cut it.
  ///
  /// Several runs under one parent may begin alike, by fewer tokens than a run is cut for.
  private func bestMatch(under parent: Int?, _ tokens: [Int32], from depth: Int)
    -> (run: Int, shared: Int)?
  {
    var best: (run: Int, shared: Int)?
    for run in parent.map({ runs[$0].children }) ?? roots {
      let range = runs[run].range
      let other = sequences[runs[run].sequence]
      let limit = min(range.count, tokens.count - depth)
      var shared = 0
      while shared < limit, other[range.lowerBound + shared] == tokens[depth + shared] {
        shared += 1
      }
      guard shared == range.count || shared >= Self.minimumSharedTokens else { continue }
      if shared > best?.shared ?? 0 { best = (run, shared) }
    }
    return best
  }

  /// Cuts a run in two; it stays the lower part, so that sequences still end where they did.
  ///
  /// - Returns: the upper part, of `count` tokens.
  private mutating func cut(_ run: Int, after count: Int) -> Int {
    let upper = runs.count
    let start = runs[run].range.lowerBound
    let parent = runs[run].parent
    runs.append(
      Run(
        sequence: runs[run].sequence, range: start..<start + count, parent: parent, children: [run])
    )
    runs[run].range = start + count..<runs[run].range.upperBound
    runs[run].parent = upper
    if let parent {
      runs[parent].children = runs[parent].children.map { $0 == run ? upper : $0 }
    } else {
      roots = roots.map { $0 == run ? upper : $0 }
    }
    return upper
  }
}
