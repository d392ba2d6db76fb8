internal import Scoring

extension SystemSummary {
  /// Sums up a system's answers.
  ///
  /// - Parameters:
  ///   - index: the system's place in the resamplings.
  ///   - all: the metric that counts over the questions `scored`.
  init(
    _ system: ComparedSystem, _ index: Int, _ table: ScoreTable, _ runs: [ArmRun],
    _ basis: CostBasis, metric: AnswerMetric, all: Resampling,
    byMetric: [(metric: AnswerMetric, resampling: Resampling)], byKind: [(String, Resampling)],
    scored: [Int]
  ) {
    func score(_ resampling: Resampling) -> Score {
      Score(interval: resampling.interval(index), questions: resampling.count)
    }
    self.system = system
    seeds = system.arm == nil ? [] : table.seeds[system] ?? []
    self.score = score(all)
    metrics = Dictionary(
      uniqueKeysWithValues: byMetric.map { ($0.metric, score($0.resampling)) })
    kinds = Dictionary(uniqueKeysWithValues: byKind.map { ($0, score($1)) })
    macroScore =
      byKind.count > 1
      ? byKind.reduce(0) { $0 + $1.1.mean(index) } / Double(byKind.count) : nil
    seedScores = seeds.indices.map { seed in
      let values = scored.compactMap { table.answers(system, $0)[seed].scores[metric] }
      return values.reduce(0, +) / Double(max(1, values.count))
    }
    let answers = table.answers(system)
    hallucination = table.share(system) {
      $0.question.isAnswerable ? nil : $0.outcome == .hallucinated
    }
    missed = table.share(system) { $0.question.isAnswerable ? $0.outcome == .missed : nil }
    groundedness = table.score(system, \.groundedness)
    retrieval = Retrieval(system, table)
    let records = answers.compactMap(\.record)
    cutOff =
      records.isEmpty
      ? 0 : Double(records.count { !$0.isComplete }) / Double(records.count)
    let own = runs.filter { .arm($0.arm) == system }
    cost = Cost(records, own, basis)
    let measured = own.compactMap { run in
      run.retentionLossBefore.flatMap { before in
        run.retentionLossAfter.map { (before, $0) }
      }
    }
    if !measured.isEmpty {
      let count = Double(measured.count)
      retention = Retention(
        before: measured.reduce(0) { $0 + $1.0 } / count,
        after: measured.reduce(0) { $0 + $1.1 } / count)
    }
  }
}

extension SystemSummary.Retrieval {
  fileprivate init?(_ system: ComparedSystem, _ table: ScoreTable) {
    guard let hit = table.score(system, { $0.retrieval?.hit }),
      let reciprocalRank = table.score(system, { $0.retrieval?.reciprocalRank }),
      let contextPrecision = table.score(system, { $0.retrieval?.contextPrecision }),
      let contextRecall = table.score(system, { $0.retrieval?.contextRecall })
    else { return nil }
    self.hit = hit
    self.reciprocalRank = reciprocalRank
    self.contextPrecision = contextPrecision
    self.contextRecall = contextRecall
    passages = table.answers(system).compactMap { $0.record?.retrieved.count }.max() ?? 0
  }
}

extension SystemSummary.Cost {
  fileprivate init?(_ records: [AnswerRecord], _ runs: [ArmRun], _ basis: CostBasis) {
    let seconds = records.map(\.seconds)
    guard let median = AnswerCost.quantile(0.5, of: seconds),
      let slow = AnswerCost.quantile(0.95, of: seconds)
    else { return nil }
    let count = Double(records.count)
    medianSeconds = median
    slowSeconds = slow
    meanSeconds = seconds.reduce(0, +) / count
    promptTokens = records.reduce(0) { $0 + Double($1.promptTokens) } / count
    answerTokens = records.reduce(0) { $0 + Double($1.answerTokens) } / count
    memoryBytes = runs.map(\.memoryBytes).max()
    let training = runs.compactMap(\.trainingSeconds)
    trainingSeconds =
      training.isEmpty ? nil : training.reduce(0, +) / Double(training.count)
    trainingMemoryBytes = runs.compactMap(\.trainingMemoryBytes).max()
    guard let price = basis.pricePerCoreHour else { return }
    pricePerThousand = AnswerCost.price(
      seconds: 1_000 * meanSeconds, cores: basis.cores, pricePerCoreHour: price)
    trainingPrice = trainingSeconds.map {
      AnswerCost.price(seconds: $0, cores: basis.cores, pricePerCoreHour: price)
    }
  }
}
