internal import Scoring

/// What a comparison says to do, in plain words.
///
/// The rules, in this order:
///
/// 1. The leaders are the best arm and every arm that it is not decidedly better than: the 95 % interval of their
///    difference holds 0.
/// 2. A leader that is not decidedly better than each baseline does not count. If none is left, the advice is
///    ``Advice/neither``.
/// 3. Of the leaders that are left the simplest is chosen, in the order of ``Arm``: what is harder to run must show that
///    it is better.
/// 4. If retrieval or tuning is chosen, the other is decidedly better on some kind of question, and tuning with retrieval
///    is a leader, then that is chosen: each brings something that the other lacks.
/// 5. The advice is certain if no other leader seems better than what is chosen; else each such leader is named, with how
///    many questions would decide.
public struct Verdict: Sendable, Equatable {
  /// What to do.
  public enum Advice: String, Sendable {
    /// The model as it is will do, with or without worked examples.
    case prompt
    /// Have the model read the documents: what is missing is knowledge, which may change.
    case retrieve
    /// Train the model: what is missing is behaviour.
    case tune
    /// Train it to answer from what is retrieved.
    case both
    /// Nothing does measurably better than an answer without a model.
    case neither
  }

  /// What to do.
  public let advice: Advice
  /// The arm to run; nil for none.
  public let chosen: Arm?
  /// Whether no other arm may be better.
  public let isCertain: Bool
  /// The advice in a sentence.
  public let headline: String
  /// Why, a sentence or two each.
  public let reasons: [String]

  /// Judges.
  ///
  /// - Parameters:
  ///   - differences: every two systems, the later of `systems` first.
  ///   - questions: how many the metric that counts applies to.
  init(systems: [SystemSummary], differences: [SystemDifference], questions: Int) {
    let evidence = VerdictEvidence(systems: systems, differences: differences, questions: questions)
    let leaders = evidence.leaders
    let sound = leaders.filter { evidence.beatsBaselines(.arm($0)) }
    guard let simplest = sound.min() else {
      self = Verdict(neither: evidence)
      return
    }
    var chosen = simplest
    if let other: Arm = simplest == .retrieval ? .tuned : simplest == .tuned ? .retrieval : nil,
      sound.contains(.tunedRetrieval),
      !evidence.kinds(where: .arm(other), beats: .arm(simplest)).isEmpty
    {
      chosen = .tunedRetrieval
    }
    let mean = evidence.score(.arm(chosen))
    let rivals = leaders.filter { $0 != chosen && evidence.score(.arm($0)) > mean }
    let advice: Advice =
      switch chosen {
      case .base, .fewShot: .prompt
      case .retrieval: .retrieve
      case .tuned: .tune
      case .tunedRetrieval: .both
      }
    self.advice = advice
    self.chosen = chosen
    isCertain = rivals.isEmpty
    headline = Self.headline(chosen, isCertain: rivals.isEmpty)
    reasons =
      [evidence.comparison(of: chosen, among: leaders), Self.meaning(chosen)]
      + evidence.doubts(about: chosen, rivals) + evidence.wrongTool(chosen, rivals)
      + evidence.exceptions(to: chosen) + evidence.baselines() + evidence.payback(chosen)
      + evidence.forgetting(chosen)
  }

  private init(neither evidence: VerdictEvidence) {
    advice = .neither
    chosen = nil
    isCertain = true
    headline = "Neither: nothing here does measurably better than an answer without a model."
    reasons = evidence.failures()
  }

  private static func headline(_ chosen: Arm, isCertain: Bool) -> String {
    let what =
      switch chosen {
      case .base: "Use the model as it is"
      case .fewShot: "Put worked examples into the prompt"
      case .retrieval: "Retrieve"
      case .tuned: "Fine-tune"
      case .tunedRetrieval: "Fine-tune and retrieve"
      }
    let rest =
      switch chosen {
      case .base, .fewShot: "neither retrieval nor training is called for"
      case .retrieval: "what the questions need is knowledge, and the documents have it"
      case .tuned: "what the questions need is behaviour, and training gives it"
      case .tunedRetrieval: "each adds something that the other lacks"
      }
    return isCertain ? "\(what): \(rest)." : "\(what), as far as these questions can tell."
  }

  private static func meaning(_ chosen: Arm) -> String {
    switch chosen {
    case .base, .fewShot:
      "A prompt can be changed in a minute and a model that nobody trained forgets nothing; more is only worth its price where it shows."
    case .retrieval:
      "Knowledge in documents stays current: when they change, indexing them anew is all there is to do, and an answer can cite what it rests on."
    case .tuned:
      "Form, tone and choice are learnt from examples and need no longer prompt; facts that change would have to be trained in again each time."
    case .tunedRetrieval:
      "Training teaches how to answer, the passages say what; documents may change without training anew as long as the manner of answering stays."
    }
  }
}
