internal import CausalLM
public import Datasets
internal import Serialization

/// The texts that a merged model is compared with base and adapter on.
public enum MergeProbes {
  /// The most tokens of a text: both models' logits of a whole text are in memory.
  public static let maximumTokens = 512

  /// Rows of a user's data as the model reads them, cut off after `maximumTokens`.
  ///
  /// - Throws: `DatasetError` for a row that cannot be read.
  public static func texts(of rows: [Example], for chat: ChatModel) throws -> [TokenizedExample] {
    let data = try TokenizedDataset(
      rows, tokenizer: chat.tokenizer, template: chat.template,
      maxLength: chat.model.configuration.maximumPositions)
    return data.examples.map { example in
      TokenizedExample(
        tokens: Array(example.tokens.prefix(maximumTokens)),
        lossWeights: Array(example.lossWeights.prefix(maximumTokens)), source: example.source)
    }
  }

  /// A few exchanges of the kind that any model sees; of the answers' tokens perplexity is taken.
  public static func common(for chat: ChatModel) throws -> [TokenizedExample] {
    try texts(
      of: exchanges.enumerated().map { index, exchange in
        let messages = [
          ChatModel.message("user", exchange.question),
          ChatModel.message("assistant", exchange.answer),
        ]
        let content: Example.Content =
          chat.template == nil
          ? .completion(prompt: "\(exchange.question)\n", completion: exchange.answer)
          : .conversation(Conversation(messages: messages, weights: [0, 1]))
        return Example(content, source: ExampleSource(path: "common texts", line: index + 1))
      }, for: chat)
  }

  private static let exchanges = [
    (question: "What is the capital of France?", answer: "The capital of France is Paris."),
    (
      question: "my order 48213 still hasn't arrived, can you check?",
      answer:
        "I am sorry about the delay. Order 48213 left our warehouse on Monday and should reach you by Thursday."
    ),
    (
      question: "List three uses of copper.",
      answer: "1. Electrical wiring\n2. Water pipes\n3. Cooking pots"
    ),
    (
      question: "Write a short poem about the sea.",
      answer:
        "The sea lies grey beneath the dawn,\nit breathes, and every breath is long;\nthe night it kept is almost gone,\nand all its waves are made of song."
    ),
    (
      question: "Explain why the sky is blue.",
      answer:
        "Air scatters short waves of light more than long ones. Blue light comes to our eyes from all over the sky, while red light passes almost straight through."
    ),
    (
      question: "Return the city and the date as JSON: The meeting is in Lyon on 3 May 2024.",
      answer: "{\"city\": \"Lyon\", \"date\": \"2024-05-03\"}"
    ),
    (
      question: "def mean(numbers): what should the body be in Python?",
      answer: "    return sum(numbers) / len(numbers)"
    ),
    (question: "What is 17 times 6?", answer: "17 times 6 is 102."),
  ]
}
