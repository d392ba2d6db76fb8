/// A stage of work that somebody may have to wait for: loading, quantising, hashing, evaluating, writing.
///
/// Nothing is seen of a stage that is over at once, nor with `--quiet` or `--json`. On a terminal its line is gone when
/// the stage is; elsewhere a long stage leaves a line now and then.
struct Stage {
  /// What is counted.
  enum Unit {
    /// Things of a name, such as `rows`.
    case things(String)
    /// Bytes, shown as decimal megabytes, or as kilobytes where there are few.
    case bytes
  }

  /// What is done.
  let name: String
  /// What is counted.
  let unit: Unit

  /// Seconds until a terminal shows a stage.
  static let delayOnTerminal = Duration.milliseconds(300)
  /// Seconds until a stage is worth a line of a file.
  static let delayElsewhere = Duration.seconds(10)
  /// Seconds from which on the rest is worth an estimate.
  private static let leastSeconds = 1.0

  /// The line of a stage that has done so much of its work in so many seconds.
  func line(done: Int, of total: Int, seconds: Double) -> ProgressLine {
    var line = ProgressLine()
    line.add(name, importance: 0)
    switch unit {
    case .things(let things): line.add("\(done)/\(total) \(things)", importance: 1)
    case .bytes:
      let (size, name) = total < 10_000_000 ? (1_000, "kB") : (1_000_000, "MB")
      line.add("\(done / size)/\((total + size - 1) / size) \(name)", importance: 1)
    }
    guard total > 0 else { return line }
    let share = min(1, Double(done) / Double(total))
    line.add("\(Int(100 * share)) %", importance: 3)
    if seconds >= Self.leastSeconds, done > 0, done < total {
      line.add("left \(Format.duration(seconds * (1 - share) / share))", importance: 2)
    }
    return line
  }
}

extension Console {
  /// Does a stage of work, which says how far it is as it goes on.
  func stage<Result>(
    _ name: String, in unit: Stage.Unit,
    _ work: (_ progress: (_ done: Int, _ of: Int) -> Void) throws -> Result
  ) rethrows -> Result {
    guard !isQuiet, !isJSON else { return try work { _, _ in } }
    let stage = Stage(name: name, unit: unit)
    let delay = hasTerminal ? Stage.delayOnTerminal : Stage.delayElsewhere
    let began = ContinuousClock.now
    defer { if hasTerminal { clearProgress() } }
    return try work { done, total in
      let elapsed = ContinuousClock.now - began
      guard elapsed >= delay else { return }
      progress(stage.line(done: done, of: total, seconds: elapsed / .seconds(1)))
    }
  }
}
