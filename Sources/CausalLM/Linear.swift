internal import LoRA
internal import ModelFiles
public import Quantization

/// A frozen linear layer and, where it is adapted, its adapter.
public final class Linear: @unchecked Sendable {
  /// The layer's Hugging Face path.
  public let name: String
  /// The frozen weight.
  public let weight: WeightMatrix
  // What GGUF calls the weight.
  let gguf: GGUFTensorName?
  // Set between steps, on the thread that runs the model.
  var module: LoRAModule?

  init(name: String, weight: WeightMatrix, gguf: GGUFTensorName?) {
    self.name = name
    self.weight = weight
    self.gguf = gguf
  }
}
