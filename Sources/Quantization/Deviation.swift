internal import CMicroKernels
internal import Kernels

/// How far stored numbers are from those they were made of.
public struct Deviation: Sendable, Equatable {
  /// How many numbers were compared.
  public private(set) var count = 0
  /// Largest |stored - given|; NaN once a number is stored as none.
  public private(set) var worst = 0.0
  private var sum = 0.0
  private var squares = 0.0
  private var givenSquares = 0.0

  /// Of no numbers yet.
  public init() {}

  /// Mean of |stored - given|.
  public var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// ‖stored - given‖ / ‖given‖, Euclidean norms; 0 where nothing differs.
  public var relative: Double { squares == 0 ? 0 : (squares / givenSquares).squareRoot() }

  /// Whether every number was stored as a number.
  public var isFinite: Bool { worst.isFinite }

  /// Adds numbers.
  public mutating func add(
    stored: UnsafePointer<Float>, given: UnsafePointer<Float>, count: Int
  ) {
    for i in 0..<count {
      let difference = (Double(stored[i]) - Double(given[i])).magnitude
      sum += difference
      squares += difference * difference
      givenSquares += Double(given[i]) * Double(given[i])
      widen(to: difference)
    }
    self.count += count
  }

  /// Adds what another has seen.
  public mutating func add(_ other: Deviation) {
    count += other.count
    widen(to: other.worst)
    sum += other.sum
    squares += other.squares
    givenSquares += other.givenSquares
  }

  /// NaN is larger than any number, and stays.
  private mutating func widen(to difference: Double) {
    if difference > worst || difference.isNaN { worst = difference }
  }
}

extension StorageType {
  /// `quantize(_:count:into:fitting:)` by all threads, with the same bytes.
  ///
  /// - Parameters:
  ///   - deviation: added to; nil where it is not to be known.
  public func quantize(
    _ source: UnsafePointer<Float>, count: Int, into bytes: UnsafeMutableRawPointer,
    fitting: ScaleFitting = .plain, deviation: inout Deviation?
  ) {
    let share = 1 << 14
    let tasks = count.dividedRoundingUp(by: share)
    let measures = deviation != nil
    withUnsafeTemporaryAllocation(of: Deviation.self, capacity: max(1, tasks)) {
      nonisolated(unsafe) let parts = $0
      parts.initialize(repeating: Deviation())
      defer { parts.deinitialize() }
      nonisolated(unsafe) let (source, bytes) = (source, bytes)
      Parallel.run(tasks, scratchCount: share) { task, scratch in
        // The reference computes with denormal numbers, and a block of small ones has other codes without.
        lk_restore_denormals(0)
        defer { _ = lk_flush_denormals() }
        let first = task * share
        let count = min(share, count - first)
        let target = bytes + first / blockElements * blockBytes
        quantize(source + first, count: count, into: target, fitting: fitting)
        guard measures else { return }
        dequantize(target, count: count, into: scratch)
        parts[task].add(stored: scratch, given: source + first, count: count)
      }
      // In order, so that the sums do not depend on who made them.
      for part in parts[..<tasks] { deviation?.add(part) }
    }
  }
}
