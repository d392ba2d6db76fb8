public import Retrieval

/// Finds passages for questions, always in the same way.
public final class PassageFinder {
  /// Where they are.
  public let base: KnowledgeBase
  /// What makes a question's vector; nil for search by words only.
  public let encoder: SentenceEncoder?
  /// What passages are found by.
  public let method: Search.Method
  /// How many passages each method gives.
  public let candidates: Int
  /// The files of the knowledge base.
  private let paths: [String]

  /// Prepares to search.
  ///
  /// - Throws: `RetrievalError` where the knowledge base was made with another encoder.
  public init(
    _ base: KnowledgeBase, encoder: SentenceEncoder?, method: Search.Method?, candidates: Int
  ) throws(RetrievalError) {
    if let encoder { try base.check(encoder.identity) }
    self.base = base
    self.encoder = encoder
    self.method = method ?? (encoder == nil ? .words : .both)
    self.candidates = candidates
    paths = try base.files().keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The best passages for a text, best first.
  ///
  /// - Throws: `RetrievalError`.
  public func passages(
    for text: String, count: Int, filters: [String: String] = [:]
  ) throws(RetrievalError) -> [Passage] {
    let search = Search(
      text, method: method, count: count, candidates: max(count, candidates), filters: filters)
    return try base.find(search, vector: method == .words ? nil : encoder?.encode([text])[0])
      .map(\.passage)
  }

  /// Whether a passage is of the document that a question names: by the `id` in its metadata, or by its path or the
  /// end of it.
  static func isOf(_ document: String, _ passage: Passage) -> Bool {
    passage.metadata["id"] == document || isPath(passage.path, of: document)
  }

  private static func isPath(_ path: String, of document: String) -> Bool {
    path == document || path.hasSuffix("/" + document)
  }

  /// What a passage's document is called: as the question calls it, where it names it.
  func document(of passage: Passage, for question: Question) -> String {
    question.documents.first { Self.isOf($0, passage) } ?? passage.metadata["id"] ?? passage.path
  }

  /// The passages that hold a training question's answer: of each document that it names the one that is likest to
  /// question and answer together.
  ///
  /// A question without an answer in the documents has none.
  ///
  /// - Parameter guesses: takes the likest passage of all for a question that names no document.
  /// - Throws: `RetrievalError`.
  func golden(for question: Question, guesses: Bool) throws(RetrievalError) -> [Passage] {
    guard question.isAnswerable else { return [] }
    let text = question.question + "\n" + question.answer
    if guesses, question.documents.isEmpty { return try passages(for: text, count: 1) }
    var golden: [Passage] = []
    for document in question.documents {
      let path = paths.first { Self.isPath($0, of: document) }
      let filter = path.map { ["path": $0] } ?? ["id": document]
      golden += try passages(for: text, count: 1, filters: filter)
    }
    return golden
  }

  /// The passages that a search for the question gives and that do not hold its answer, best first.
  ///
  /// - Throws: `RetrievalError`.
  func distractors(
    for question: Question, besides golden: [Passage], count: Int
  ) throws(RetrievalError) -> [Passage] {
    let found = try passages(for: question.question, count: count + golden.count + candidates)
    let others = found.filter { passage in
      !golden.contains { $0.id == passage.id || $0.text == passage.text }
        && !question.documents.contains { Self.isOf($0, passage) }
    }
    return Array(others.prefix(count))
  }
}
