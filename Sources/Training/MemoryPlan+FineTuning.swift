internal import CausalLM
internal import Configuration
internal import Datasets
internal import Kernels

extension MemoryPlan {
  /// Tokens that may be run at once; a longer row stands alone.
  static let tokensAtOnce = [256, 512, 1_024, 2_048]

  /// Tokens of micro-batches that are cut on trial before the rest of a long run is estimated from them.
  private static let trialTokens = 4_000_000

  /// The plan of a run: a function of configuration, data, model and number of threads alone.
  ///
  /// - Parameters:
  ///   - measured: the examples of validation and retention.
  ///   - plan: the order of examples.
  ///   - cachedTokens: tokens whose keys and values are kept while answers are generated for the report.
  ///   - tokensAtOnce: the cuts to choose from.
  ///   - storages: how activations may be kept.
  /// - Throws: `TrainingError.exceedsMemory` where nothing fits `configuration.maxMemory`.
  static func of(
    _ configuration: RunConfiguration.Training, model: CausalLM, examples: [TokenizedExample],
    measured: [TokenizedExample], plan: BatchPlan, totalSteps: Int, cachedTokens: Int = 0,
    tokensAtOnce: [Int] = MemoryPlan.tokensAtOnce,
    storages: [ActivationPlan.Storage] = ActivationPlan.Storage.allCases
  ) throws(TrainingError) -> MemoryPlan {
    let longest = (examples + measured).map(\.tokens.count).max() ?? 0
    let validates = !measured.isEmpty && configuration.evalStrategy != .no
    // Parameters, gradients, moments; the best so far; what has not forgotten.
    let copies = 4 + (validates ? 1 : 0) + (configuration.maxForgetting != nil ? 1 : 0)
    let workload = Workload(
      cuts: tokensAtOnce.map {
        cut(
          $0, examples, sharesPrefixes: configuration.embeddingNoise == nil,
          validation: validates ? measured : [], plan: plan, totalSteps: totalSteps)
      }, longestRow: longest, adapterCopies: copies,
      // Answers are generated in f32, as validation is computed.
      validates: validates || cachedTokens > 0,
      // An id and a weight a token; arrays and the row's place a row.
      dataBytes: (examples + measured).reduce(0) { $0 + 8 * $1.tokens.count + 192 },
      cachedTokens: cachedTokens, threads: Parallel.threads)
    guard
      let plan = fastest(model, workload, storages: storages, limit: configuration.maxMemory)
    else {
      throw .exceedsMemory(
        limit: configuration.maxMemory ?? 0, smallest: smallest(model, workload))
    }
    return plan
  }

  /// Tries a cut on the micro-batches of a run.
  private static func cut(
    _ tokensAtOnce: Int, _ examples: [TokenizedExample], sharesPrefixes: Bool,
    validation: [TokenizedExample],
    plan: BatchPlan, totalSteps: Int
  ) -> Cut {
    let validationParts = FineTuning.measuredParts(
      Array(validation.indices), of: validation, tokensAtOnce: tokensAtOnce)
    var largest = validationParts.map(\.tokens).max() ?? 0
    var supervised = validationParts.map(\.supervised).max() ?? 0
    var (computed, tried) = (0, 0)
    var isWhole = true
    trial: for epoch in 0...max(0, totalSteps - 1) / plan.windowsPerEpoch {
      let steps = min(plan.windowsPerEpoch, totalSteps - epoch * plan.windowsPerEpoch)
      for batch in plan.windows(epoch: epoch).prefix(steps).flatMap(\.microBatches) {
        if tried > trialTokens {
          isWhole = false
          break trial
        }
        tried += batch.reduce(0) { $0 + examples[$1].tokens.count }
        for part in FineTuning.measuredParts(
          batch, of: examples, tokensAtOnce: tokensAtOnce, sharesPrefixes: sharesPrefixes)
        {
          largest = max(largest, part.tokens)
          supervised = max(supervised, part.supervised)
          computed += part.tokens
        }
      }
    }
    if !isWhole {
      // Micro-batches that were not tried are no larger than the longest rows together.
      let rows = examples.map(\.tokens.count).sorted(by: >)
      let bound = min(tokensAtOnce, rows.prefix(plan.batchSize).reduce(0, +))
      largest = max(largest, bound, rows.first ?? 0)
      supervised = largest
    }
    return Cut(
      tokensAtOnce: tokensAtOnce, largestPart: largest, mostSupervised: supervised,
      computedTokens: computed)
  }
}
