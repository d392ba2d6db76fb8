public import ModelFiles
internal import Quantization

/// A LoRA adapter in one GGUF file, as llama.cpp's `convert_lora_to_gguf.py` writes it and `--lora` reads it.
///
/// Opening checks the metadata, the names, and that the two matrices of each layer fit each other; no base is needed
/// for that. The scale of a layer is `alpha / rank`, with one alpha for the file and each layer's own rank.
///
/// - SeeAlso: llama.cpp, `llama_adapter_lora_init_impl` in src/llama-adapter.cpp.
public struct GGUFAdapterFile: Sendable {
  /// The file.
  public let file: GGUFFile
  /// `general.architecture`, which is that of the base.
  public let architecture: String
  /// `adapter.lora.alpha`; nil where it is missing or 0, which both mean a scale of 1.
  public let alpha: Double?
  /// The adapted layers, in the file's order.
  public let pairs: [Pair]

  /// The two matrices of one layer.
  public struct Pair: Sendable, Equatable {
    /// The GGUF name of the weight that they change.
    public let name: String
    /// A, `[rank, inputs]`.
    public let a: TensorDescription
    /// B, `[outputs, rank]`, its rows in GGUF's order.
    public let b: TensorDescription

    /// Inner dimension.
    public var rank: Int { a.shape[0] }
  }

  static let suffixA = ".lora_a"
  static let suffixB = ".lora_b"
  /// The largest rank, as of a PEFT adapter.
  static let maximumRank = 65_536

  /// Whether the file at `path` says that it is an adapter; false where it cannot be read.
  public static func isAdapter(_ path: String) -> Bool {
    guard let file = try? MappedFile(path: path), GGUFFile.hasMagic(file),
      let gguf = try? GGUFFile(file)
    else { return false }
    return gguf.value("general.type")?.stringValue == "adapter"
  }

  /// Opens the adapter at `path`.
  ///
  /// - Throws: `ModelFileError` for a file that is missing or damaged, `LoRAError` for one that is no LoRA adapter.
  public init(path: String) throws {
    let mapped = try MappedFile(path: path)
    guard GGUFFile.hasMagic(mapped) else { throw LoRAError.notAnAdapter(path: path) }
    let file = try GGUFFile(mapped)
    try Self.checkKind(file)
    guard let architecture = file.value("general.architecture")?.stringValue else {
      throw LoRAError.badConfiguration(
        path: path, reason: "metadata general.architecture is missing or not text")
    }
    self.file = file
    self.architecture = architecture
    alpha = try Self.alpha(of: file)
    pairs = try Self.pairs(of: file)
  }

  private static func checkKind(_ file: GGUFFile) throws(LoRAError) {
    let path = file.file.path
    let type = file.value("general.type")?.stringValue
    guard type == "adapter" else {
      if type == "model" || file.tensor(named: "token_embd.weight") != nil {
        throw .isModel(path: path)
      }
      throw .badConfiguration(
        path: path, reason: "metadata general.type is \(shown(type)), expected \"adapter\"")
    }
    let kind = file.value("adapter.type")?.stringValue
    guard kind == "lora" else {
      throw .badConfiguration(
        path: path, reason: "metadata adapter.type is \(shown(kind)), expected \"lora\"")
    }
    if let tokens = file.value("adapter.alora.invocation_tokens")?.arrayValue, tokens.count > 0 {
      throw .unsupportedGGUF(path: path, feature: "acts after certain tokens only (aLoRA)")
    }
  }

  private static func alpha(of file: GGUFFile) throws(LoRAError) -> Double? {
    guard let value = file.value("adapter.lora.alpha") else { return nil }
    guard let alpha = value.doubleValue, Float(alpha).isFinite else {
      throw .badConfiguration(
        path: file.file.path,
        reason: "metadata adapter.lora.alpha is not a finite floating-point number")
    }
    return alpha == 0 ? nil : alpha
  }

  private static func pairs(of file: GGUFFile) throws(LoRAError) -> [Pair] {
    let path = file.file.path
    var names: [String] = []
    var halves: [String: (a: TensorDescription?, b: TensorDescription?)] = [:]
    for tensor in file.tensors {
      let isA = tensor.name.hasSuffix(suffixA)
      guard isA || tensor.name.hasSuffix(suffixB) else {
        throw .unsupportedGGUF(
          path: path, feature: "holds \(tensor.name) beside the matrices of LoRA")
      }
      let name = String(tensor.name.dropLast(suffixA.count))
      if halves[name] == nil { names.append(name) }
      if isA { halves[name, default: (nil, nil)].a = tensor }
      if !isA { halves[name, default: (nil, nil)].b = tensor }
    }
    var pairs: [Pair] = []
    for name in names {
      guard let a = halves[name]?.a else {
        throw .missingTensor(path: path, name: name + suffixA)
      }
      guard let b = halves[name]?.b else {
        throw .missingTensor(path: path, name: name + suffixB)
      }
      for tensor in [a, b] {
        guard tensor.shape.count == 2 else {
          throw .badConfiguration(
            path: path, reason: "tensor \(tensor.name) is \(tensor.shape), expected a matrix")
        }
        guard tensor.type.storage != nil else {
          throw .unsupportedGGUF(path: path, feature: "has tensors of type \(tensor.type.name)")
        }
      }
      guard b.shape[1] == a.shape[0] else {
        throw .shapeMismatch(
          path: path, name: b.name, found: b.shape, expected: [b.shape[0], a.shape[0]])
      }
      guard a.shape[0] <= maximumRank else {
        throw .badConfiguration(
          path: path,
          reason: "tensor \(a.name) has a rank of \(a.shape[0]), expected at most \(maximumRank)")
      }
      pairs.append(Pair(name: name, a: a, b: b))
    }
    guard !pairs.isEmpty else {
      throw .badConfiguration(path: path, reason: "holds no matrices of LoRA; export it again")
    }
    return pairs
  }

  /// A value as a message quotes it: a file may hold text of any length.
  private static func shown(_ text: String?) -> String {
    text.map { "\"\($0.prefix(40))\"" } ?? "missing"
  }
}

extension GGUFAdapterFile {
  /// Makes the adapter for a model, rows back in Hugging Face's order.
  ///
  /// Strict: every tensor is used, every shape fits; only then is memory taken.
  ///
  /// - Parameter layers: the model's linear layers.
  public func adapter(for layers: [LoRAConfiguration.Layer]) throws(LoRAError) -> LoRAAdapter {
    let path = file.file.path
    let base = layers.lazy.compactMap(\.gguf?.architecture).first
    guard base == architecture else {
      throw .otherArchitecture(path: path, found: String(architecture.prefix(40)), base: base)
    }
    let pairOfName = Dictionary(uniqueKeysWithValues: pairs.map { ($0.name, $0) })
    var matched: [(layer: LoRAConfiguration.Layer, pair: Pair)] = []
    for layer in layers {
      guard let name = layer.gguf?.name, let pair = pairOfName[name] else { continue }
      try Self.check(pair.a, [pair.rank, layer.inputs], path)
      try Self.check(pair.b, [layer.outputs, pair.rank], path)
      matched.append((layer, pair))
    }
    let used = Set(matched.map(\.pair.name))
    if let stranger = pairs.first(where: { !used.contains($0.name) }) {
      throw Self.stranger(stranger, path)
    }
    let shapes = matched.map { layer, pair in
      LoRAModuleShape(
        name: layer.name, inputs: layer.inputs, outputs: layer.outputs, rank: pair.rank,
        alpha: alpha ?? Double(pair.rank), isRankStabilized: false)
    }
    let adapter = LoRAAdapter(
      shapes: shapes, configuration: LoRAConfiguration(describing: shapes, of: layers))
    for (module, match) in zip(adapter.modules, matched) {
      read(match.pair.a, heads: nil, into: module.a)
      read(match.pair.b, heads: match.layer.gguf?.rowPermutationHeads, into: module.b)
    }
    return adapter
  }

  private static func check(
    _ tensor: TensorDescription, _ shape: [Int], _ path: String
  ) throws(LoRAError) {
    guard tensor.shape == shape else {
      throw .shapeMismatch(path: path, name: tensor.name, found: tensor.shape, expected: shape)
    }
  }

  /// Why a pair that fits no layer is refused.
  private static func stranger(_ pair: Pair, _ path: String) -> LoRAError {
    switch pair.name {
    case "output.weight": .unsupportedGGUF(path: path, feature: "changes the output head")
    case "token_embd.weight": .unsupportedGGUF(path: path, feature: "changes the embedding")
    default: .unexpectedTensor(path: path, name: pair.a.name)
    }
  }

  private func read(
    _ tensor: TensorDescription, heads: Int?, into values: UnsafeMutablePointer<Float>
  ) {
    guard let type = tensor.type.storage else { return }
    StoredTensor(
      name: tensor.name, shape: tensor.shape, type: type, rowPermutationHeads: heads,
      file: file.file, byteOffset: tensor.byteOffset, byteCount: tensor.byteCount
    ).dequantize(rows: 0..<tensor.shape[0], into: values)
  }
}

extension LoRAConfiguration {
  /// The configuration that gives just `shapes`, none of them rank-stabilized, among `layers`.
  ///
  /// What most modules have is the rank and the alpha; the others are patterns, one for a whole kind of layer where
  /// all of the kind agree.
  init(describing shapes: [LoRAModuleShape], of layers: [Layer]) {
    let kinds = Dictionary(grouping: shapes.map(\.name), by: Self.kind)
    let whole = Dictionary(grouping: layers.filter { !$0.isHead }.map(\.name), by: Self.kind)
    let isWhole = kinds.allSatisfy { kind, names in names.count == whole[kind]?.count }
    let (rank, ranks) = Self.overrides(shapes.map { ($0.name, $0.rank) })
    let (alpha, alphas) = Self.overrides(shapes.map { ($0.name, $0.alpha) })
    self.init(
      rank: rank ?? 8, alpha: alpha ?? 8,
      targets: .names(isWhole ? kinds.keys.sorted() : shapes.map(\.name)),
      rankOverrides: ranks, alphaOverrides: alphas)
  }

  /// The last part of a path: what layers of different blocks have in common.
  private static func kind(_ name: String) -> String {
    String(name.split(separator: ".").last ?? "")
  }

  /// The most frequent value, and patterns for the modules that have another.
  private static func overrides<Value: Hashable & Comparable>(
    _ values: [(name: String, value: Value)]
  ) -> (common: Value?, others: [Override<Value>]) {
    let counts = Dictionary(values.map { ($0.value, 1) }, uniquingKeysWith: +)
    let common = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    var others: [Override<Value>] = []
    var done: Set<String> = []
    let kinds = Dictionary(grouping: values) { kind($0.name) }
    for (name, value) in values where value != common {
      let kind = kind(name)
      if kinds[kind]?.allSatisfy({ $0.value == value }) == true {
        if done.insert(kind).inserted { others.append(.init(pattern: kind, value: value)) }
      } else {
        let pattern = name.split(separator: ".").joined(separator: "\\.")
        others.append(.init(pattern: pattern, value: value))
      }
    }
    return (common, others)
  }
}
