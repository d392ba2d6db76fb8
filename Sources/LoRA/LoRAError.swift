internal import Configuration

/// What can be wrong with an adapter or with what it is asked to adapt.
public enum LoRAError: Error, Equatable, CustomStringConvertible {
  /// A name in `target_modules` matches no linear layer.
  case targetMatchesNothing(name: String, known: [String])
  /// Names, patterns and exclusions together leave no layer.
  case nothingTargeted(known: [String])
  /// `layers_to_transform` names a block that the model does not have.
  case noSuchBlock(block: Int, count: Int)
  /// A name in `modules_to_save` means no module of the model.
  case noSuchModule(name: String, known: [String])
  /// The output head was named.
  case headIsNotAdaptable(name: String)
  /// A pattern is not a regular expression.
  case badPattern(pattern: String, reason: String)
  /// The folder lacks a file.
  case missingFile(path: String)
  /// `adapter_config.json` says something that cannot be.
  case badConfiguration(path: String, reason: String)
  /// The adapter uses a part of PEFT that is not supported.
  case unsupported(path: String, feature: String)
  /// A tensor that the configuration and the model call for is not there.
  case missingTensor(path: String, name: String)
  /// A tensor is there that nothing calls for.
  case unexpectedTensor(path: String, name: String)
  /// A tensor has another shape than the model calls for.
  case shapeMismatch(path: String, name: String, found: [Int], expected: [Int])
  /// An adapter does not say what it was trained on.
  case namesNoBase(path: String)
  /// A file is neither a folder of PEFT's nor a GGUF file.
  case notAnAdapter(path: String)
  /// A GGUF file holds a model.
  case isModel(path: String)
  /// A GGUF adapter was made for another architecture; `base` is that of the model, nil where GGUF knows none.
  case otherArchitecture(path: String, found: String, base: String?)
  /// A GGUF adapter does something that is not supported; `feature` is a verb with its object.
  case unsupportedGGUF(path: String, feature: String)
  /// Adapters cannot be combined in the way asked for, since their ranks differ in a layer.
  case notCombinable(layer: String, ranks: [Int])
  /// A DoRA adapter is to be applied in part or together with others.
  case notAdditive(path: String)
  /// An adapter with modules that were trained as a whole is to be applied in part or together with others.
  case holdsWholeModules(path: String)
  /// PiSSA needs a library that is not installed.
  case lapackMissing
  /// PiSSA is to take more singular values than a weight has.
  case rankBeyondWeight(name: String, rank: Int, limit: Int)
  /// A weight has no singular value decomposition.
  case noDecomposition(name: String)
  /// The output's format cannot hold the adapter.
  case inexpressible(path: String, reason: String)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .targetMatchesNothing(let name, let known):
      "lora.target_modules: \"\(name)\" matches no linear layer of this model; it has \(known.joined(separator: ", "))"
    case .nothingTargeted(let known):
      "lora.target_modules: no linear layer is left to adapt; this model has \(known.joined(separator: ", "))"
    case .noSuchBlock(let block, let count):
      "lora.layers_to_transform: there is no block \(block); this model has \(count) blocks, numbered from 0 to \(count - 1)"
    case .noSuchModule(let name, let known):
      "lora.modules_to_save: \"\(name)\" is the end of no module's path in this model\(Spelling.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? "; it has \(known.joined(separator: ", "))")"
    case .headIsNotAdaptable(let name):
      "lora.target_modules: the output head \(name) cannot be adapted; name other layers or use all-linear, or train it as a whole with lora.modules_to_save"
    case .lapackMissing:
      "lora.init_lora_weights: pissa needs LAPACKE, which is not installed; apt-get install liblapacke, or use true"
    case .rankBeyondWeight(let name, let rank, let limit):
      "lora.r: \(name) has \(limit) singular values, and pissa is to take \(rank); lower lora.r or rank_pattern"
    case .noDecomposition(let name):
      "lora.init_lora_weights: the weight of \(name) has no singular value decomposition, so it holds numbers that are not finite; use another model, or true"
    case .notAdditive(let path):
      "\(path): DoRA rescales the whole weight, so this adapter is merged alone and whole; leave out --scale and other adapters"
    case .holdsWholeModules(let path):
      "\(path): holds modules that were trained as a whole, so this adapter is used alone and whole; leave out --scale and other adapters"
    case .badPattern(let pattern, let reason):
      "lora: \"\(pattern)\" cannot be used as a regular expression (\(reason)); correct it or list module names"
    case .missingFile(let path):
      "\(path): no such file; an adapter folder holds adapter_config.json and adapter_model.safetensors"
    case .badConfiguration(let path, let reason): "\(path): \(reason)"
    case .unsupported(let path, let feature):
      "\(path): this adapter uses \(feature), which Lorikeet cannot apply; merge it with PEFT first"
    case .missingTensor(let path, let name):
      "\(path): tensor \(name) is missing; the adapter is incomplete or was made for another model"
    case .unexpectedTensor(let path, let name):
      "\(path): tensor \(name) belongs to no layer of this model; the adapter was made for another model"
    case .shapeMismatch(let path, let name, let found, let expected):
      "\(path): tensor \(name) is \(found) and this model needs \(expected); the adapter was made for another model"
    case .namesNoBase(let path):
      "\(path): does not name the model it was trained on; name it with --model"
    case .notAnAdapter(let path):
      "\(path): is no adapter; name a PEFT adapter folder or a GGUF adapter"
    case .isModel(let path):
      "\(path): is a model, not an adapter; name a PEFT adapter folder or a GGUF adapter"
    case .otherArchitecture(let path, let found, let base):
      "\(path): was made for the architecture \(found), and this model is \(base ?? "none that GGUF knows"); use the adapter with its own base"
    case .unsupportedGGUF(let path, let feature):
      "\(path): this adapter \(feature), which Lorikeet cannot apply; merge it with llama-export-lora first"
    case .notCombinable(let layer, let ranks):
      "\(layer): the adapters have the ranks \(ranks.map(String.init).joined(separator: ", ")), and linear and ties need equal ones; use --method cat or svd"
    case .inexpressible(let path, let reason): "\(path): \(reason)"
    }
  }
}
