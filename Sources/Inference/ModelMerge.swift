internal import CausalLM
public import LoRA
internal import Kernels
internal import ModelFiles
internal import Quantization

/// Folds an adapter into the weights: `W' = W + scale · B A`, with DoRA's magnitudes `W' = c ∘ (W + scale · B A)`.
public struct ModelMerge {
  /// The model that the adapter was made for.
  public let chat: ChatModel
  /// The adapter; nil leaves the weights as they were loaded.
  public let adapter: LoRAAdapter?

  /// Prepares a merge.
  public init(_ chat: ChatModel, adapter: LoRAAdapter?) {
    self.chat = chat
    self.adapter = adapter
    if let adapter { chat.model.updateMagnitudes(of: adapter) }
  }

  /// Gives a writer the merged rows of a tensor.
  ///
  /// Linear layers come from the weights as loaded, so a merge with an NF4 base holds what NF4 holds.
  public func rows(
    _ tensor: String, _ range: Range<Int>, _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let base = values.baseAddress else { return }
    let name = tensor.hasSuffix(".weight") ? String(tensor.dropLast(7)) : tensor
    guard let weight = chat.model.weight(named: name) else {
      chat.file.tensor(named: tensor)?.dequantize(rows: range, into: base)
      return
    }
    weight.read(range, into: base)
    adapter?.module(named: name)?.merge(
      rows: range, into: Matrix(base, rows: range.count, columns: weight.columns))
  }
}
