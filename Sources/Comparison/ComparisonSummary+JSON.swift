internal import Scoring
public import Serialization

extension ComparisonSummary {
  /// All answers with their scores, a line each: `scores.jsonl`.
  public var scoredLines: String {
    judged.map { JSONValue.object($0.json).serialized() + "\n" }.joined()
  }

  /// The whole comparison: `comparison.json`, which `report.html` and the terminal's table are made from.
  public var json: JSONObject {
    var json: JSONObject = [
      "metric": .string(metric.rawValue), "metric_title": .string(metric.title),
      "questions": .integer(questions.count), "scored_questions": .integer(scoredQuestions),
      "kinds": .array(
        kinds.map { ["kind": .string($0.name), "questions": .integer($0.questions)] }),
      "metrics": .array(
        metrics.map { ["metric": .string($0.rawValue), "title": .string($0.title)] }),
      "verdict": verdict.json, "notes": .array(notes.map { .string($0) }),
      "systems": .array(systems.map(\.json)),
      "differences": .array(differences.map(\.json)),
      "break_even": .array(breakEvens), "cores": .integer(cost.cores),
      "price_per_core_hour": cost.pricePerCoreHour.json,
      "disagreements": .array(disagreements),
    ]
    if let learningCurve { json["learning_curve"] = learningCurve.json }
    if !robustness.isEmpty {
      json["distractor_robustness"] = .array(
        robustness.map { arm, levels in
          ["name": .string(arm.rawValue), "levels": .array(levels.levels.map(\.json))]
        })
    }
    return json
  }

  /// After how many questions each trained arm pays for what it saves on the untrained ones.
  private var breakEvens: [JSONValue] {
    let arms = systems.filter { $0.cost != nil }
    return arms.filter { $0.cost?.trainingSeconds != nil }.flatMap { trained in
      arms.filter { $0.cost?.trainingSeconds == nil }.compactMap { other in
        guard let own = trained.cost, let cost = other.cost else { return nil }
        let questions = AnswerCost.breakEven(
          preparation: own.trainingSeconds ?? 0, secondsPerQuestion: own.meanSeconds,
          against: 0, secondsPerQuestion: cost.meanSeconds)
        return [
          "trained": .string(trained.system.name), "against": .string(other.system.name),
          "questions": questions.map { .integer($0) } ?? .null,
        ]
      }
    }
  }

  /// The questions on which arms score differently, those first on which they differ most.
  private var disagreements: [JSONValue] {
    let arms = table.systems.filter { $0.arm != nil }
    let columns = arms.map { table.values($0) { $0.scores[metric] } }
    var rows: [(index: Int, spread: Double)] = []
    for index in questions.indices {
      let scores = columns.compactMap { $0[index] }
      guard let low = scores.min(), let high = scores.max(), high > low else { continue }
      rows.append((index, high - low))
    }
    rows.sort { ($1.spread, $0.index) < ($0.spread, $1.index) }
    return rows.map { row in
      let question = questions[row.index]
      return [
        "id": .string(question.id), "question": .string(question.question),
        "kind": question.kind.map { .string($0) } ?? .null, "reference": .string(question.answer),
        "answerable": .bool(question.isAnswerable), "spread": .number(row.spread),
        "answers": .array(
          table.systems.flatMap { table.answers($0, row.index) }.map { answer in
            [
              "system": .string(answer.system.name), "seed": .integer(answer.seed),
              "answer": .string(answer.answer), "outcome": .string(answer.outcome.rawValue),
              "score": answer.scores[metric].json, "file": .string(answer.file),
              "line": .integer(answer.line),
              // Every seed of an arm has the same.
              "passages": .array(
                (answer.seed == table.seeds[answer.system]?.first
                  ? answer.record?.retrieved ?? [] : []).map { passage in
                    [
                      "citation": .string(passage.citation), "text": .string(passage.text),
                      "relevant": .bool(question.documents.contains(passage.document)),
                    ]
                  }),
            ]
          }),
      ]
    }
  }
}

extension Verdict {
  fileprivate var json: JSONValue {
    [
      "advice": .string(advice.rawValue), "chosen": chosen.map { .string($0.rawValue) } ?? .null,
      "certain": .bool(isCertain), "headline": .string(headline),
      "reasons": .array(reasons.map { .string($0) }),
    ]
  }
}

extension SystemSummary {
  fileprivate var json: JSONValue {
    var json: JSONObject = [
      "name": .string(system.name), "baseline": .bool(system.arm == nil),
      "trained": .bool(system.arm?.isTrained ?? false),
      "retrieves": .bool(system.arm?.retrieves ?? false),
      "seeds": .array(seeds.map { .integer($0) }),
      "files": .array(
        system.arm == nil
          ? [.string("scores.jsonl")]
          : seeds.map { .string("answers/\(system.name)-\($0).jsonl") }),
      "score": score.json, "seed_scores": .array(seedScores.map { .number($0) }),
      "macro_score": macroScore.json,
      "metrics": .object(
        JSONObject(
          AnswerMetric.allCases.compactMap { metric in
            metrics[metric].map { (metric.rawValue, $0.json) }
          })),
      "kinds": .object(
        JSONObject(kinds.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
      "hallucination": hallucination?.json ?? .null, "missed": missed?.json ?? .null,
      "groundedness": groundedness?.json ?? .null, "cut_off": .number(cutOff),
    ]
    if let retrieval {
      json["retrieval"] = [
        "passages": .integer(retrieval.passages), "hit": retrieval.hit.json,
        "mrr": retrieval.reciprocalRank.json,
        "context_precision": retrieval.contextPrecision.json,
        "context_recall": retrieval.contextRecall.json,
      ]
    }
    if let cost {
      json["cost"] = [
        "seconds_p50": .number(cost.medianSeconds), "seconds_p95": .number(cost.slowSeconds),
        "seconds_mean": .number(cost.meanSeconds), "prompt_tokens": .number(cost.promptTokens),
        "answer_tokens": .number(cost.answerTokens),
        "memory_bytes": cost.memoryBytes.map { .integer($0) } ?? .null,
        "training_seconds": cost.trainingSeconds.json,
        "training_memory_bytes": cost.trainingMemoryBytes.map { .integer($0) } ?? .null,
        "price_per_thousand": cost.pricePerThousand.json,
        "training_price": cost.trainingPrice.json,
      ]
    }
    if let retention {
      json["retention"] = ["before": .number(retention.before), "after": .number(retention.after)]
    }
    return .object(json)
  }
}

extension SystemSummary.Share {
  fileprivate var json: JSONValue { ["share": .number(share), "questions": .integer(questions)] }
}

extension SystemSummary.Score {
  fileprivate var json: JSONValue {
    [
      "mean": .number(interval.mean), "low": .number(interval.low),
      "high": .number(interval.high), "questions": .integer(questions),
    ]
  }
}

extension SystemDifference {
  fileprivate var json: JSONValue {
    [
      "first": .string(first.name), "second": .string(second.name),
      "difference": SystemSummary.Score(interval: interval, questions: questions).json,
      "decided": .bool(isDecided), "decided_in_family": .bool(holdsInFamily),
      "questions_to_decide": questionsToDecide.map { .integer($0) } ?? .null,
      "kinds": .object(
        JSONObject(kinds.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
    ]
  }
}

extension LearningCurve {
  fileprivate var json: JSONValue {
    [
      "points": .array(
        points.map { point in
          let interval = PairedBootstrap.mean(point.scores)
          return [
            "examples": .integer(point.examples), "mean": .number(interval.mean),
            "low": .number(interval.low), "high": .number(interval.high),
          ]
        }),
      "gain_of_100": gain(of: 100).map {
        ["mean": .number($0.mean), "low": .number($0.low), "high": .number($0.high)]
      } ?? .null,
    ]
  }
}

extension DistractorRobustness.Level {
  fileprivate var json: JSONValue {
    func json(_ interval: Interval) -> JSONValue {
      [
        "mean": .number(interval.mean), "low": .number(interval.low),
        "high": .number(interval.high),
      ]
    }
    return [
      "distractors": .integer(distractors), "score": json(score),
      "loss": loss.map(json) ?? .null,
    ]
  }
}

extension Double? {
  fileprivate var json: JSONValue { map { .number($0) } ?? .null }
}
