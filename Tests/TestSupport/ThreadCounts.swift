import Foundation
import Kernels
public import Testing

/// The number of threads is one setting of the whole process, and tests run side by side: whoever changes it
/// does so here, one at a time.
public enum ThreadCounts {
  private static let turn = NSLock()

  /// Runs `body` with `count` threads, then sets the number back.
  public static func with<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
    turn.lock()
    let before = Parallel.threads
    Parallel.threads = count
    defer {
      Parallel.threads = before
      turn.unlock()
    }
    return try body()
  }
}

/// Fails unless `body` gives the same bits with 1, 2 and 3 threads.
///
/// Several times with each: a thread that slept may come too late for the first small job.
public func expectSameBitsOnAnyThreads(
  _ label: String = "", sourceLocation: SourceLocation = #_sourceLocation, _ body: () -> [Float]
) {
  let alone = ThreadCounts.with(1, body)
  for count in 2...3 {
    for result in ThreadCounts.with(count, { (0..<3).map { _ in body() } }) {
      expectSameBits(
        result, alone, "\(label) with \(count) threads:", sourceLocation: sourceLocation)
    }
  }
}
