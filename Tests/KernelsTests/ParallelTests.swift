import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Kernels

@Suite("Parallel", .serialized) struct ParallelTests {
  /// Times each task was run; each task writes only its own element.
  static func visits(_ tasks: Int) -> [Float] {
    let visits = FloatBuffer(count: max(1, tasks))
    Parallel.run(tasks) { task, _ in visits.base[task] += 1 }
    return Array(visits.array.prefix(tasks))
  }

  @Test("runs every task exactly once", arguments: [1, 2, 3, 5], [0, 1, 2, 3, 7, 64, 1_000])
  func everyTaskOnce(_ threads: Int, _ tasks: Int) {
    ThreadCounts.with(threads) {
      for _ in 0..<20 {
        #expect(Self.visits(tasks) == [Float](repeating: 1, count: max(0, tasks)))
      }
    }
  }

  @Test("a negative number of tasks is none")
  func noTasks() { Parallel.run(-3) { _, _ in Issue.record("ran a task") } }

  @Test("workers are numbered below the number of threads", arguments: [1, 2, 3])
  func workers(_ threads: Int) {
    ThreadCounts.with(threads) {
      #expect(Parallel.threads == threads)
      let highest = Atomic(0)
      Parallel.run(500) { _, worker in
        var seen = highest.load(ordering: .relaxed)
        while worker > seen {
          (_, seen) = highest.compareExchange(
            expected: seen, desired: worker, ordering: .relaxed)
        }
      }
      #expect(highest.load(ordering: .relaxed) < threads)
    }
  }

  @Test("grows and shrinks between jobs without losing a task")
  func resizing() {
    ThreadCounts.with(2) {
      for threads in [3, 1, 4, 2, 1, 5, 3] {
        Parallel.threads = threads
        #expect(Parallel.threads == threads)
        #expect(Self.visits(97) == [Float](repeating: 1, count: 97))
      }
      Parallel.threads = 0
      #expect(Parallel.threads == 1)
    }
  }

  @Test(
    "blocks of rows cover all rows once, at borders that do not depend on the threads",
    arguments: [(0, 16), (1, 16), (16, 16), (17, 16), (33, 5)])
  func rows(_ shape: (rows: Int, block: Int)) {
    for threads in [1, 3] {
      ThreadCounts.with(threads) {
        let visits = FloatBuffer(count: max(1, shape.rows))
        Parallel.rows(shape.rows, block: shape.block) { rows, _ in
          #expect(rows.lowerBound % shape.block == 0)
          #expect(rows.count == shape.block || rows.upperBound == shape.rows)
          for row in rows { visits.base[row] += 1 }
        }
        #expect(visits.array.prefix(shape.rows).allSatisfy { $0 == 1 })
      }
    }
  }

  /// Waits, at most some seconds, until `count` threads have come here.
  static func meet(_ present: borrowing Atomic<Int>, _ count: Int) -> Bool {
    present.add(1, ordering: .acquiringAndReleasing)
    let deadline = ContinuousClock.now + .seconds(20)
    while present.load(ordering: .acquiring) < count {
      if ContinuousClock.now > deadline { return false }
      sched_yield()
    }
    return true
  }

  @Test("as many tasks run side by side as there are threads", arguments: [1, 2, 3, 5])
  func sideBySide(_ threads: Int) {
    ThreadCounts.with(threads) {
      let present = Atomic(0)
      let met = Atomic(0)
      Parallel.run(threads) { _, _ in
        if Self.meet(present, threads) { met.add(1, ordering: .relaxed) }
      }
      #expect(met.load(ordering: .relaxed) == threads)
    }
  }

  @Test("each task has scratch memory to itself while it runs", arguments: [1, 2, 3])
  func scratch(_ threads: Int) {
    ThreadCounts.with(threads) {
      for count in [1, 1_000, 100, 5_000] {
        let written = Atomic(0)
        let read = Atomic(0)
        let spoiled = Atomic(0)
        Parallel.run(threads, scratchCount: count) { task, scratch in
          scratch.update(repeating: Float(task), count: count)
          guard Self.meet(written, threads) else { return }
          let mine = UnsafeBufferPointer(start: scratch, count: count)
          if mine.contains(where: { $0 != Float(task) }) { spoiled.add(1, ordering: .relaxed) }
          read.add(1, ordering: .relaxed)
        }
        #expect(read.load(ordering: .relaxed) == threads)
        #expect(spoiled.load(ordering: .relaxed) == 0)
      }
    }
  }

  @Test("tasks see denormal numbers as zero, and the caller as before", arguments: [1, 3])
  func denormals(_ threads: Int) {
    func half(_ value: Float) -> Float { value / 2 }
    ThreadCounts.with(threads) {
      let halves = FloatBuffer([1, 1, 1, 1])
      Parallel.run(4) { task, _ in halves.base[task] = half(.leastNormalMagnitude) }
      #expect(halves.array.map(\.bitPattern) == [0, 0, 0, 0])
      #expect(half(.leastNormalMagnitude).bitPattern == 0x0040_0000)
      Parallel.run(4, scratchCount: 1) { _, _ in }
      #expect(half(.leastNormalMagnitude).bitPattern == 0x0040_0000)
    }
  }

  @Test("callers on several threads take turns")
  func severalCallers() async {
    let wrong = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<25).count { _ in Self.visits(50) != [Float](repeating: 1, count: 50) }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }

  @Test("finds at least one core and at most as many as the machine has")
  func cores() {
    #expect((1...ProcessInfo.processInfo.processorCount).contains(Parallel.availableCores))
  }
}
