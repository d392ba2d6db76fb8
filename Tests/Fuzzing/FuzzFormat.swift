/// A format whose files come from strangers.
public enum FuzzFormat: String, CaseIterable, Sendable {
  /// A model in one file.
  case gguf
  /// Tensors of a model or an adapter.
  case safetensors
  /// The tokenizer of a Hugging Face folder.
  case tokenizer
  /// JSON by itself, and as the config.json of a model.
  case json
  /// A run's configuration.
  case yaml
  /// A chat template in Jinja.
  case template
  /// Rows of training data.
  case jsonl
  /// An adapter: a PEFT folder's adapter_config.json, or the head of its tensors, or a GGUF file.
  case adapter

  /// Whether inputs are text, which is mutated by what text is made of.
  var isText: Bool { self != .gguf && self != .safetensors }
}
