internal import Kernels
internal import LoRA
internal import ModelFiles
public import Quantization

/// A frozen linear layer and, where it is adapted, its adapter.
public final class Linear: @unchecked Sendable {
  /// The layer's Hugging Face path.
  public let name: String
  /// The frozen weight.
  public let weight: WeightMatrix
  // What is added to each row of its output, `[outputs]`; frozen, so that it needs no gradient.
  let bias: FloatBuffer?
  // What GGUF calls the weight.
  let gguf: GGUFTensorName?
  // Set between steps, on the thread that runs the model.
  var module: LoRAModule?

  init(
    name: String, weight: WeightMatrix, bias: FloatBuffer? = nil, gguf: GGUFTensorName? = nil
  ) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.gguf = gguf
  }
}
