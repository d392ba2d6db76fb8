/// The keys of a comparison: a run's, and its own.
enum ComparisonSchema {
  static let table = ConfigurationTable<ComparisonConfiguration>(
    // Every trained arm has each of compare.seeds in turn.
    keys: keys.filter { $0.path != "training.seed" }, sections: sections,
    reference: "docs/configuration.md")

  /// A run's keys, all of them, and a comparison's own.
  static let keys: [ConfigurationKey<ComparisonConfiguration>] =
    ConfigurationSchema.table.keys.map { $0.lifted(through: \.run) } + asked + retrieval + worth
    + onDemand + raft

  static let sections: [ConfigurationTable<ComparisonConfiguration>.Section] =
    ConfigurationSchema.table.sections + [
      ("compare", "What `lorikeet compare` compares; no other command reads it."),
      ("compare.raft", "The rows that teach to answer from passages (RAFT, arXiv:2403.10131)."),
    ]

  private static let asked: [ConfigurationKey<ComparisonConfiguration>] = [
    .init(
      "compare.questions", \.compare.questions,
      .list(.text("a path"), "a JSONL file or a list of them", mayBeEmpty: false),
      "JSONL files of held-out questions with the answers that are wanted.",
      requiredExample: "data/handbook/test.jsonl",
      otherNames: ["test", "eval", "question_file", "test_file"]),
    .init(
      "compare.arms", \.compare.arms,
      .list(
        .choice(), "one of base, few-shot, retrieval, tuned, tuned-retrieval, or a list of them",
        mayBeEmpty: false),
      "The ways of answering that are compared.", otherNames: ["methods", "systems"]),
    .init(
      "compare.seeds", \.compare.seeds,
      .list(
        .integer(0...1_000_000_000), "a whole number from 0 to 1000000000, or a list of them",
        mayBeEmpty: false),
      "What the trained arms are trained with, each in turn; the first also chooses worked examples.",
      otherNames: ["seed"]),
    .init(
      "compare.limit", \.compare.limit, .optional(.integer(1...1_000_000)),
      "Only the first questions, so many.", otherNames: ["max_questions"]),
    .init(
      "compare.max_new_tokens", \.compare.maxNewTokens, .integer(1...65536),
      "The most tokens of an answer.", otherNames: ["max_tokens", "max_gen_toks"]),
    .init(
      "compare.num_fewshot", \.compare.fewShot, .integer(0...1_000),
      "Worked examples in the prompt of the arm few-shot, from data.train.",
      otherNames: ["shots", "n_shot", "few_shot", "k_shot", "fewshot"]),
  ]

  private static let retrieval: [ConfigurationKey<ComparisonConfiguration>] = [
    .init(
      "compare.documents", \.compare.documents, .optional(.text("a folder or a file")),
      "The documents that passages are found in; they are indexed in the run folder.",
      otherNames: ["docs", "corpus", "documents_dir"]),
    .init(
      "compare.knowledge_base", \.compare.knowledgeBase,
      .optional(.text("a file that lorikeet index made")),
      "An index of them that is there already, in place of documents.",
      otherNames: ["index", "kb", "vector_store"]),
    .init(
      "compare.chunk_size", \.compare.chunkSize, .integer(20...1_000_000),
      "The most characters of a passage of documents.", otherNames: ["passage_size"]),
    .init(
      "compare.chunk_overlap", \.compare.chunkOverlap, .integer(0...999_999),
      "The most characters that a passage shares with the one before.", otherNames: ["overlap"]),
    .init(
      "compare.encoder", \.compare.encoder, .optional(.text("a folder")),
      "A sentence encoder such as all-MiniLM-L6-v2, for search by meaning; null: by words only.",
      otherNames: ["embedder", "embedding_model", "embeddings"]),
    .init(
      "compare.search_method", \.compare.searchMethod, .optional(.choice()),
      "What passages are found by; null: hybrid with an encoder, else bm25.",
      otherNames: ["method", "search", "retriever", "search_type"]),
    .init(
      "compare.candidates", \.compare.candidates, .integer(1...10_000),
      "How many passages each method of search gives, before the best are taken.",
      otherNames: ["fetch_k"]),
    .init(
      "compare.top_k", \.compare.topK, .integer(1...1_000),
      "How many passages stand in a prompt.",
      otherNames: ["passages", "num_passages", "similarity_top_k", "k", "top_n"]),
  ]

  private static let worth: [ConfigurationKey<ComparisonConfiguration>] = [
    .init(
      "compare.metric", \.compare.metric, .choice(),
      "The score that the verdict rests on; all that apply are in the table.",
      otherNames: ["score", "primary_metric", "scorer"]),
    .init(
      "compare.metric_command", \.compare.metricCommand, .optional(.text("a command")),
      "The command of metric: command; docs/compare.md says what it reads and writes.",
      otherNames: ["score_command"]),
    .init(
      "compare.call_arguments", \.compare.callArguments,
      .list(
        .text("an argument's name"), "an argument's name, a list of them, or null", mayBeEmpty: true
      ),
      "The arguments that two calls have alike under metric: call, such as [repo_or_dir, model].",
      otherNames: ["call_args"]),
    .init(
      "compare.known_calls", \.compare.knownCalls, .optional(.text("a path")),
      "A JSONL file of the calls that there are: a call that is none of them is made up.",
      otherNames: ["calls", "known_apis"]),
    .init(
      "compare.abstention", \.compare.abstention, .optional(.text("a phrase")),
      "The phrase by which an answer declines; answers that hold it count as declined.",
      otherNames: ["refusal", "abstain"]),
    .init(
      "compare.price_per_core_hour", \.compare.pricePerCoreHour, .number(atLeast: 0),
      "What an hour of one core costs, in any currency; prices in the report follow from it.",
      otherNames: ["core_hour_price", "price"]),
  ]

  private static let onDemand: [ConfigurationKey<ComparisonConfiguration>] = [
    .init(
      "compare.learning_curve", \.compare.learningCurve,
      .list(
        .number("a number above 0 and below 1") { $0 > 0 && $0 < 1 },
        "a list of numbers above 0 and below 1, or null", mayBeEmpty: true),
      "Shares of data.train that the arm tuned is trained with besides, two or more, to say what further rows would buy."
    ),
    .init(
      "compare.distractor_robustness", \.compare.distractorRobustness,
      .list(
        .integer(0...1_000), "a list of whole numbers from 0 to 1000, or null", mayBeEmpty: true),
      "Numbers of passages put beside the golden one, two or more, to say how the arms with passages bear them.",
      otherNames: ["robustness"]),
  ]

  private static let raft: [ConfigurationKey<ComparisonConfiguration>] = [
    .init(
      "compare.raft.distractors", \.compare.raft.distractors, .integer(0...1_000),
      "Passages in a row that a search returns and that do not hold the answer.",
      otherNames: ["num_distractors", "num_distract"]),
    .init(
      "compare.raft.golden_share", \.compare.raft.goldenShare,
      .number("a number from 0 to 1") { (0...1).contains($0) },
      "The share of rows that have the passage with the answer; the others have distractors only.",
      otherNames: ["p", "golden_fraction", "oracle_share"]),
  ]
}
