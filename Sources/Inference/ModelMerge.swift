internal import CausalLM
internal import Kernels
public import LoRA
public import ModelFiles
internal import Quantization

/// Folds an adapter into the weights: `W' = W + scale · B A`, with DoRA's magnitudes `W' = c ∘ (W + scale · B A)`; what
/// was trained as a whole takes the place of what it began as.
public struct ModelMerge {
  /// The model that the adapter was made for.
  public let chat: ChatModel
  /// The adapter; nil leaves the weights as they were loaded.
  public let adapter: LoRAAdapter?
  /// The model to be written: that of `chat`, with a head of its own where embeddings and head are no longer the same.
  public let file: ModelFile

  /// Prepares a merge.
  public init(_ chat: ChatModel, adapter: LoRAAdapter?) {
    self.chat = chat
    self.adapter = adapter
    if let adapter { chat.model.updateMagnitudes(of: adapter) }
    file = adapter?.untiesHead ?? false ? chat.file.untied() : chat.file
  }

  /// Gives a writer the merged rows of a tensor.
  ///
  /// Linear layers come from the weights as loaded, so a merge with an NF4 base holds what NF4 holds.
  public func rows(
    _ tensor: String, _ range: Range<Int>, _ values: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let base = values.baseAddress else { return }
    if let whole = adapter?.wholeWeight(named: tensor) {
      whole.read(range, into: base)
      return
    }
    let name = tensor.hasSuffix(".weight") ? String(tensor.dropLast(7)) : tensor
    guard let weight = chat.model.weight(named: name) else {
      file.tensor(named: tensor)?.dequantize(rows: range, into: base)
      return
    }
    weight.read(range, into: base)
    adapter?.module(named: name)?.merge(
      rows: range, into: Matrix(base, rows: range.count, columns: weight.columns))
  }
}
