import Datasets
import Kernels

/// Rows of token ids to train on, the same for every tool: the work does not depend on what the ids say.
///
/// Deterministic, so that two processes time the same rows.
enum Workload: String, CaseIterable {
  /// 4 × 512 tokens a step, all supervised.
  case full
  /// 16 chat rows of about 52 tokens a step, the last few of each supervised: the shape of Banking77.
  case chat
  /// 16 messages of 20 tokens after one instruction of 300, the last six of each supervised.
  case prefix

  /// Rows a step.
  var rowsPerStep: Int { self == .full ? 4 : 16 }

  /// The adapted layers.
  var targets: [String] {
    let attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    return self == .full ? attention : attention + ["gate_proj", "up_proj", "down_proj"]
  }

  /// `steps` steps of rows.
  func rows(steps: Int, vocabulary: Int) -> [TokenizedExample] {
    let random = CounterRandom(seed: 1, purpose: "benchmark \(rawValue)")
    var drawn: UInt64 = 0
    func draw(below bound: Int) -> Int {
      drawn += 1
      return random.integer(below: bound, drawn)
    }
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(draw(below: vocabulary)) }
    }
    let instruction = tokens(300)
    return (0..<steps * rowsPerStep).map { index in
      let (ids, supervised): ([Int32], Int)
      switch self {
      case .full: (ids, supervised) = (tokens(512), 512)
      case .chat: (ids, supervised) = (tokens(40 + draw(below: 25)), 8)
      case .prefix: (ids, supervised) = (instruction + tokens(20), 6)
      }
      return TokenizedExample(
        tokens: ids,
        lossWeights: ids.indices.map { $0 >= ids.count - supervised ? 1 : 0 },
        source: ExampleSource(path: rawValue, line: index + 1))
    }
  }
}
