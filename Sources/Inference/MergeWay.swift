public import Quantization

/// A way of storing base and adapter together as a quantised type.
public enum MergeWay: String, Sendable, CaseIterable {
  /// One file: the merged weights, quantised as any weights are.
  case plain
  /// One file: the merged weights, each block's scale fitted for the least squared error.
  case refit
  /// Two files: the base in the type, and the adapter beside it in f32.
  case apart

  /// The ways that differ for `type`.
  public static func all(for type: StorageType) -> [MergeWay] {
    allCases.filter { $0 != .refit || type.isFittable }
  }
}

/// What decides between the ways.
public enum MergePolicy: String, Sendable, CaseIterable {
  /// The one-file way of least divergence from base and adapter.
  case oneFile = "one-file"
  /// The way of least divergence, though it be two files.
  case closest
  /// Plain quantisation; nothing else is tried.
  case plain
  /// Fitted scales; nothing else is tried.
  case refit
  /// The adapter kept apart; nothing else is tried.
  case apart

  /// The ways to be tried.
  public func ways(for type: StorageType) -> [MergeWay] {
    switch self {
    case .oneFile, .closest: MergeWay.all(for: type)
    case .plain: [.plain]
    case .refit: [.refit]
    case .apart: [.apart]
    }
  }

  /// The index of the way to be taken, nil where there is none; of equals the smallest, then the first.
  ///
  /// - Parameter trials: each way with its divergence in nats, which may be NaN, and its size in bytes.
  public func choice(
    among trials: [(way: MergeWay, divergence: Double, byteCount: Int)]
  ) -> Int? {
    let eligible = trials.indices.filter { self != .oneFile || trials[$0].way != .apart }
    return eligible.min {
      let (a, b) = (trials[$0], trials[$1])
      let (x, y) = (
        a.divergence.isNaN ? .infinity : a.divergence, b.divergence.isNaN ? .infinity : b.divergence
      )
      return (x, a.byteCount, $0) < (y, b.byteCount, $1)
    }
  }
}
