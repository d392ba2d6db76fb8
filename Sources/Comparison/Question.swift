/// A question with the answer that is wanted.
public struct Question: Sendable, Equatable {
  /// Its name in the file; without one, its line: `test.jsonl:12`.
  public var id: String
  /// What is asked: the text of the last user turn.
  public var question: String
  /// What stands before it as the system's turn; nil for none.
  public var system: String?
  /// The answer that is wanted.
  public var answer: String
  /// The documents that hold the answer, by `id` in their metadata or by path as the knowledge base names it; empty
  /// where the file does not say.
  public var documents: [String]
  /// What sort of question it is; nil where the file does not say.
  ///
  /// Scores are also given for each kind.
  public var kind: String?
  /// Whether the documents hold an answer; false for questions that are to be declined.
  public var isAnswerable: Bool

  /// Describes a question.
  public init(
    id: String, question: String, system: String? = nil, answer: String, documents: [String] = [],
    kind: String? = nil, isAnswerable: Bool = true
  ) {
    self.id = id
    self.question = question
    self.system = system
    self.answer = answer
    self.documents = documents
    self.kind = kind
    self.isAnswerable = isAnswerable
  }
}
