internal import ModelFiles
internal import Serialization

/// What the small files of an encoder's folder say.
struct EncoderSettings {
  let (hidden, intermediate, headCount, layerCount): (Int, Int, Int, Int)
  let (vocabularySize, positions, types): (Int, Int, Int)
  /// What the variance of a norm is added to.
  let epsilon: Float
  /// The most tokens of a text.
  let maximumTokens: Int
  let tokenizer: WordPieceTokenizer
  /// All of the above as bytes, equal where an encoder computes alike.
  let description: [UInt8]

  /// Reads a folder.
  ///
  /// - Throws: `ModelFileError` where a file is missing, or asks for something else than BERT with a mean over tokens.
  init(folder: String) throws(ModelFileError) {
    let path = "\(folder)/config.json"
    let settings = try Self.json(path)
    func number(_ key: String) throws(ModelFileError) -> Int {
      guard let value = settings[key]?.intValue, value > 0, value < 1 << 24 else {
        throw .malformed(path: path, place: key, problem: "is missing or no whole number above 0")
      }
      return value
    }
    func expect(_ key: String, _ expected: String, isOptional: Bool) throws(ModelFileError) {
      let found = settings[key]?.stringValue
      guard found != expected, !(isOptional && settings[key] == nil) else { return }
      throw .unsupported(
        path: path,
        problem: "\(key) is \(found ?? "missing"), and an encoder of sentences has \(expected)",
        remedy: Self.remedy)
    }
    try expect("model_type", "bert", isOptional: false)
    try expect("hidden_act", "gelu", isOptional: true)
    try expect("position_embedding_type", "absolute", isOptional: true)
    hidden = try number("hidden_size")
    intermediate = try number("intermediate_size")
    headCount = try number("num_attention_heads")
    layerCount = try number("num_hidden_layers")
    vocabularySize = try number("vocab_size")
    positions = try number("max_position_embeddings")
    types = try number("type_vocab_size")
    guard hidden % headCount == 0 else {
      throw .malformed(
        path: path, place: "num_attention_heads", problem: "does not divide hidden_size")
    }
    epsilon = Float(settings["layer_norm_eps"]?.doubleValue ?? 1e-12)
    try Self.checkPooling("\(folder)/1_Pooling/config.json")

    let sentences = try Self.optionalJSON("\(folder)/sentence_bert_config.json")
    let longest = sentences?["max_seq_length"]?.intValue ?? positions
    // The two tokens around a text need room.
    maximumTokens = max(2, min(positions, longest))
    guard positions >= 2 else {
      throw .malformed(
        path: path, place: "max_position_embeddings", problem: "leaves no room for a text")
    }

    let words = "\(folder)/vocab.txt"
    var lines = try MappedFile(path: words).withBytes { bytes in
      bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
        $0.last == UInt8(ascii: "\r") ? Array($0.dropLast()) : Array($0)
      }
    }
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.count <= vocabularySize else {
      throw .malformed(
        path: words, place: "the vocabulary",
        problem: "has \(lines.count) tokens, and the model \(vocabularySize)")
    }
    let options = try Self.optionalJSON("\(folder)/tokenizer_config.json")
    let lowercases = options?["do_lower_case"]?.boolValue ?? true
    guard let tokenizer = WordPieceTokenizer(vocabulary: lines, lowercases: lowercases) else {
      throw .malformed(
        path: words, place: "the vocabulary", problem: "has no [UNK], [CLS] or [SEP]")
    }
    self.tokenizer = tokenizer
    description =
      Array("\(hidden) \(headCount) \(epsilon) \(maximumTokens) \(lowercases)\n".utf8)
      + lines.joined(separator: [UInt8(ascii: "\n")])
  }

  private static let remedy = "name a folder of all-MiniLM-L6-v2 or its kin"

  /// Refuses what pools otherwise than by the mean.
  private static func checkPooling(_ path: String) throws(ModelFileError) {
    guard let pooling = try optionalJSON(path) else { return }
    for (key, value) in pooling.objectValue?.members ?? [] where key.hasPrefix("pooling_mode_") {
      guard value.boolValue == (key == "pooling_mode_mean_tokens") else {
        throw .unsupported(
          path: path, problem: "pools otherwise than by the mean over tokens (\(key))",
          remedy: remedy)
      }
    }
  }

  private static func json(_ path: String) throws(ModelFileError) -> JSONValue {
    let bytes = try MappedFile(path: path).withBytes { Array($0) }
    do throws(JSONError) {
      return try JSON.parse(bytes)
    } catch {
      throw .malformed(path: path, place: "the file", problem: "\(error)")
    }
  }

  private static func optionalJSON(_ path: String) throws(ModelFileError) -> JSONValue? {
    do throws(ModelFileError) {
      return try json(path)
    } catch {
      if case .missing = error { return nil }
      throw error
    }
  }
}
