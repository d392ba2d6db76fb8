import Kernels
import LoRA

/// The buffers of a pass over at most `capacity` tokens.
///
/// A recording store keeps, for every layer, what its backward pass reads; one that does not record has room for one
/// layer, used again and again. Norm outputs and the MLP's product are not kept: they are cheaper made again.
final class ActivationStore {
  /// What one layer keeps.
  struct Layer {
    let query, key, value, attention, middle, gate, up: FloatBuffer
    let logSumExp, inputRstd, middleRstd: FloatBuffer
    /// `z = A x` of each group of linear layers, in the order of `DecoderLayer.groups`.
    let downs: [FloatBuffer]
  }

  let capacity: Int
  let isRecording: Bool
  /// Input of each layer and output of the last, `[tokens, hidden]`; two in turn where nothing is recorded.
  let streams: [FloatBuffer]
  let layers: [Layer]
  let normed, product, gradProduct, gradStream, gradNormed, gradAttention, gradQuery, gradKey,
    gradValue: FloatBuffer
  /// Rows of the last block that the loss looks at, side by side.
  let selectedInput, selectedNormed, gradSelected: FloatBuffer
  let linearScratch, upScratch: FloatBuffer
  let headNormed, headGrad, headRstd, logits: FloatBuffer
  let dropoutKeys, selectedDropoutKeys: UnsafeMutableBufferPointer<UInt64>
  let positions, selectedPositions: UnsafeMutableBufferPointer<Int32>
  let headRows: Int

  init(model: CausalLM, capacity: Int, isRecording: Bool) {
    let c = model.configuration
    self.capacity = capacity
    self.isRecording = isRecording
    let t = capacity
    func buffer(_ width: Int, if isNeeded: Bool = true) -> FloatBuffer {
      FloatBuffer(count: isNeeded ? t * width : 0)
    }
    streams = (0..<(isRecording ? c.layerCount + 1 : 2)).map { _ in buffer(c.hiddenSize) }
    layers = (0..<(isRecording ? c.layerCount : 1)).map { index in
      Layer(
        query: buffer(c.queryWidth), key: buffer(c.keyValueWidth), value: buffer(c.keyValueWidth),
        attention: buffer(c.queryWidth), middle: buffer(c.hiddenSize),
        gate: buffer(c.intermediateSize),
        up: buffer(c.intermediateSize), logSumExp: buffer(c.headCount), inputRstd: buffer(1),
        middleRstd: buffer(1),
        downs: (0..<5).map { position in
          // Where one layer's buffers serve all, they must fit the largest rank.
          let layers = isRecording ? [model.layers[index]] : model.layers
          return buffer(layers.map { $0.groups[position]?.rank ?? 0 }.max() ?? 0)
        })
    }
    let widest = max(c.queryWidth, c.intermediateSize, c.hiddenSize)
    let largestRank =
      model.layers.flatMap { $0.groups.map { $0?.rank ?? 0 } }.max() ?? 0
    normed = buffer(c.hiddenSize)
    product = buffer(c.intermediateSize)
    gradProduct = buffer(c.intermediateSize, if: isRecording)
    gradStream = buffer(c.hiddenSize, if: isRecording)
    gradNormed = buffer(c.hiddenSize, if: isRecording)
    gradAttention = buffer(c.queryWidth, if: isRecording)
    gradQuery = buffer(c.queryWidth, if: isRecording)
    gradKey = buffer(c.keyValueWidth, if: isRecording)
    gradValue = buffer(c.keyValueWidth, if: isRecording)
    selectedInput = buffer(c.hiddenSize)
    selectedNormed = buffer(c.hiddenSize)
    gradSelected = buffer(c.hiddenSize, if: isRecording)
    linearScratch = buffer(widest, if: model.adapter.map { $0.dropout > 0 } ?? false)
    upScratch = buffer(largestRank)
    headRows = min(t, CausalLM.headChunk)
    headNormed = FloatBuffer(count: headRows * c.hiddenSize)
    headGrad = FloatBuffer(count: isRecording ? headRows * c.hiddenSize : 0)
    headRstd = FloatBuffer(count: headRows)
    logits = FloatBuffer(count: headRows * c.vocabularySize)
    func integers<Element: FixedWidthInteger>() -> UnsafeMutableBufferPointer<Element> {
      let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(1, t))
      buffer.initialize(repeating: 0)
      return buffer
    }
    dropoutKeys = integers()
    selectedDropoutKeys = integers()
    positions = integers()
    selectedPositions = integers()
  }

  deinit {
    dropoutKeys.deallocate()
    selectedDropoutKeys.deallocate()
    positions.deallocate()
    selectedPositions.deallocate()
  }

  /// The input of layer `index`, or the output of the last.
  func stream(_ index: Int) -> FloatBuffer { isRecording ? streams[index] : streams[index & 1] }

  func layer(_ index: Int) -> Layer { isRecording ? layers[index] : layers[0] }
}
