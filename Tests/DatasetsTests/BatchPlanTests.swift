import Testing

@testable import Datasets

@Suite("BatchPlan") struct BatchPlanTests {
  @Test(
    "takes every example once an epoch, in windows of full size but the last",
    arguments: [(1, 1, 1), (7, 2, 2), (8, 2, 2), (13, 3, 4), (5, 8, 4), (600, 4, 4)])
  func takesEveryExampleOnce(_ count: Int, _ batchSize: Int, _ accumulationSteps: Int) {
    let plan = BatchPlan(
      exampleCount: count, batchSize: batchSize, accumulationSteps: accumulationSteps,
      shuffleSeed: 42)
    for epoch in 0..<3 {
      let windows = plan.windows(epoch: epoch)
      #expect(windows.count == plan.windowsPerEpoch)
      #expect(windows.flatMap { $0.microBatches.flatMap { $0 } }.sorted() == Array(0..<count))
      for window in windows.dropLast() {
        #expect(
          window.microBatches.map(\.count) == Array(repeating: batchSize, count: accumulationSteps))
      }
      let full = (windows.count - 1) * batchSize * accumulationSteps
      #expect(windows.last?.exampleCount == count - full)
    }
  }

  @Test("keeps the order of the files unless shuffled")
  func keepsTheOrder() {
    let plan = BatchPlan(exampleCount: 5, batchSize: 2, accumulationSteps: 2)
    #expect(plan.windows(epoch: 9).map(\.microBatches) == [[[0, 1], [2, 3]], [[4]]])
  }

  @Test("gives each epoch and seed an order of its own, whatever was asked before")
  func ordersDiffer() {
    let plan = BatchPlan(exampleCount: 100, batchSize: 4, shuffleSeed: 42)
    let second = plan.order(epoch: 1)
    #expect(plan.order(epoch: 0) != second)
    #expect(plan.order(epoch: 1) == second)
    #expect(BatchPlan(exampleCount: 100, batchSize: 4, shuffleSeed: 43).order(epoch: 1) != second)
  }

  @Test("does not depend on how the examples are batched")
  func orderIgnoresBatching() {
    let narrow = BatchPlan(exampleCount: 31, batchSize: 1, accumulationSteps: 8, shuffleSeed: 7)
    let wide = BatchPlan(exampleCount: 31, batchSize: 8, accumulationSteps: 1, shuffleSeed: 7)
    #expect(
      narrow.windows(epoch: 2).map { $0.microBatches.flatMap { $0 } }
        == wide.windows(epoch: 2).map { $0.microBatches.flatMap { $0 } })
  }

  @Test("draws the order it has always drawn, so that old runs can be resumed")
  func orderIsStable() {
    let plan = BatchPlan(exampleCount: 10, batchSize: 1, shuffleSeed: 42)
    #expect(plan.order(epoch: 0) == [0, 7, 4, 8, 6, 3, 9, 5, 2, 1])
    #expect(plan.order(epoch: 1) == [9, 8, 5, 4, 0, 6, 3, 2, 7, 1])
  }

  @Test("puts every example at every place equally often")
  func ordersAreUniform() {
    var counts = [[Int]](repeating: [Int](repeating: 0, count: 5), count: 5)
    let plan = BatchPlan(exampleCount: 5, batchSize: 1, shuffleSeed: 1)
    for epoch in 0..<5000 {
      for (place, example) in plan.order(epoch: epoch).enumerated() { counts[place][example] += 1 }
    }
    // Expected 1000, standard deviation 28.
    #expect(counts.allSatisfy { $0.allSatisfy { abs($0 - 1000) < 150 } })
  }
}
