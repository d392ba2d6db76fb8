internal import Kernels
internal import LoRA
internal import ModelFiles
internal import Quantization

/// What a training run holds in memory, part by part, and the choices that decide how much.
///
/// Sizes are of memory that stays resident: buffers, and the pages of a mapped file that steps read.
///
/// Of the plans that a limit allows the fastest is taken. The model of time is relative, per step:
///
///     time = tokens · (1 + 25 / min(part, 1024)) · (1 + 0.35 · forgotten + rounding) + small terms for short logits
///
/// `tokens` are those computed after sharing, which a larger part has fewer of; `part` is the largest part of a
/// micro-batch that is run at once, over which the unpacking of weights is spread. `forgotten` is the share of the
/// blocks that run forward twice, and rounding costs 0.02 of the rounded share, and 0.05 once, so that numbers that are
/// exact are given up for a gain only. Neither kept nor forgotten blocks nor rows of logits change any number; the size
/// of a part changes the order of sums, and rounding changes gradients.
public struct MemoryPlan: Sendable, Equatable {
  /// Something that takes memory.
  public struct Part: Sendable, Equatable {
    /// What it is.
    public let name: String
    /// How much it takes.
    public let bytes: Int
    /// What would make it smaller, beside the choices of a plan; nil where nothing would.
    public let remedy: String?

    init(_ name: String, _ bytes: Int, remedy: String? = nil) {
      self.name = name
      self.bytes = bytes
      self.remedy = remedy
    }
  }

  /// How the micro-batches of a run fall into parts that are run at once.
  public struct Cut: Sendable, Equatable {
    /// Most tokens of a part that has several rows.
    public let tokensAtOnce: Int
    /// Tokens of the largest part, of training or validation.
    public let largestPart: Int
    /// Most supervised tokens of a part: the rows of logits that it needs.
    public let mostSupervised: Int
    /// Tokens that training computes, in all or in a sample that is the same for every cut.
    public let computedTokens: Int

    /// Describes a cut.
    public init(tokensAtOnce: Int, largestPart: Int, mostSupervised: Int, computedTokens: Int) {
      self.tokensAtOnce = tokensAtOnce
      self.largestPart = largestPart
      self.mostSupervised = mostSupervised
      self.computedTokens = computedTokens
    }
  }

  /// What a run needs whatever is chosen.
  public struct Workload: Sendable, Equatable {
    /// The cuts to choose from, at least one.
    public var cuts: [Cut]
    /// Tokens of the longest row.
    public var longestRow: Int
    /// Arrays of the adapter's size: parameters, gradients, moments, and the best so far where there is validation.
    public var adapterCopies: Int
    /// Whether there is validation, which is in f32 and so reads the weights as they are stored.
    public var validates: Bool
    /// Bytes of the tokenised examples.
    public var dataBytes: Int
    /// Tokens whose keys and values are kept while answers are generated for the report.
    public var cachedTokens: Int
    /// Threads, each of which has scratch memory.
    public var threads: Int

    /// Describes a run.
    public init(
      cuts: [Cut], longestRow: Int, adapterCopies: Int, validates: Bool = false, dataBytes: Int,
      cachedTokens: Int = 0, threads: Int
    ) {
      precondition(!cuts.isEmpty, "there is a way to cut micro-batches")
      self.cuts = cuts
      self.longestRow = longestRow
      self.adapterCopies = adapterCopies
      self.validates = validates
      self.dataBytes = dataBytes
      self.cachedTokens = cachedTokens
      self.threads = threads
    }
  }

  /// How micro-batches are cut.
  public let cut: Cut
  /// How activations are kept.
  public let activations: ActivationPlan
  /// Blocks before the last that get a gradient; `activations` keeps some of them.
  public let blocks: Int
  /// Everything, by part.
  public let parts: [Part]

  /// Bytes of all parts.
  public var totalBytes: Int { parts.reduce(0) { $0 + $1.bytes } }

  /// Blocks that run forward twice.
  public var repeatedBlocks: Int { blocks - min(blocks, activations.keptBlocks) }

  /// The time of a step, in units that only plans for one run share.
  public var relativeTime: Double {
    let share = 1 / Double(blocks + 1)
    let isRounded = activations.storage == .bf16
    let kept = Double(blocks - repeatedBlocks)
    let part = Double(min(max(1, cut.largestPart), 1_024))
    return Double(cut.computedTokens) * (1 + 25 / part)
      * (1 + 0.35 * Double(repeatedBlocks) * share + (isRounded ? 0.05 + 0.02 * kept * share : 0)
        + (activations.logitRows < cut.mostSupervised ? 0.5 / Double(activations.logitRows) : 0))
  }

  /// The choices in words, such as "512 tokens at once, activations of 29 of 29 blocks kept in f32".
  public var choices: String {
    let kept = blocks - repeatedBlocks
    let activations =
      kept == blocks
      ? "activations kept in \(activations.storage.rawValue)"
      : kept == 0
        ? "activations computed again"
        : "activations of \(kept) of \(blocks) blocks kept in \(activations.storage.rawValue), the rest computed again"
    return "\(cut.tokensAtOnce) tokens at once, \(activations)"
  }

  /// The fastest plan within `limit` bytes.
  ///
  /// Without a limit everything is kept in f32 and 512 tokens are run at once, or more where that saves a tenth of the
  /// time.
  ///
  /// - Parameters:
  ///   - storages: how activations may be kept.
  ///   - limit: bytes for the whole process, or nil.
  /// - Returns: nil where no plan is within the limit.
  public static func fastest(
    _ model: CausalLM, _ workload: Workload,
    storages: [ActivationPlan.Storage] = ActivationPlan.Storage.allCases, limit: Int?
  ) -> MemoryPlan? {
    guard let limit else {
      let plans = workload.cuts.map {
        MemoryPlan(
          model, workload, $0,
          ActivationPlan(storage: storages.contains(.f32) ? .f32 : storages[0]))
      }
      let best = plans.map(\.relativeTime).min() ?? 0
      return plans.filter {
        $0.relativeTime <= 1.1 * best
          && ($0.cut.tokensAtOnce >= 512 || $0.cut.tokensAtOnce == plans.last?.cut.tokensAtOnce)
      }.min { $0.totalBytes < $1.totalBytes }
    }
    var best: MemoryPlan?
    for cut in workload.cuts {
      for storage in storages {
        for rows in [512, 256, 128, 64] {
          let plans = (0...model.blocksBeforeLast).map {
            MemoryPlan(
              model, workload, cut,
              ActivationPlan(storage: storage, keptBlocks: $0, logitRows: rows))
          }
          guard let plan = plans.last(where: { $0.totalBytes <= limit }) else { continue }
          if plan.relativeTime < best?.relativeTime ?? .infinity { best = plan }
        }
      }
    }
    return best
  }

  /// The plan that takes least.
  public static func smallest(_ model: CausalLM, _ workload: Workload) -> MemoryPlan {
    let plans = workload.cuts.map {
      MemoryPlan(model, workload, $0, ActivationPlan(keptBlocks: 0, logitRows: 64))
    }
    guard let least = plans.min(by: { $0.totalBytes < $1.totalBytes }) else {
      preconditionFailure("a workload has a cut")
    }
    return least
  }

  /// Adds up what given choices take; `activations.tokens` is filled in, and rows of logits beyond the cut's are dropped.
  public init(
    _ model: CausalLM, _ workload: Workload, _ cut: Cut, _ activations: ActivationPlan
  ) {
    self.cut = cut
    var activations = activations
    activations.tokens = ActivationPlan.capacity(cut.largestPart)
    let c = model.configuration
    activations.logitRows = activations.headRows(
      tokens: cut.mostSupervised, vocabularySize: c.vocabularySize)
    self.activations = activations
    blocks = model.blocksBeforeLast
    let t = activations.tokens
    let store = ActivationStore.byteCounts(of: model, activations)
    let widestRank = model.largestRanks.max() ?? 0
    let widest = max(c.queryWidth, c.intermediateSize, c.hiddenSize)
    let scratch = max(
      CausalAttention.scratchCount(keys: workload.longestRow, headDimension: c.headDimension),
      WeightMatrix.scratchCount(length: widest, rank: widestRank))
    let attention = CausalAttention.byteCount(
      tokens: t, heads: c.headCount, keyValueHeads: c.keyValueHeadCount,
      headDimension: c.headDimension)
    let rotary = Rotations.byteCount(positions: workload.longestRow, c)
    parts = [
      // The program's own pages, its libraries and heap, and the tokenizer, measured with SmolLM2.
      Part("program and tokenizer", 31_000_000 + 256 * c.vocabularySize),
      Part("data set", workload.dataBytes),
      Part(
        "weights", model.residentWeightBytes(validates: workload.validates),
        remedy: model.isIn4Bit ? nil : "set model.load_in_4bit: true"),
      Part(
        "adapter and optimizer",
        (model.adapter?.parameters.count ?? 0) * 4 * workload.adapterCopies
          + model.adapterWorkspace.byteCount + (model.adapter?.magnitudeByteCount ?? 0)
          + model.magnitudeWorkspace.byteCount, remedy: "lower lora.r"),
      Part("activations", store.activations, remedy: "lower data.max_length"),
      Part("logits", store.logits),
      Part(
        "sample answers", workload.cachedTokens * c.layerCount * 2 * c.keyValueWidth * 4,
        remedy: workload.cachedTokens > 0 ? "set training.samples: 0" : nil),
      Part(
        "attention and products",
        attention + rotary + workload.threads * 4 * scratch
          + model.planeBytes(tokens: t, logitRows: min(t, activations.logitRows))),
    ]
  }
}

extension CausalLM {
  /// Whether the linear layers are in 4 bits already.
  fileprivate var isIn4Bit: Bool { layers.first?.query.weight.precision == "nf4" }

  /// Blocks before the last that get a gradient: those that a plan can keep or forget.
  var blocksBeforeLast: Int { max(0, layers.count - 1 - lowestAdaptedLayer) }

  /// Bytes of weights that are in memory while steps are taken, pages of a mapped file included.
  func residentWeightBytes(validates: Bool = false) -> Int {
    let linears = layers.flatMap(\.linears)
    let matrices = linears.map(\.weight) + [embedding] + (configuration.isTied ? [] : [head])
    let vectors =
      configuration.hiddenSize * (2 * layers.count + 1)
      + 2 * configuration.outputNormWidth * layers.count
      + linears.reduce(0) { $0 + ($1.bias?.count ?? 0) }
      + layers.reduce(0) { $0 + ($1.queryNorm?.count ?? 0) + ($1.keyNorm?.count ?? 0) }
    // Beside its numbers a matrix has the order of its rows, and in integer arithmetic a copy in 8 bits; embeddings
    // are still read then, and the pages of other mapped matrices by validation alone.
    return matrices.reduce(4 * vectors) { sum, matrix in
      let isRead =
        matrix.integer == nil || matrix === embedding || matrix.precision == "nf4" || validates
      return sum + (isRead ? matrix.byteCount : 0) + 4 * matrix.rows
        + (matrix.integer?.byteCount ?? 0)
    }
  }

  /// Bytes of activations that are quantised for products in integers.
  func planeBytes(tokens: Int, logitRows: Int) -> Int {
    guard let planes else { return 0 }
    let c = configuration
    let inputs = max(c.queryWidth, c.intermediateSize, c.hiddenSize)
    let gradients = max(c.queryWidth + 2 * c.keyValueWidth + 12, 2 * c.intermediateSize + 8)
    return max(
      planes.byteCount(rows: tokens, columns: max(inputs, gradients)),
      planes.byteCount(rows: logitRows, columns: c.vocabularySize + 4))
  }
}

extension ActivationStore {
  /// What the buffers of a recording store take, and apart from it those of the head.
  ///
  /// Written down once more rather than asked of a store, since a plan is made before there is memory for one.
  static func byteCounts(of model: CausalLM, _ plan: ActivationPlan)
    -> (activations: Int, logits: Int)
  {
    let c = model.configuration
    let t = plan.tokens
    let blocks = model.blocksBeforeLast
    let lowest = model.lowestAdaptedLayer
    let kept = min(plan.keptBlocks, blocks)
    let outputNorms = c.outputNormWidth
    let matrices =
      c.queryWidth + c.keyValueWidth + c.hiddenSize + 2 * c.intermediateSize + 2 * outputNorms
    // Queries, keys, and what has a number or two for each token and head.
    let headNorms = c.blocks.normalizesQueriesAndKeys ? c.headCount + c.keyValueHeadCount : 0
    let exact =
      c.queryWidth + c.keyValueWidth + c.headCount + 2 + headNorms + (outputNorms > 0 ? 2 : 0)
    let firstKept = c.layerCount - 1 - kept
    let ranks = (firstKept..<firstKept + kept).reduce(0) {
      $0 + model.layers[$1].groupRanks.reduce(0, +)
    }
    let streams = min(2, lowest) + c.layerCount - lowest + 1
    let widest = max(c.queryWidth, c.intermediateSize, c.hiddenSize)
    let drops = model.adapter.map { $0.dropout > 0 } ?? false
    let hasMagnitudes = model.adapter?.hasMagnitudes ?? false
    let floats =
      streams * c.hiddenSize + matrices + exact + model.largestRanks.reduce(0, +)
      + kept * (exact + (plan.storage == .f32 ? matrices : 0)) + ranks
      // Norm output, product, and gradients of what one block computes.
      + 6 * c.hiddenSize + 2 * c.intermediateSize + 2 * c.queryWidth + 2 * c.keyValueWidth
      + outputNorms
      // Queries and keys once more where they are normalised.
      + headNorms * c.headDimension
      + (drops ? widest : 0) + (hasMagnitudes ? widest : 0) + (model.largestRanks.max() ?? 0)
    let halves = plan.storage == .bf16 ? kept * matrices : 0
    // Two dropout keys of 8 bytes and two positions of 4.
    return (
      t * (4 * floats + 2 * halves + 24),
      4 * plan.headRows(tokens: t, vocabularySize: c.vocabularySize)
        * (c.vocabularySize + 2 * c.hiddenSize + 1)
    )
  }
}
