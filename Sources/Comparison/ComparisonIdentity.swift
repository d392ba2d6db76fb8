public import Configuration
internal import ModelFiles
public import Retrieval
public import Serialization
internal import Training

/// What answers depend on: a comparison goes on only with the same.
public enum ComparisonIdentity {
  /// The settings and contents that determine answers, key by key.
  ///
  /// What only says how answers are looked at is left out (metric, price, abstention), and what only adds to them (arms,
  /// seeds, limit): each arm and seed has its own answers, in the order of the questions.
  ///
  /// - Parameters:
  ///   - baseHash: of the base model's files.
  ///   - kernels: what the numbers are computed by.
  ///   - base: the documents; nil where no arm needs them.
  /// - Throws: `ModelFileError` for a data file that cannot be read, `RetrievalError`.
  public static func of(
    _ configuration: ComparisonConfiguration, baseHash: String, kernels: String,
    base: KnowledgeBase?
  ) throws -> JSONObject {
    var identity = configuration.run.numericIdentity
    let compare = configuration.compare
    identity["training.seed"] = nil
    identity["model.path"] = .string(baseHash)
    identity["compare.questions"] = .string(try hash(compare.questions))
    identity["data.train"] = .string(try hash(configuration.run.data.train))
    identity["data.validation"] = .string(try hash(configuration.run.data.validation))
    identity["data.retention"] = .string(try hash(configuration.run.data.retention))
    identity["compare.max_new_tokens"] = .integer(compare.maxNewTokens)
    identity["compare.num_fewshot"] = .integer(compare.fewShot)
    identity["kernels"] = .string(kernels)
    guard let base else { return identity }
    identity["compare.documents"] = .string(try hash(base))
    identity["compare.encoder"] = base.encoder.map { .string($0.fingerprint) } ?? .null
    identity["compare.search_method"] = .string(compare.searchMethod?.rawValue ?? "null")
    identity["compare.candidates"] = .integer(compare.candidates)
    identity["compare.top_k"] = .integer(compare.topK)
    identity["compare.raft.distractors"] = .integer(compare.raft.distractors)
    identity["compare.raft.golden_share"] = .number(compare.raft.goldenShare)
    return identity
  }

  private static func hash(_ paths: [String]) throws -> String {
    var hash = SHA256()
    for path in paths { try MappedFile(path: path).withBytes { hash.update($0) } }
    return hash.hexadecimalDigest()
  }

  /// What is in a knowledge base: its files, each with what its passages follow from.
  private static func hash(_ base: KnowledgeBase) throws -> String {
    var text = ""
    for (path, origin) in try base.files().sorted(by: { $0.key < $1.key }) {
      text += "\(path) \(origin)\n"
    }
    var hash = SHA256()
    hash.update(Array(text.utf8))
    return hash.hexadecimalDigest()
  }
}
