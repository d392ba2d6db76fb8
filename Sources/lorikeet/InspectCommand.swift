import LoRA
import ModelFiles
import Quantization
import Serialization

/// `lorikeet inspect`.
enum InspectCommand: Command {
  static let name = "inspect"
  static let summary = "says what is in a model file, a model folder or an adapter"
  static let positional = ["PATH"]
  static let flags = [
    Flag(
      name: "--adapter", value: "A",
      help: "of a model: what this adapter does to each layer, ‖ΔW‖/‖W‖ and effective rank")
  ]
  static let example = "lorikeet inspect models/SmolLM2-135M-Instruct.Q4_1.gguf"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let path = arguments.positional[0]
    var json = JSONObject()
    if let adapter = arguments.string("--adapter") {
      let inspection = try AdapterInspection(adapter, of: ModelFile.open(path), console)
      inspection.report(console)
      json["kind"] = "adapter"
      json["model"] = .string(path)
      json["adapter"] = .string(adapter)
      json["layers"] = inspection.json
    } else if GGUFAdapterFile.isAdapter(path) {
      inspect(try GGUFAdapterFile(path: path), &json, console)
    } else if let (configuration, _) = try? AdapterFolder.readConfiguration(path) {
      let tensors = try SafetensorsFile(path: "\(path)/adapter_model.safetensors").tensors
      json["kind"] = "adapter"
      json["rank"] = .integer(configuration.rank)
      json["alpha"] = .number(configuration.alpha)
      json["tensors"] = .integer(tensors.count)
      json["parameters"] = .integer(tensors.reduce(0) { $0 + $1.elementCount })
      console.print(
        "PEFT LoRA adapter: r \(configuration.rank), alpha \(configuration.alpha), \(tensors.count) tensors"
      )
      for tensor in tensors {
        console.print("  \(tensor.name)  \(tensor.shape)  \(tensor.type.name)")
      }
    } else {
      let file = try ModelFile.open(path)
      json["kind"] = "model"
      json["architecture"] = .string(file.architecture)
      json["parameters"] = .integer(file.parameterCount)
      json["bytes"] = .integer(file.byteCount)
      json["configuration"] = .object(file.configuration)
      let types = file.typeCounts.map { "\($0.count) \($0.type.rawValue)" }.joined(separator: ", ")
      console.print(
        "\(file.displayName): \(file.architecture), \(file.parameterCount) parameters, \(Format.bytes(file.byteCount)), tensors \(types)"
      )
      for (key, value) in file.configuration { console.print("  \(key): \(value.serialized())") }
      for name in file.tensorNames {
        guard let tensor = file.tensor(named: name) else { continue }
        console.print("  \(name)  \(tensor.shape)  \(tensor.type.rawValue)")
      }
    }
    try console.json(json)
  }

  private static func inspect(
    _ adapter: GGUFAdapterFile, _ json: inout JSONObject, _ console: Console
  ) {
    let tensors = adapter.file.tensors
    let ranks = Set(adapter.pairs.map(\.rank)).sorted()
    json["kind"] = "adapter"
    json["format"] = "gguf"
    json["architecture"] = .string(adapter.architecture)
    json["rank"] = ranks.count == 1 ? .integer(ranks[0]) : .array(ranks.map { .integer($0) })
    json["alpha"] = adapter.alpha.map { .number($0) } ?? .null
    json["tensors"] = .integer(tensors.count)
    json["parameters"] = .integer(tensors.reduce(0) { $0 + $1.elementCount })
    let scale = adapter.alpha.map { "alpha \($0)" } ?? "scale 1"
    console.print(
      "GGUF LoRA adapter for \(VisibleText.escaped(adapter.architecture)): r \(ranks.map(String.init).joined(separator: ", ")), \(scale), \(tensors.count) tensors"
    )
    for tensor in tensors {
      console.print(
        "  \(VisibleText.escaped(tensor.name))  \(tensor.shape)  \(tensor.type.name)")
    }
  }
}
