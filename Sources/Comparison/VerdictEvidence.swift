internal import Foundation
internal import Scoring

/// What a verdict rests on, and the sentences that say so.
struct VerdictEvidence {
  let systems: [SystemSummary]
  let differences: [SystemDifference]
  let questions: Int

  private var arms: [Arm] { systems.compactMap(\.system.arm) }
  private var baselineSystems: [ComparedSystem] {
    systems.map(\.system).filter { $0.arm == nil }
  }

  /// A system's mean score.
  func score(_ system: ComparedSystem) -> Double {
    systems.first { $0.system == system }?.score.interval.mean ?? 0
  }

  private func summary(_ arm: Arm) -> SystemSummary? { systems.first { $0.system == .arm(arm) } }

  /// The difference of two systems, whichever of the two comes first in the list.
  private func difference(_ first: ComparedSystem, _ second: ComparedSystem) -> SystemDifference? {
    differences.first { $0.first == first && $0.second == second }
      ?? differences.first { $0.first == second && $0.second == first }?.reversed
  }

  private func isBetter(_ first: ComparedSystem, than second: ComparedSystem) -> Bool {
    difference(first, second).map { $0.isDecided && $0.interval.mean > 0 } ?? false
  }

  /// The best arm and those it is not decidedly better than, simplest first.
  var leaders: [Arm] {
    guard
      let best = arms.max(by: {
        (score(.arm($0)), $1) < (score(.arm($1)), $0)
      })
    else { return [] }
    return arms.filter { $0 == best || !isBetter(.arm(best), than: .arm($0)) }
  }

  /// Whether a system is decidedly better than every baseline.
  func beatsBaselines(_ system: ComparedSystem) -> Bool {
    baselineSystems.allSatisfy { isBetter(system, than: $0) }
  }

  /// The kinds of question on which one is decidedly better than the other, with by how much.
  func kinds(where first: ComparedSystem, beats second: ComparedSystem) -> [(
    kind: String, by: Interval
  )] {
    guard let difference = difference(first, second) else { return [] }
    return difference.kinds.filter {
      $0.value.interval.low > 0
        && SystemDifference.isDecided($0.value.interval, $0.value.questions)
    }.map { ($0.key, $0.value.interval) }.sorted { $0.kind < $1.kind }
  }

  // MARK: - Sentences

  /// How the chosen arm stands to the others.
  func comparison(of chosen: Arm, among leaders: [Arm]) -> String {
    let own = ComparedSystem.arm(chosen)
    let beaten = arms.filter { isBetter(own, than: .arm($0)) }
    var text = "\(own.title.capitalizedFirst) scores \(Self.decimal(score(own)))"
    if let next = beaten.max(by: { score(.arm($0)) < score(.arm($1)) }),
      let difference = difference(own, .arm(next))
    {
      text +=
        ", \(ComparedSystem.arm(next).title) \(Self.decimal(score(.arm(next)))): better by \(Self.text(difference.interval)) on the same \(questions) questions"
      let others = beaten.filter { $0 != next }.map { ComparedSystem.arm($0).title }
      if !others.isEmpty { text += ", and better than \(Self.list(others)), too" }
    } else {
      text += ", and is the simplest arm that no other is measurably better than"
    }
    return text + "."
  }

  /// Arms that seem better and may be, with what would decide.
  func doubts(about chosen: Arm, _ rivals: [Arm]) -> [String] {
    rivals.compactMap { rival in
      guard let difference = difference(.arm(rival), .arm(chosen)) else { return nil }
      return
        "\(questions) questions do not decide between \(ComparedSystem.arm(chosen).title) and \(ComparedSystem.arm(rival).title), which scores \(Self.text(difference.interval)) more: \(more(difference))."
    }
  }

  private func more(_ difference: SystemDifference) -> String {
    guard let needed = difference.questionsToDecide else {
      return "the difference is too small for any number of questions to be worth asking"
    }
    let further = max(1, needed - difference.questions)
    return "if the difference is what it seems, about \(further) more would"
  }

  /// That training is the wrong tool, where an arm that was trained is not worth it.
  func wrongTool(_ chosen: Arm, _ rivals: [Arm]) -> [String] {
    let trained = arms.filter(\.isTrained)
    guard !chosen.isTrained, !trained.isEmpty else { return [] }
    let own = ComparedSystem.arm(chosen)
    let worse = trained.filter { isBetter(own, than: .arm($0)) }
    if worse.count == trained.count,
      let best = worse.max(by: { score(.arm($0)) < score(.arm($1)) }),
      let difference = difference(own, .arm(best))
    {
      return [
        "Fine-tuning is the wrong tool here: \(own.title) does without it and is better than \(ComparedSystem.arm(best).title) by \(Self.text(difference.interval))."
      ]
    }
    let what =
      rivals.contains(where: \.isTrained)
      ? "Fine-tuning has yet to show that it is worth its price here"
      : "Fine-tuning is the wrong tool here as far as can be told"
    return ["\(what): no arm that was trained is measurably better than \(own.title)."]
  }

  /// Kinds of question on which another arm is better than the chosen one.
  func exceptions(to chosen: Arm) -> [String] {
    let own = ComparedSystem.arm(chosen)
    var best: [String: (arm: Arm, by: Interval)] = [:]
    for arm in arms where arm != chosen {
      for (kind, by) in kinds(where: .arm(arm), beats: own)
      where by.mean > best[kind]?.by.mean ?? 0 {
        best[kind] = (arm, by)
      }
    }
    return best.sorted { $0.key < $1.key }.map { kind, winner in
      "Not everywhere: on questions of the kind “\(kind)” \(ComparedSystem.arm(winner.arm).title) is better by \(Self.text(winner.by))."
    }
  }

  /// What the baselines reach.
  func baselines() -> [String] {
    let parts = baselineSystems.map { "\($0.title) scores \(Self.decimal(score($0)))" }
    return parts.isEmpty ? [] : ["For comparison: \(Self.list(parts)), both without a model."]
  }

  /// After how many questions training pays.
  func payback(_ chosen: Arm) -> [String] {
    guard let tuned = summary(.tuned)?.cost, let training = tuned.trainingSeconds,
      let retrieval = summary(.retrieval)?.cost, chosen == .tuned || chosen == .retrieval
    else { return [] }
    let minutes = Self.decimal(training / 60, digits: 1)
    guard
      let count = AnswerCost.breakEven(
        preparation: training, secondsPerQuestion: tuned.meanSeconds, against: 0,
        secondsPerQuestion: retrieval.meanSeconds)
    else {
      return [
        "Training takes \(minutes) min and never pays for itself in time: an answer of the tuned model takes no less than one from passages."
      ]
    }
    return [
      "Training takes \(minutes) min, which shorter prompts make up for after \(count) questions."
    ]
  }

  /// What training made the chosen arm forget.
  func forgetting(_ chosen: Arm) -> [String] {
    guard let retention = summary(chosen)?.retention, retention.before > 0,
      retention.after > retention.before
    else { return [] }
    let change = 100 * (retention.after / retention.before - 1)
    return [
      "Training raised the loss on the retention text by \(Self.decimal(change, digits: 1)) %: so much was forgotten."
    ]
  }

  /// Why no arm is worth it.
  func failures() -> [String] {
    guard
      let best = arms.max(by: { (score(.arm($0)), $1) < (score(.arm($1)), $0) }),
      let rival = baselineSystems.filter({ !isBetter(.arm(best), than: $0) }).max(by: {
        score($0) < score($1)
      }), let difference = difference(.arm(best), rival)
    else { return ["There are too few questions to tell anything."] }
    var reasons = [
      "The best arm is \(ComparedSystem.arm(best).title) with \(Self.decimal(score(.arm(best)))); \(rival.title) scores \(Self.decimal(score(rival))). The difference is \(Self.text(difference.interval))."
    ]
    if difference.interval.high < 0 {
      reasons.append("Looking answers up among the training rows is better than any model here.")
    } else {
      reasons.append("As for telling them apart: \(more(difference)).")
    }
    reasons.append(
      "Either the model is too small for the task, or the questions and the metric do not measure it: look at the answers before training more."
    )
    return reasons
  }

  // MARK: - Numbers

  static func decimal(_ value: Double, digits: Int = 3) -> String {
    let text = String(format: "%.\(digits)f", value)
    let isZero = text.allSatisfy { "-0.".contains($0) }
    return text.hasPrefix("-") ? isZero ? String(text.dropFirst()) : "−\(text.dropFirst())" : text
  }

  private static func text(_ interval: Interval) -> String {
    "\(decimal(interval.mean)) [\(decimal(interval.low)), \(decimal(interval.high))]"
  }

  private static func list(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }
}

extension SystemDifference {
  /// Second less first.
  fileprivate var reversed: SystemDifference {
    var other = self
    (other.first, other.second) = (second, first)
    other.interval = interval.negated
    other.familyInterval = familyInterval.negated
    other.kinds = kinds.mapValues {
      SystemSummary.Score(interval: $0.interval.negated, questions: $0.questions)
    }
    return other
  }
}

extension Interval {
  fileprivate var negated: Interval { Interval(mean: -mean, low: -high, high: -low) }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
