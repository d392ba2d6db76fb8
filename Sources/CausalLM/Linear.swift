internal import Kernels
internal import LoRA
public import Quantization

/// A frozen linear layer and, where it is adapted, its adapter.
public final class Linear: @unchecked Sendable {
  /// The layer's Hugging Face path.
  public let name: String
  /// The frozen weight.
  public let weight: WeightMatrix
  // Set between steps, on the thread that runs the model.
  var module: LoRAModule?

  init(name: String, weight: WeightMatrix) {
    self.name = name
    self.weight = weight
  }

  /// Writes `W x + scale · B (A dropout(x))` to `output`, keeping `z = A dropout(x)` in `down`.
  func forward(_ input: Matrix, into output: Matrix, down: Matrix?, _ context: PassContext) {
    guard let module, let down else {
      weight.forward(input, into: output)
      return
    }
    if let dropout = context.dropout {
      let dropped = context.scratch(rows: input.rows, columns: input.columns)
      Dropout.forward(
        input, keys: dropout.keys, module: module.dropoutStream, probability: dropout.probability,
        output: dropped)
      module.project(dropped, into: down)
    } else {
      module.project(input, into: down)
    }
    weight.forward(input, into: output, adding: module.forwardTerm(down))
  }

  /// Adds the adapter's gradients and, where `gradInput` is given, writes or adds ∂loss/∂input.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - input: the layer's input, made again by the caller; only an adapted layer looks at it.
  ///   - down: `z` of the forward pass.
  func backward(
    _ gradOutput: Matrix, input: Matrix, down: Matrix?, gradInput: Matrix?, accumulate: Bool,
    _ context: PassContext
  ) {
    guard let module, let down else {
      if let gradInput { weight.backward(gradOutput, into: gradInput, accumulate: accumulate) }
      return
    }
    let up = context.up(rows: gradOutput.rows, rank: module.rank)
    module.projectBack(gradOutput, into: up)
    guard let dropout = context.dropout else {
      module.addGradients(gradOutput: gradOutput, input: input, down: down, up: up)
      if let gradInput {
        weight.backward(
          gradOutput, into: gradInput, accumulate: accumulate, adding: module.backwardTerm(up))
      }
      return
    }
    let scratch = context.scratch(rows: input.rows, columns: input.columns)
    Dropout.forward(
      input, keys: dropout.keys, module: module.dropoutStream, probability: dropout.probability,
      output: scratch)
    module.addGradients(gradOutput: gradOutput, input: scratch, down: down, up: up)
    guard let gradInput else { return }
    weight.backward(gradOutput, into: gradInput, accumulate: accumulate)
    module.projectInputGradient(up, into: scratch)
    Dropout.backward(
      scratch, keys: dropout.keys, module: module.dropoutStream, probability: dropout.probability,
      gradInput: gradInput)
  }
}

/// What all layers of one pass share.
final class PassContext {
  /// The dropout of a training pass: a probability and a key for each row.
  struct DropoutKeys {
    let probability: Float
    let keys: UnsafePointer<UInt64>
  }

  let dropout: DropoutKeys?
  private let scratchBuffer: FloatBuffer
  private let upBuffer: FloatBuffer

  init(dropout: DropoutKeys?, scratch: FloatBuffer, up: FloatBuffer) {
    self.dropout = dropout
    scratchBuffer = scratch
    upBuffer = up
  }

  func scratch(rows: Int, columns: Int) -> Matrix {
    scratchBuffer.matrix(rows: rows, columns: columns)
  }
  func up(rows: Int, rank: Int) -> Matrix { upBuffer.matrix(rows: rows, columns: rank) }
}
