public import Serialization

extension ArmReport {
  /// Reads a comparison; nil where it is none.
  ///
  /// What is missing or of another type is left out, so that a comparison of another version still has a page.
  public init?(_ json: JSONValue) {
    guard let systems = json["systems"]?.arrayValue, let verdict = json["verdict"],
      let headline = verdict["headline"]?.stringValue
    else { return nil }
    metric = json["metric_title"]?.stringValue ?? json["metric"]?.stringValue ?? "score"
    questions = json["questions"]?.intValue ?? 0
    scoredQuestions = json["scored_questions"]?.intValue ?? questions
    kinds = (json["kinds"]?.arrayValue ?? []).compactMap { kind in
      kind["kind"]?.stringValue.map {
        Column(name: $0, title: $0, questions: kind["questions"]?.intValue)
      }
    }
    metrics = (json["metrics"]?.arrayValue ?? []).compactMap { metric in
      metric["metric"]?.stringValue.map {
        Column(name: $0, title: metric["title"]?.stringValue ?? $0, questions: nil)
      }
    }
    advice = verdict["advice"]?.stringValue ?? ""
    chosen = verdict["chosen"]?.stringValue
    isCertain = verdict["certain"]?.boolValue ?? true
    self.headline = headline
    reasons = Self.texts(verdict["reasons"])
    notes = Self.texts(json["notes"])
    self.systems = systems.compactMap(System.init)
    differences = (json["differences"]?.arrayValue ?? []).compactMap(Difference.init)
    breakEven = (json["break_even"]?.arrayValue ?? []).compactMap { pair in
      guard let trained = pair["trained"]?.stringValue, let against = pair["against"]?.stringValue
      else { return nil }
      return (trained, against, pair["questions"]?.intValue)
    }
    pricePerCoreHour = json["price_per_core_hour"]?.doubleValue
    cores = json["cores"]?.intValue
    disagreements = (json["disagreements"]?.arrayValue ?? []).compactMap(Disagreement.init)
    learning = (json["learning_curve"]?["points"]?.arrayValue ?? []).compactMap { point in
      guard let count = point["examples"]?.intValue, let score = Score(point) else { return nil }
      return Level(name: "", count: count, score: score, loss: nil)
    }
    gainOfHundred = Score(json["learning_curve"]?["gain_of_100"])
    robustness = (json["distractor_robustness"]?.arrayValue ?? []).flatMap { arm in
      (arm["levels"]?.arrayValue ?? []).compactMap { level in
        guard let name = arm["name"]?.stringValue, let count = level["distractors"]?.intValue,
          let score = Score(level["score"])
        else { return nil }
        return Level(name: name, count: count, score: score, loss: Score(level["loss"]))
      }
    }
    guard !self.systems.isEmpty else { return nil }
  }

  fileprivate static func texts(_ json: JSONValue?) -> [String] {
    (json?.arrayValue ?? []).compactMap(\.stringValue)
  }

  fileprivate static func scores(_ json: JSONValue?) -> [String: Score] {
    var scores: [String: Score] = [:]
    for member in json?.objectValue?.members ?? [] { scores[member.key] = Score(member.value) }
    return scores
  }
}

extension ArmReport.System {
  fileprivate init?(_ json: JSONValue) {
    guard let name = json["name"]?.stringValue, let score = ArmReport.Score(json["score"]) else {
      return nil
    }
    self.name = name
    self.score = score
    isBaseline = json["baseline"]?.boolValue ?? false
    seeds = (json["seeds"]?.arrayValue ?? []).compactMap(\.intValue)
    files = ArmReport.texts(json["files"])
    seedScores = (json["seed_scores"]?.arrayValue ?? []).compactMap(\.doubleValue)
    macroScore = json["macro_score"]?.doubleValue
    metrics = ArmReport.scores(json["metrics"])
    kinds = ArmReport.scores(json["kinds"])
    hallucination = ArmReport.Share(json["hallucination"])
    missed = ArmReport.Share(json["missed"])
    groundedness = ArmReport.Score(json["groundedness"])
    cutOff = json["cut_off"]?.doubleValue ?? 0
    passages = json["retrieval"]?["passages"]?.intValue
    retrieval = ArmReport.scores(json["retrieval"])
    var cost: [String: Double] = [:]
    for member in json["cost"]?.objectValue?.members ?? [] {
      cost[member.key] = member.value.doubleValue
    }
    self.cost = cost
    retention = json["retention"].flatMap { retention in
      guard let before = retention["before"]?.doubleValue,
        let after = retention["after"]?.doubleValue
      else { return nil }
      return (before, after)
    }
  }
}

extension ArmReport.Difference {
  fileprivate init?(_ json: JSONValue) {
    guard let first = json["first"]?.stringValue, let second = json["second"]?.stringValue,
      let score = ArmReport.Score(json["difference"])
    else { return nil }
    self.first = first
    self.second = second
    self.score = score
    isDecided = json["decided"]?.boolValue ?? false
    holdsInFamily = json["decided_in_family"]?.boolValue ?? false
    questionsToDecide = json["questions_to_decide"]?.intValue
  }
}

extension ArmReport.Disagreement {
  fileprivate init?(_ json: JSONValue) {
    guard let question = json["question"]?.stringValue else { return nil }
    self.question = question
    id = json["id"]?.stringValue ?? ""
    kind = json["kind"]?.stringValue
    reference = json["reference"]?.stringValue ?? ""
    isAnswerable = json["answerable"]?.boolValue ?? true
    answers = (json["answers"]?.arrayValue ?? []).compactMap { answer in
      guard let system = answer["system"]?.stringValue, let text = answer["answer"]?.stringValue
      else { return nil }
      return Answer(
        system: system, seed: answer["seed"]?.intValue ?? 0, text: text,
        score: answer["score"]?.doubleValue, outcome: answer["outcome"]?.stringValue ?? "",
        file: answer["file"]?.stringValue ?? "", line: answer["line"]?.intValue ?? 0,
        passages: (answer["passages"]?.arrayValue ?? []).map { passage in
          (
            passage["citation"]?.stringValue ?? "", passage["text"]?.stringValue ?? "",
            passage["relevant"]?.boolValue ?? false
          )
        })
    }
  }
}
