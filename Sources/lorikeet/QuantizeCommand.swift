import ModelFiles
import Quantization
import Serialization

/// `lorikeet quantize`.
enum QuantizeCommand: Command {
  static let name = "quantize"
  static let summary = "writes a model's weights as another type, and says what that costs"
  static let positional: [String] = []
  static let flags = [
    Flag(
      name: "--model", value: "M", help: "a .gguf file, Hugging Face folder, or org/name",
      isRequired: true),
    Flag(
      name: "--type", value: "T", help: "f32, f16, bf16, \(WeightTypes.blockNames)",
      isRequired: true),
    Flag(name: "--output", value: "O", help: "the .gguf file to write", isRequired: true),
  ]
  static let example = "lorikeet quantize --model m.gguf --type q4_k --output m.q4_k.gguf"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let output = arguments.string("--output") ?? ""
    let type = try WeightTypes.type(arguments.string("--type") ?? "", of: Self.self)
    guard output.hasSuffix(".gguf") else {
      throw UsageError(
        command: Self.self, "--output: expected a name that ends in .gguf, found \"\(output)\"")
    }
    let model = try ModelFile.open(arguments.string("--model") ?? "")
    noteQuantizedSource(model, type, console)
    let written = try console.stage("quantising", in: .bytes) {
      try GGUFModelWriter.quantize(model, to: output, as: type, progress: $0)
    }
    report(written, model, type, console)
    try console.json(json(written, model, type))
  }

  /// Numbers that were rounded once are rounded once more.
  private static func noteQuantizedSource(
    _ model: ModelFile, _ type: StorageType, _ console: Console
  ) {
    let stored = model.typeCounts.map(\.type).filter { $0.blockElements > 1 && $0 != type }
    guard !stored.isEmpty, type.blockElements > 1 else { return }
    console.note(
      "note: \(model.path) holds \(stored.map(\.rawValue).joined(separator: ", ")) already, and rounding again adds to its errors; a file of floats, if there is one, makes a better source"
    )
  }

  private static func report(
    _ written: WrittenModel, _ model: ModelFile, _ type: StorageType, _ console: Console
  ) {
    console.print("wrote \(WeightTypes.summary(of: written))")
    WeightTypes.noteFallbacks(of: written, wanted: type, console)
    let bits = 8 * Double(written.byteCount) / Double(max(1, model.parameterCount))
    console.print(
      "\(Format.fixed(bits, 2)) bits a weight, \(Format.bytes(model.byteCount)) before")
    console.print("error against the source, by kind of tensor:")
    console.print(row("tensors", "", "type", "relative", "mean", "worst"))
    for kind in kinds(written) {
      console.print(
        row(
          kind.name, "\(kind.count)", kind.type.rawValue,
          Format.scientific(kind.deviation.relative), Format.scientific(kind.deviation.mean),
          Format.scientific(kind.deviation.worst)))
    }
  }

  /// Tensors of one name in all blocks, and of one type.
  private struct Kind {
    let name: String
    let type: StorageType
    var count = 0
    var deviation = Deviation()
  }

  private static func kinds(_ written: WrittenModel) -> [Kind] {
    var kinds: [Kind] = []
    for tensor in written.tensors {
      let parts = tensor.name.split(separator: ".").map { Int($0) == nil ? String($0) : "*" }
      let name = parts.joined(separator: ".")
      let index =
        kinds.firstIndex { $0.name == name && $0.type == tensor.type } ?? kinds.endIndex
      if index == kinds.endIndex { kinds.append(Kind(name: name, type: tensor.type)) }
      kinds[index].count += 1
      if let deviation = tensor.deviation { kinds[index].deviation.add(deviation) }
    }
    return kinds
  }

  private static func row(_ cells: String...) -> String {
    let widths = [-26, 5, -7, 10, 10, 10]
    let padded = zip(cells, widths).map { cell, width in
      let space = String(repeating: " ", count: max(0, abs(width) - cell.count))
      return width < 0 ? cell + space : space + cell
    }
    return "  " + padded.joined(separator: "  ").trimmingSuffix(" ")
  }

  private static func json(
    _ written: WrittenModel, _ model: ModelFile, _ type: StorageType
  ) -> JSONObject {
    var json = JSONObject()
    json["model"] = .string(model.path)
    json["output"] = .string(written.path)
    json["type"] = .string(type.rawValue)
    json["source_bytes"] = .integer(model.byteCount)
    json["bytes"] = .integer(written.byteCount)
    json["bits_per_weight"] = .number(
      8 * Double(written.byteCount) / Double(max(1, model.parameterCount)))
    json["types"] = .object(
      JSONObject(written.typeCounts.map { ($0.type.rawValue, .integer($0.count)) }))
    json["fallbacks"] = .integer(written.tensors.count { $0.isFallback })
    json["tensors"] = .array(written.tensors.map { figures(of: $0) })
    return json
  }

  private static func figures(of tensor: WrittenTensor) -> JSONValue {
    let deviation = tensor.deviation ?? Deviation()
    return [
      "name": .string(tensor.name), "shape": .array(tensor.shape.map { .integer($0) }),
      "source_type": .string(tensor.sourceType.rawValue), "type": .string(tensor.type.rawValue),
      "is_fallback": .bool(tensor.isFallback), "bytes": .integer(tensor.byteCount),
      "mean_error": .number(deviation.mean), "worst_error": .number(deviation.worst),
      "relative_error": .number(deviation.relative),
    ]
  }
}
