import Serialization
import Tokenization

extension HuggingFaceWriter {
  /// The files beside settings and weights that Transformers reads, where a folder has them.
  static let companionNames = [
    "added_tokens.json", "chat_template.jinja", "generation_config.json", "merges.txt",
    "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "vocab.json",
  ]

  /// Writes tokenizer, chat template and generation settings: copies of a folder's, or made anew.
  static func writeCompanions(of model: ModelFile, in folder: StagedFolder) throws {
    switch model.source {
    case .folder(let source):
      for name in companionNames where exists("\(source.path)/\(name)") {
        let original = try MappedFile(path: "\(source.path)/\(name)")
        let copy = try AtomicFile(path: "\(folder.stagingPath)/\(name)")
        try copy.write(original.bytes)
        try copy.commit()
      }
    case .gguf:
      let tokenizer = try model.makeTokenizer()
      let configuration = tokenizer.tokenizerConfigJSON(
        chatTemplate: try model.chatTemplate(),
        maximumLength: model.configuration["max_position_embeddings"]?.intValue)
      try write(tokenizer.tokenizerJSON(), to: "tokenizer.json", in: folder)
      try write(configuration, to: "tokenizer_config.json", in: folder)
      var roles = JSONObject()
      for key in ["bos_token", "eos_token", "pad_token", "unk_token"] {
        roles[key] = configuration[key]
      }
      try write(.object(roles), to: "special_tokens_map.json", in: folder)
      var generation: JSONObject = ["_from_model_config": true]
      for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
        generation[key] = model.configuration[key]
      }
      try write(.object(generation), to: "generation_config.json", in: folder)
    }
  }

  private static func write(
    _ value: JSONValue, to name: String, in folder: StagedFolder
  ) throws(ModelFileError) {
    try folder.write(value.serialized(pretty: true) + "\n", to: name)
  }
}
