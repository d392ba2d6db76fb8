/// A number that says how good an answer is, most from 0 to 1, more being better.
public enum AnswerMetric: String, Sendable, CaseIterable {
  /// The same words in the same order, as SQuAD compares.
  case exactMatch = "exact_match"
  /// The same bytes, white space at both ends aside.
  case strictMatch = "strict_match"
  /// The words in common, as SQuAD counts.
  case tokenF1 = "token_f1"
  /// The longest sequence of words in common.
  case rougeL = "rouge_l"
  /// The answer names the reference's label and no other.
  case label
  /// The answer is JSON, where the reference is.
  case jsonValid = "json_valid"
  /// The answer is the reference's JSON value.
  case jsonExact = "json_exact"
  /// The share of the reference's JSON members that the answer has.
  case jsonFields = "json_fields"
  /// The answer's call has the reference's values.
  case call
  /// The answer's call is one that there is. One less this is the share of calls that are made up.
  case callKnown = "call_known"
  /// The answer's call is in the reference's group, by the loose measure of the Gorilla and RAFT papers.
  case callGroup = "call_group"
  /// What the user's command says.
  case command

  /// What people call it.
  public var title: String {
    switch self {
    case .exactMatch: "exact match"
    case .strictMatch: "strict match"
    case .tokenF1: "token F1"
    case .rougeL: "ROUGE-L"
    case .label: "label accuracy"
    case .jsonValid: "valid JSON"
    case .jsonExact: "exact JSON"
    case .jsonFields: "JSON fields"
    case .call: "exact call"
    case .callKnown: "known call"
    case .callGroup: "call's group"
    case .command: "own score"
    }
  }
}
