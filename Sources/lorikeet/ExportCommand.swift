import CausalLM
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import Training

/// `lorikeet export`.
enum ExportCommand: Command {
  static let name = "export"
  static let summary =
    "writes an adapter, or several as one, as a PEFT folder or as a GGUF file for llama.cpp"
  static let positional: [String] = []
  static let flags =
    [
      Flag(
        name: "--adapter", value: "A", help: "a PEFT adapter folder or a GGUF adapter",
        isRequired: true, isRepeatable: true),
      Flag(
        name: "--model", value: "M",
        help: "its base, for names and shapes: .gguf file, Hugging Face folder, or "
          + "org/name[@revision]; default: the one that the adapter's folder names",
        isRequired: true, isNamedBy: "--adapter"),
      ModelSelection.runFlag,
    ] + AdapterCombining.flags + [
      Flag(
        name: "--output", value: "O", help: "a .gguf file, or a folder for PEFT", isRequired: true),
      Flag(name: "--type", value: "T", help: "f32, f16 or bf16; default f32"),
    ]
  static let example = "lorikeet export --run runs/a --output adapter.gguf"

  static func run(_ arguments: Arguments, _ console: Console) throws {
    let output = arguments.string("--output") ?? ""
    let typeName = arguments.string("--type") ?? "f32"
    guard let type = StorageType(rawValue: typeName), type.blockElements == 1 else {
      throw UsageError(
        command: Self.self, "--type: expected one of f32, f16, bf16, found \"\(typeName)\"")
    }
    let combining = try AdapterCombining(arguments, for: Self.self)
    let selection = try ModelSelection(arguments)
    let file = try selection.openFile(console)
    let layers = try CausalLM.load(file).adaptableLayers
    let adapter = try combining.adapter(selection.adapters, for: layers)
    let record = AdapterRecord.common(of: selection.adapters)

    var json = JSONObject()
    json["output"] = .string(output)
    json["type"] = .string(type.rawValue)
    json["modules"] = .integer(adapter.modules.count)
    json["parameters"] = .integer(adapter.parameters.count)
    var text = "wrote \(output): \(adapter.modules.count) layers in \(type.rawValue)"
    if output.hasSuffix(".gguf") {
      let written = try GGUFAdapterFile.write(
        adapter, to: output, for: layers, as: type, name: "\(file.displayName) adapter",
        metadata: record.map { [$0.metadata] } ?? [])
      json["format"] = "gguf"
      json["alpha"] = .number(written.alpha)
      json["folded_modules"] = .integer(written.foldedCount)
      json["bytes"] = .integer(written.byteCount)
      text += ", \(Format.bytes(written.byteCount)), alpha \(written.alpha)"
      if written.foldedCount > 0 {
        text += "; the scales of \(written.foldedCount) differ and are folded into B"
      }
      if selection.record?.precision == "nf4" {
        console.note(
          "the adapter was trained on NF4 weights, which llama.cpp does not have: on any GGUF base it meets other weights"
        )
      }
    } else {
      try AdapterFolder.save(as: output) { staging in
        try AdapterFolder.write(
          adapter, to: staging, baseModel: file.path, as: type)
        try record?.write(to: staging)
      }
      json["format"] = "peft"
    }
    console.print(text)
    try console.json(json)
  }
}
