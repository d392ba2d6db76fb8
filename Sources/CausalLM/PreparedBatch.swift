public import Datasets
internal import Kernels

/// What a pass runs on, worked out before it: tokens, who sees whom, and whose output is wanted.
struct PassInput {
  let tokens: [Int32]
  let segments: [Segment]
  /// The tokens whose output is wanted, ascending; nil for all.
  let selected: [Int]?
  /// Who sees whom, and the same for the last block, where only the selected tokens ask.
  let layout, lastLayout: AttentionLayout
  /// The longest chain of segments, in positions.
  let positions: Int

  /// - Parameters:
  ///   - rows: the tokens whose output is wanted, ascending; nil for all.
  ///   - cached: tokens read before that all segments continue.
  init(_ batch: TokenBatch, rows: [Int]? = nil, cached: Int = 0) {
    tokens = batch.tokens
    segments = batch.segments
    selected = rows.flatMap { $0.count < batch.tokens.count ? $0 : nil }
    layout = AttentionLayout(batch.segments, cached: cached)
    lastLayout =
      selected.map { AttentionLayout(batch.segments, queryRows: $0, cached: cached) } ?? layout
    positions = batch.segments.map { $0.positionOffset + $0.count }.max() ?? 0
  }
}

/// A micro-batch made ready for a pass: everything that has to be worked out or allocated, so that the pass allocates
/// nothing.
public final class PreparedBatch {
  /// The micro-batch.
  public let batch: MicroBatch
  let input: PassInput
  /// For each row with an output where its targets begin; then where the last's end.
  let firstTargets: UnsafeMutableBufferPointer<Int>
  /// The targets, row by row.
  let targets: UnsafeMutableBufferPointer<Int32>
  /// The factor of each target's loss, times the gradient's scale.
  let scales: UnsafeMutableBufferPointer<Float>
  /// What the pass finds for each target.
  let results: UnsafeMutableBufferPointer<CrossEntropy.RowResult>

  /// Works out what a pass over `batch` needs.
  public init(_ batch: MicroBatch) {
    self.batch = batch
    let predictions = batch.predictions
    targets = .allocate(capacity: predictions.count)
    scales = .allocate(capacity: predictions.count)
    results = .allocate(capacity: predictions.count)
    scales.initialize(repeating: 0)
    results.initialize(repeating: .init())
    var rows: [Int] = []
    var first: [Int] = []
    for (index, prediction) in predictions.enumerated() {
      targets.initializeElement(at: index, to: prediction.target)
      guard rows.last != prediction.row else { continue }
      rows.append(prediction.row)
      first.append(index)
    }
    first.append(predictions.count)
    firstTargets = .allocate(capacity: first.count)
    _ = firstTargets.initialize(from: first)
    input = PassInput(TokenBatch(batch), rows: rows)
  }

  deinit {
    firstTargets.deallocate()
    targets.deallocate()
    scales.deallocate()
    results.deallocate()
  }
}
