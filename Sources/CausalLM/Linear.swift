internal import Kernels
internal import LoRA
internal import ModelFiles
public import Quantization

/// A frozen linear layer and, where it is adapted, its adapter; or the weight that is trained in its place.
public final class Linear: @unchecked Sendable {
  /// The layer's Hugging Face path.
  public let name: String
  /// The frozen weight.
  public let weight: WeightMatrix
  // What is added to each row of its output, `[outputs]`.
  let bias: VectorWeight?
  // What GGUF calls the weight.
  let gguf: GGUFTensorName?
  // Set between steps, on the thread that runs the model.
  var module: LoRAModule?
  // What is trained as a whole in place of the weight.
  var whole: WholeWeight?

  init(
    name: String, weight: WeightMatrix, bias: VectorWeight? = nil, gguf: GGUFTensorName? = nil
  ) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.gguf = gguf
  }
}
