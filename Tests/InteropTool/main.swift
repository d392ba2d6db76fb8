// What scripts/test-interop compares others' numbers with: the logits, tokens and renderings of Lorikeet.
//
//   lorikeet-interop logits MODEL ADAPTER|- IDS.json OUTPUT.safetensors
//   lorikeet-interop tokens MODEL INPUT.json OUTPUT.json
//   lorikeet-interop convert MODEL OUTPUT TYPE
//
// IDS.json is {"name": [id, …], …}; the output holds logits.<name>, F32 [tokens, vocabulary]. INPUT.json is
// {"texts": [text, …], "chats": [[message, …], …]}; the output holds the tokens of each text, and of each chat the
// rendering that asks for an answer, with its tokens. convert writes a base in another format.
import CausalLM
import Inference
import ModelFiles
import Quantization
import Serialization
import Tokenization

#if canImport(Glibc)
  import Glibc
#endif

func logits(_ model: String, _ adapter: String?, _ ids: String, _ output: String) throws {
  let language: CausalLM
  if let adapter {
    let chat = try ChatModel(path: model)
    try chat.attachAdapter(adapter)
    language = chat.model
  } else {
    // Tokens are given, so that the tokenizer need not be one that Lorikeet knows.
    language = try CausalLM.load(try ModelFile.open(model))
  }
  var tensors: [PlannedTensor] = []
  var values: [String: [Float]] = [:]
  let sequences = try json(ids).objectValue ?? JSONObject()
  for (name, list) in sequences {
    let ids = (list.arrayValue ?? []).compactMap(\.intValue).map(Int32.init)
    let rows = language.logits(TokenBatch(sequences: [ids]))
    tensors.append(
      PlannedTensor(
        name: "logits.\(name)", shape: [rows.count, rows.first?.count ?? 0], type: TensorType(.f32))
    )
    values["logits.\(name)"] = rows.flatMap { $0 }
  }
  let writer = try SafetensorsWriter(path: output, tensors: tensors, replacing: true)
  for tensor in writer.tensors {
    try (values[tensor.name] ?? []).withUnsafeBytes { try writer.write($0) }
  }
  try writer.commit()
}

func tokens(_ model: String, _ input: String, _ output: String) throws {
  let chat = try ChatModel(path: model)
  let input = try json(input)
  func list(_ ids: [Int32]) -> JSONValue { .array(ids.map { .integer(Int($0)) }) }
  let texts = (input["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
  var renderings: [JSONValue] = []
  for messages in input["chats"]?.arrayValue ?? [] {
    let messages = messages.arrayValue ?? []
    let text = try chat.template?.render(messages: messages, tools: nil, addGenerationPrompt: true)
    renderings.append(["text": .string(text ?? ""), "ids": list(try chat.prompt(messages))])
  }
  let file = try AtomicFile(path: output, replacing: true)
  let result: JSONValue = [
    "texts": .array(texts.map { list(chat.tokenizer.encode($0)) }), "chats": .array(renderings),
  ]
  try file.write(result.serialized() + "\n")
  try file.commit()
}

func convert(_ model: String, _ output: String, _ type: StorageType) throws {
  let file = try ModelFile.open(model)
  let rows: RowSource = { name, range, values in
    if let base = values.baseAddress {
      file.tensor(named: name)?.dequantize(rows: range, into: base)
    }
  }
  if output.hasSuffix(".gguf") {
    try GGUFModelWriter.write(file, to: output, as: type, rows: rows)
  } else {
    try HuggingFaceWriter.write(file, to: output, as: type, rows: rows)
  }
}

func json(_ path: String) throws -> JSONValue {
  try MappedFile(path: path).withBytes { try JSON.parse($0) }
}

func tell(_ text: String) {
  let bytes = Array("lorikeet-interop: \(text)\n".utf8)
  _ = write(2, bytes, bytes.count)
}

let words = Array(CommandLine.arguments.dropFirst())
do {
  switch (words.first, words.count) {
  case ("logits", 5):
    try logits(words[1], words[2] == "-" ? nil : words[2], words[3], words[4])
  case ("tokens", 4): try tokens(words[1], words[2], words[3])
  case ("convert", 4):
    guard let type = StorageType(rawValue: words[3]) else { fallthrough }
    try convert(words[1], words[2], type)
  default:
    tell("see the head of Tests/InteropTool/main.swift")
    exit(64)
  }
} catch {
  tell("\(error)")
  exit(1)
}
