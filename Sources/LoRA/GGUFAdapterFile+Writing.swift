public import ModelFiles
public import Quantization

extension GGUFAdapterFile {
  /// What was written.
  public struct Written: Sendable, Equatable {
    /// `adapter.lora.alpha`.
    public let alpha: Double
    /// How many layers' scales are not `alpha / rank`, so that B was multiplied by what is missing.
    public let foldedCount: Int
    /// The size of the file in bytes.
    public let byteCount: Int
  }

  /// Writes the file `path`, which appears when it is complete.
  ///
  /// GGUF has one alpha for all layers and no word for rsLoRA. The layers' alphas, under rsLoRA times the root of the
  /// rank, are therefore brought to the one that most of them have, which is written; B of the others is multiplied by
  /// the quotient:
  ///
  ///     scale · B = (alpha / rank) · B',   B' = B · (scale · rank / alpha)
  ///
  /// - Parameters:
  ///   - adapter: what to write.
  ///   - layers: the base's linear layers, for their GGUF names and the order of their rows.
  ///   - type: f32, f16 or bf16.
  ///   - name: what `general.name` says.
  ///   - metadata: further keys.
  /// - Throws: `ModelFileError` where the file exists or cannot be written, `LoRAError.inexpressible` for DoRA, for a
  ///   layer that GGUF has no name for, or a number that the type does not hold; nothing is left behind.
  public static func write(
    _ adapter: LoRAAdapter, to path: String, for layers: [LoRAConfiguration.Layer],
    as type: StorageType = .f32, name: String, metadata: [(key: String, value: GGUFValue)] = []
  ) throws -> Written {
    guard !adapter.hasMagnitudes else {
      throw LoRAError.inexpressible(
        path: path,
        reason:
          "a GGUF adapter has no place for DoRA's magnitudes; merge the adapter into its base, or write a PEFT folder instead"
      )
    }
    let names = Dictionary(uniqueKeysWithValues: layers.map { ($0.name, $0.gguf) })
    var matrices: [(module: LoRAModule, gguf: GGUFTensorName)] = []
    for module in adapter.modules {
      guard let gguf = names[module.name] ?? nil else {
        throw LoRAError.inexpressible(
          path: path,
          reason: "GGUF has no name for the layer \(module.name); write a PEFT folder instead")
      }
      matrices.append((module, gguf))
    }
    let alphas = adapter.modules.map(\.plainAlpha)
    let alpha = commonAlpha(alphas)
    let entries: [(key: String, value: GGUFValue)] = [
      ("general.architecture", .string(matrices.first?.gguf.architecture ?? "")),
      ("general.type", .string("adapter")),
      ("general.name", .string(name)),
      ("adapter.type", .string("lora")),
      ("adapter.lora.alpha", .float32(Float(alpha))),
    ]
    let planned = matrices.flatMap { module, gguf in
      [
        PlannedTensor(
          name: gguf.name + suffixA, shape: [module.rank, module.inputs], type: TensorType(type)),
        PlannedTensor(
          name: gguf.name + suffixB, shape: [module.outputs, module.rank], type: TensorType(type)),
      ]
    }
    let writer = try GGUFWriter(path: path, metadata: entries + metadata, tensors: planned)
    var foldedCount = 0
    for ((module, gguf), own) in zip(matrices, alphas) {
      let factor = Float(own / alpha)
      guard factor.isFinite else {
        throw LoRAError.inexpressible(
          path: path,
          reason:
            "the scale of \(module.name) is too large to be folded; write a PEFT folder instead")
      }
      if factor != 1 { foldedCount += 1 }
      try RowEncoder(
        name: gguf.name + suffixA, shape: [module.rank, module.inputs], type: type,
        rowPermutationHeads: nil
      ).encode(
        from: AdapterRows(module.a, columns: module.inputs, type: type, path: path).rows
      ) { try writer.write($0) }
      try RowEncoder(
        name: gguf.name + suffixB, shape: [module.outputs, module.rank], type: type,
        rowPermutationHeads: gguf.rowPermutationHeads
      ).encode(
        from: AdapterRows(module.b, columns: module.rank, factor: factor, type: type, path: path)
          .rows
      ) { try writer.write($0) }
    }
    try writer.commit()
    return Written(alpha: alpha, foldedCount: foldedCount, byteCount: writer.byteCount)
  }

  /// The alpha to be written: what most layers have, the larger of two that are equally frequent.
  ///
  /// Never 0, which llama.cpp takes for a scale of 1, and a number that f32 holds.
  private static func commonAlpha(_ alphas: [Double]) -> Double {
    let usable = alphas.filter { Float($0).isNormal }
    let counts = Dictionary(usable.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key ?? 1
  }
}
