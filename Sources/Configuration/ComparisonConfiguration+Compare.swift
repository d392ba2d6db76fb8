extension ComparisonConfiguration {
  /// What is compared: section `compare`.
  public struct Compare: Sendable, Equatable {
    /// JSONL files of held-out questions with answers.
    public var questions: [String]
    /// The ways of answering that are compared.
    public var arms: [Arm]
    /// What each trained arm is trained with, one after the other; the first chooses worked examples.
    public var seeds: [Int]
    /// Only so many questions; nil: all.
    public var limit: Int?
    /// Most tokens of an answer.
    public var maxNewTokens: Int
    /// Worked examples before the question, of the arm `few-shot`.
    public var fewShot: Int
    /// A folder of documents, which is indexed; nil: none.
    public var documents: String?
    /// A knowledge base that `lorikeet index` made; nil: none.
    public var knowledgeBase: String?
    /// Most characters of a passage of `documents`.
    public var chunkSize: Int
    /// Most characters that a passage shares with the one before.
    public var chunkOverlap: Int
    /// A folder of a sentence encoder; nil: search by words only.
    public var encoder: String?
    /// What passages are found by; nil: both with an encoder, words without.
    public var searchMethod: SearchMethod?
    /// How many passages each method of search gives.
    public var candidates: Int
    /// How many passages stand in a prompt.
    public var topK: Int
    /// What an answer is worth.
    public var metric: Metric
    /// The command that says it, under `metric` `.command`.
    public var metricCommand: String?
    /// The arguments that make two calls the same, under `metric` `.call`; none: no call is scored.
    public var callArguments: [String]
    /// A JSONL file of the calls that there are; nil: none is known.
    public var knownCalls: String?
    /// A phrase that declines to answer; nil: none is known.
    public var abstention: String?
    /// What an hour of one core costs.
    public var pricePerCoreHour: Double
    /// Shares of the training rows that the arm `tuned` is trained with besides; none: no learning curve.
    public var learningCurve: [Double]
    /// Numbers of passages that are put beside the golden one besides; none: not measured.
    public var distractorRobustness: [Int]
    /// The training rows of the arm `tuned-retrieval`.
    public var raft: RAFT

    /// Makes the section; what is not given has its default.
    public init(
      questions: [String], arms: [Arm] = Arm.allCases, seeds: [Int] = [42], limit: Int? = nil,
      maxNewTokens: Int = 128, fewShot: Int = 4, documents: String? = nil,
      knowledgeBase: String? = nil, chunkSize: Int = 1_000, chunkOverlap: Int = 200,
      encoder: String? = nil, searchMethod: SearchMethod? = nil, candidates: Int = 20,
      topK: Int = 4, metric: Metric = .tokenF1, metricCommand: String? = nil,
      callArguments: [String] = [], knownCalls: String? = nil,
      abstention: String? = nil, pricePerCoreHour: Double = 0.05,
      learningCurve: [Double] = [], distractorRobustness: [Int] = [], raft: RAFT = RAFT()
    ) {
      self.questions = questions
      self.arms = arms
      self.seeds = seeds
      self.limit = limit
      self.maxNewTokens = maxNewTokens
      self.fewShot = fewShot
      self.documents = documents
      self.knowledgeBase = knowledgeBase
      self.chunkSize = chunkSize
      self.chunkOverlap = chunkOverlap
      self.encoder = encoder
      self.searchMethod = searchMethod
      self.candidates = candidates
      self.topK = topK
      self.metric = metric
      self.metricCommand = metricCommand
      self.callArguments = callArguments
      self.knownCalls = knownCalls
      self.abstention = abstention
      self.pricePerCoreHour = pricePerCoreHour
      self.learningCurve = learningCurve
      self.distractorRobustness = distractorRobustness
      self.raft = raft
    }
  }

  /// A way of answering.
  public enum Arm: String, Sendable, CaseIterable {
    /// The model as it is.
    case base
    /// With worked examples before the question.
    case fewShot = "few-shot"
    /// With passages that were found for the question.
    case retrieval
    /// Fine-tuned.
    case tuned
    /// Fine-tuned to answer from passages, and with passages.
    case tunedRetrieval = "tuned-retrieval"
  }

  /// What passages are found by.
  public enum SearchMethod: String, Sendable, CaseIterable {
    /// Words.
    case bm25
    /// Meaning.
    case dense
    /// Both.
    case hybrid
  }

  /// What an answer is worth.
  public enum Metric: String, Sendable, CaseIterable {
    /// 1 for the reference's text, normalised, else 0.
    case exactMatch = "exact_match"
    /// F1 of the words that answer and reference share.
    case tokenF1 = "token_f1"
    /// F of their longest common subsequence of words.
    case rougeL = "rouge_l"
    /// 1 for the reference's label.
    case label
    /// The share of the reference's JSON members that are right.
    case jsonFields = "json_fields"
    /// 1 for a call of the reference's function with the arguments that count.
    case call
    /// What a command says.
    case command
  }

  /// Rows that teach to answer from passages: section `compare.raft`.
  ///
  /// - SeeAlso: Zhang et al. 2024, "RAFT: Adapting Language Model to Domain Specific RAG", arXiv:2403.10131.
  public struct RAFT: Sendable, Equatable {
    /// Passages in a row that do not hold the answer.
    public var distractors: Int
    /// The share of rows that have the passage which does.
    public var goldenShare: Double

    /// Makes the section; what is not given has its default.
    public init(distractors: Int = 3, goldenShare: Double = 0.8) {
      self.distractors = distractors
      self.goldenShare = goldenShare
    }
  }
}
