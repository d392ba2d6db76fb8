public import Serialization

extension AnswerRecord {
  /// The record as a line of `answers/<arm>-<seed>.jsonl` holds it.
  public var json: JSONObject {
    [
      "arm": .string(arm.rawValue), "seed": .integer(seed), "question": .object(question.json),
      "retrieved": .array(
        retrieved.map {
          [
            "citation": .string($0.citation), "document": .string($0.document),
            "text": .string($0.text),
          ]
        }),
      "answer": .string(answer), "complete": .bool(isComplete),
      "prompt_tokens": .integer(promptTokens), "answer_tokens": .integer(answerTokens),
      "seconds": .number(seconds),
    ]
  }

  /// Reads what ``json`` wrote; nil where a member is missing or of another type.
  public init?(json: JSONValue) {
    guard let name = json["arm"]?.stringValue, let arm = Arm(rawValue: name),
      let seed = json["seed"]?.intValue,
      let question = json["question"].flatMap({ Question(json: $0) }),
      let retrieved = json["retrieved"]?.arrayValue,
      let answer = json["answer"]?.stringValue, let isComplete = json["complete"]?.boolValue,
      let promptTokens = json["prompt_tokens"]?.intValue,
      let answerTokens = json["answer_tokens"]?.intValue,
      let seconds = json["seconds"]?.doubleValue
    else { return nil }
    var passages: [Retrieved] = []
    for passage in retrieved {
      guard let citation = passage["citation"]?.stringValue,
        let document = passage["document"]?.stringValue, let text = passage["text"]?.stringValue
      else { return nil }
      passages.append(Retrieved(citation: citation, document: document, text: text))
    }
    self.init(
      arm: arm, seed: seed, question: question, retrieved: passages, answer: answer,
      isComplete: isComplete, promptTokens: promptTokens, answerTokens: answerTokens,
      seconds: seconds)
  }
}

extension Question {
  /// The question as a line of answers holds it; what the file did not say is left out.
  public var json: JSONObject {
    var json: JSONObject = ["id": .string(id), "question": .string(question)]
    if let system { json["system"] = .string(system) }
    json["answer"] = .string(answer)
    if !documents.isEmpty { json["docs"] = .array(documents.map { .string($0) }) }
    if let kind { json["kind"] = .string(kind) }
    json["answerable"] = .bool(isAnswerable)
    return json
  }

  /// Reads what ``json`` wrote; nil where a member is missing or of another type.
  public init?(json: JSONValue) {
    guard let id = json["id"]?.stringValue, let question = json["question"]?.stringValue,
      let answer = json["answer"]?.stringValue, let isAnswerable = json["answerable"]?.boolValue
    else { return nil }
    let documents = (json["docs"]?.arrayValue ?? []).map(\.stringValue)
    guard !documents.contains(nil) else { return nil }
    self.init(
      id: id, question: question, system: json["system"]?.stringValue, answer: answer,
      documents: documents.compactMap { $0 }, kind: json["kind"]?.stringValue,
      isAnswerable: isAnswerable)
  }
}
