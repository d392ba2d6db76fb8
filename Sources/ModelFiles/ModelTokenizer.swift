import Serialization
public import Tokenization

extension ModelFile {
  /// Makes the model's tokenizer.
  ///
  /// - Throws: ``ModelFileError`` where its parts are missing or damaged, `TokenizerError` where they
  ///   describe a tokenizer Lorikeet does not have.
  public func makeTokenizer() throws -> Tokenizer {
    switch source {
    case .gguf(let gguf):
      return try Tokenizer(GGUFVocabulary.description(in: gguf))
    case .folder(let folder):
      guard let tokenizer = try folder.json("tokenizer.json") else {
        throw ModelFileError.missing(
          path: folder.path, problem: "has no tokenizer.json",
          remedy: "save the tokenizer again with a current version of Transformers")
      }
      return try Tokenizer(
        tokenizerJSON: tokenizer, tokenizerConfig: try folder.json("tokenizer_config.json"))
    }
  }
}
