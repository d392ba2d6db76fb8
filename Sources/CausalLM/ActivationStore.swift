import Kernels
import LoRA
import ModelFiles

/// The buffers of a pass over at most `capacity` tokens.
///
/// A recording store keeps, for each block that gets a gradient, what its backward pass reads, as its plan says; the
/// others share the buffers of `working`, again and again, and so does a pass that records nothing, for which any store
/// will do. Norm outputs and the MLP's product are not kept: they are cheaper made again.
final class ActivationStore {
  /// What one layer's backward pass reads.
  struct Layer {
    let query, key, value, attention, middle, gate, up: FloatBuffer
    /// What `o_proj` and `down_proj` come to, where that is normalised.
    let attentionOutput, mlpOutput: FloatBuffer
    let logSumExp, inputRstd, middleRstd, attentionOutputRstd, mlpOutputRstd: FloatBuffer
    /// Of each head, where queries and keys are normalised; these are kept as they are before.
    let queryRstd, keyRstd: FloatBuffer
    /// `z = A x` of each group of linear layers, in the order of `DecoderLayer.groups`.
    let downs: [FloatBuffer]

    /// The matrices that may be kept rounded.
    ///
    /// Queries and keys are not among them: attention's weights are made again from their products, which are large, and
    /// from sums that were taken before rounding. Norms, sums and z are small.
    var roundable: [FloatBuffer] {
      [value, attention, middle, gate, up, attentionOutput, mlpOutput]
    }
  }

  /// Where a layer's numbers are when its backward pass begins.
  enum Presence {
    case inPlace, rounded, forgotten
  }

  let capacity: Int
  let plan: ActivationPlan
  /// Blocks whose numbers a recording pass leaves behind or makes again; none where nothing is recorded.
  let recorded: Range<Int>
  /// Buffers that every block without its own uses.
  let working: Layer
  /// Those of the blocks from `firstKept` to the one before the last; where they are kept rounded, the matrices that
  /// can be are those of `working`.
  private let kept: [Layer]
  private let rounded: [[BFloat16Buffer]]
  private let firstKept: Int
  private let streams: [FloatBuffer]
  private let sharedStreams: Int
  private let widths: [Int]
  let normed, product, gradProduct, gradStream, gradNormed, gradAttention, gradQuery, gradKey,
    gradValue: FloatBuffer
  /// ∂loss/∂(what attention or the MLP comes to), where that is normalised.
  let gradBranch: FloatBuffer
  /// Rows of the last block that the loss looks at, side by side.
  let selectedInput, selectedNormed, gradSelected: FloatBuffer
  /// Normalised and rotated queries and keys, which are cheaper made again than kept.
  let finalQuery, finalKey: FloatBuffer
  let linearScratch, upScratch: FloatBuffer
  /// A layer's output before its magnitudes, which are cheaper made again than kept.
  let magnitudeScratch: FloatBuffer
  let headNormed, headGrad, headRstd, logits: FloatBuffer
  let dropoutKeys, selectedDropoutKeys: UnsafeMutableBufferPointer<UInt64>
  let positions, selectedPositions: UnsafeMutableBufferPointer<Int32>
  let headRows: Int

  /// Bytes of all buffers.
  let byteCount: Int

  init(model: CausalLM, plan: ActivationPlan, isRecording: Bool) {
    let c = model.configuration
    let t = plan.tokens
    capacity = t
    self.plan = plan
    var bytes = 0
    func buffer(_ width: Int, rows: Int = t, if isNeeded: Bool = true) -> FloatBuffer {
      let buffer = FloatBuffer(count: isNeeded ? rows * width : 0)
      bytes += 4 * buffer.count
      return buffer
    }
    let lowest = isRecording ? model.lowestAdaptedLayer : c.layerCount
    recorded = lowest..<c.layerCount
    sharedStreams = min(2, lowest)
    streams = (0..<(isRecording ? sharedStreams + recorded.count + 1 : 2)).map { _ in
      buffer(c.hiddenSize)
    }

    widths = [
      c.keyValueWidth, c.queryWidth, c.hiddenSize, c.intermediateSize, c.intermediateSize,
      c.outputNormWidth, c.outputNormWidth,
    ]
    let normsOutputs = c.blocks.normalizesOutputs
    let normsHeads = c.blocks.normalizesQueriesAndKeys
    func layer(_ matrices: [FloatBuffer], ranks: [Int]) -> Layer {
      Layer(
        query: buffer(c.queryWidth), key: buffer(c.keyValueWidth), value: matrices[0],
        attention: matrices[1], middle: matrices[2], gate: matrices[3], up: matrices[4],
        attentionOutput: matrices[5], mlpOutput: matrices[6],
        logSumExp: buffer(c.headCount), inputRstd: buffer(1), middleRstd: buffer(1),
        attentionOutputRstd: buffer(1, if: normsOutputs),
        mlpOutputRstd: buffer(1, if: normsOutputs),
        queryRstd: buffer(c.headCount, if: normsHeads),
        keyRstd: buffer(c.keyValueHeadCount, if: normsHeads),
        downs: ranks.map { buffer($0) })
    }
    let working = layer(widths.map { buffer($0) }, ranks: model.largestRanks)
    self.working = working
    let count = min(plan.keptBlocks, max(0, recorded.count - 1))
    firstKept = c.layerCount - 1 - count
    let isRounded = plan.storage == .bf16
    kept = (firstKept..<firstKept + count).map { [widths] index in
      layer(
        isRounded ? working.roundable : widths.map { buffer($0) },
        ranks: model.layers[index].groupRanks)
    }
    rounded = (0..<(isRounded ? count : 0)).map { [widths] _ in
      widths.map { width in
        let buffer = BFloat16Buffer(count: t * width)
        bytes += buffer.byteCount
        return buffer
      }
    }

    let widest = max(c.queryWidth, c.intermediateSize, c.hiddenSize)
    normed = buffer(c.hiddenSize)
    product = buffer(c.intermediateSize)
    gradProduct = buffer(c.intermediateSize, if: isRecording)
    gradStream = buffer(c.hiddenSize, if: isRecording)
    gradNormed = buffer(c.hiddenSize, if: isRecording)
    gradBranch = buffer(c.outputNormWidth, if: isRecording)
    gradAttention = buffer(c.queryWidth, if: isRecording)
    gradQuery = buffer(c.queryWidth, if: isRecording)
    gradKey = buffer(c.keyValueWidth, if: isRecording)
    gradValue = buffer(c.keyValueWidth, if: isRecording)
    selectedInput = buffer(c.hiddenSize)
    selectedNormed = buffer(c.hiddenSize)
    gradSelected = buffer(c.hiddenSize, if: isRecording)
    finalQuery = buffer(c.queryWidth, if: normsHeads)
    finalKey = buffer(c.keyValueWidth, if: normsHeads)
    linearScratch = buffer(widest, if: model.adapter.map { $0.dropout > 0 } ?? false)
    magnitudeScratch = buffer(widest, if: model.adapter?.hasMagnitudes ?? false)
    upScratch = buffer(model.largestRanks.max() ?? 0)
    headRows = plan.headRows(tokens: t, vocabularySize: c.vocabularySize)
    headNormed = buffer(c.hiddenSize, rows: headRows)
    headGrad = buffer(c.hiddenSize, rows: headRows, if: isRecording)
    headRstd = buffer(1, rows: headRows)
    logits = buffer(c.vocabularySize, rows: headRows)
    func integers<Element: FixedWidthInteger>() -> UnsafeMutableBufferPointer<Element> {
      let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(1, t))
      buffer.initialize(repeating: 0)
      bytes += t * MemoryLayout<Element>.size
      return buffer
    }
    dropoutKeys = integers()
    selectedDropoutKeys = integers()
    positions = integers()
    selectedPositions = integers()
    byteCount = bytes
  }

  deinit {
    dropoutKeys.deallocate()
    selectedDropoutKeys.deallocate()
    positions.deallocate()
    selectedPositions.deallocate()
  }

  /// The input of layer `index`, or the output of the last; two in turn where nothing is recorded.
  func stream(_ index: Int, isRecording: Bool) -> FloatBuffer {
    guard isRecording else { return streams[index & 1] }
    return index < recorded.lowerBound
      ? streams[index % sharedStreams] : streams[sharedStreams + index - recorded.lowerBound]
  }

  /// Where layer `index` writes, and its backward pass reads.
  func layer(_ index: Int, isRecording: Bool) -> Layer {
    isRecording && keeps(index) ? kept[index - firstKept] : working
  }

  private func keeps(_ index: Int) -> Bool {
    index >= firstKept && index < firstKept + kept.count
  }

  /// Whether a layer's numbers are there to be read once a recording pass is done.
  func presence(of index: Int) -> Presence {
    // No other layer has written to the shared buffers since the last one did.
    if index == recorded.upperBound - 1 { return .inPlace }
    guard keeps(index) else { return .forgotten }
    return rounded.isEmpty ? .inPlace : .rounded
  }

  /// Keeps the numbers of a layer that are kept rounded, before the next layer overwrites them.
  func store(layer index: Int, tokens: Int) {
    for (place, buffer) in rounded[index - firstKept].enumerated() {
      buffer.store(working.roundable[place].matrix(rows: tokens, columns: widths[place]))
    }
  }

  /// Brings them back.
  func restore(layer index: Int, tokens: Int) {
    for (place, buffer) in rounded[index - firstKept].enumerated() {
      buffer.load(into: working.roundable[place].matrix(rows: tokens, columns: widths[place]))
    }
  }
}

extension ModelConfiguration {
  /// Numbers that a token has for each norm of an output; 0 where there are none.
  var outputNormWidth: Int { blocks.normalizesOutputs ? hiddenSize : 0 }
}

extension DecoderLayer {
  /// Columns of z of each group, in the order of `groups`.
  var groupRanks: [Int] { groups.map { $0?.rank ?? 0 } }
}

extension CausalLM {
  /// For each place in `DecoderLayer.groups`, the largest rank that any block has there.
  var largestRanks: [Int] {
    layers.map(\.groupRanks).reduce([0, 0, 0, 0, 0]) { zip($0, $1).map(max) }
  }
}
