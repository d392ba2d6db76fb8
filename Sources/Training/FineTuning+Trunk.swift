internal import CausalLM
internal import Configuration
internal import Datasets
internal import Kernels
internal import LoRA

extension FineTuning {
  /// Whether keeping activations below the adapters saves enough to be worth the disk.
  ///
  /// They must be read again, which takes more than an epoch, and be at least a quarter of all blocks.
  /// With noise on the embeddings they are others in every step.
  var paysToKeepTrunk: Bool {
    configuration.embeddingNoise == nil && model.trunkBlockCount > 0
      && model.trunkBlockCount < model.configuration.layerCount
      && model.trunkBlockCount * 4 >= model.configuration.layerCount
      && totalSteps > plan.windowsPerEpoch
  }

  /// The source of activations of the training examples, if any are kept.
  var trainingTrunk: (any TrunkSource)? {
    trunkCache.map { TrunkCache.Section(cache: $0, first: 0) }
  }

  /// The source of activations of the validation examples, if any are kept.
  var validationTrunk: (any TrunkSource)? {
    guard configuration.evalStrategy != .no else { return nil }
    return trunkCache.map { TrunkCache.Section(cache: $0, first: examples.count) }
  }

  /// Opens the cache where one is wanted and pays.
  ///
  /// - Returns: what the listener is to hear; nil where no cache is used.
  func openTrunkCache() -> TrainingEvent? {
    guard configuration.trunkCache == .auto, let place = trunkCachePlace, paysToKeepTrunk else {
      return nil
    }
    do throws(TrunkCache.Failure) {
      let cache = try TrunkCache(
        place, model: model,
        sets: [examples, configuration.evalStrategy == .no ? [] : validation],
        reserve: checkpointBytes, freeBytes: freeBytes)
      if let kept = cache.firstKept(), !isAsComputed(kept, in: cache) { try cache.forget() }
      trunkCache = cache
      return .trunkCache(
        path: place.path, bytes: cache.byteCount, blocks: model.trunkBlockCount,
        examplesKept: cache.keptCount)
    } catch {
      return .trunkCacheUnused(error)
    }
  }

  /// Lets go of a cache that has failed.
  ///
  /// - Returns: what the listener is to hear; nil where nothing has failed.
  func dropFailedTrunkCache() -> TrainingEvent? {
    guard let failure = trunkCache?.failure else { return nil }
    trunkCache = nil
    return .trunkCacheUnused(failure)
  }

  /// Lets go of the cache, and removes it where no resume can follow.
  func closeTrunkCache(isFinished: Bool) {
    trunkCache = nil
    if isFinished, let trunkCachePlace { TrunkCache.remove(trunkCachePlace.path) }
  }

  /// Bytes that checkpoints may take while the cache exists: adapter, both moments and the best adapter, for each.
  private var checkpointBytes: Int {
    let written =
      switch configuration.saveStrategy {
      case .no: 1
      case .steps: totalSteps / max(1, configuration.saveSteps) + 1
      case .epoch: totalSteps / plan.windowsPerEpoch + 1
      }
    // Beside those that stay there is the best one, and for a moment the one that is to go.
    let count = min(written, configuration.saveTotalLimit.map { $0 + 2 } ?? written)
    return adapter.parameters.count * 4 * 4 * count
  }

  /// Whether an example that was kept is what this program computes for it now.
  ///
  /// The file names what it is of. This is for what it cannot name: another version of this program.
  private func isAsComputed(_ record: Int, in cache: TrunkCache) -> Bool {
    let isTraining = record < examples.count
    let (set, index) =
      isTraining ? (examples, record) : (validation, record - examples.count)
    let comparison = TrunkComparison(
      section: TrunkCache.Section(cache: cache, first: isTraining ? 0 : examples.count),
      buffer: FloatBuffer(count: set[index].tokens.count * model.configuration.hiddenSize))
    let batch = MicroBatch(set, indices: [index])
    if isTraining {
      _ = model.loss(batch, trunk: comparison)
    } else {
      _ = model.inF32 { model.loss(batch, trunk: comparison) }
    }
    return comparison.isEqual
  }
}

/// Has activations computed, and compares them with those that are kept.
private final class TrunkComparison: TrunkSource {
  private let section: TrunkCache.Section
  private let buffer: FloatBuffer
  private(set) var isEqual = false

  init(section: TrunkCache.Section, buffer: FloatBuffer) {
    self.section = section
    self.buffer = buffer
  }

  func fill(_ rows: Matrix, of batch: MicroBatch) -> Bool { false }

  func keep(_ rows: Matrix, of batch: MicroBatch) {
    let kept = buffer.matrix(rows: rows.rows, columns: rows.columns)
    isEqual =
      section.fill(kept, of: batch)
      && (0..<rows.rows * rows.columns).allSatisfy {
        kept.base[$0].bitPattern == rows.base[$0].bitPattern
      }
  }
}
