/// Rows by what they say and by what they ask, to find those that occur twice.
struct RowIndex {
  /// Rows that repeat an earlier one, or answer its question differently.
  private(set) var repetitions: [DatasetProblem] = []

  private var rows: [[UInt8]: ExampleSource] = [:]
  private var prompts: [[UInt8]: ExampleSource] = [:]

  init(_ examples: [Example]) {
    for example in examples {
      let identity = example.identity
      if let earlier = rows[identity] {
        repetitions.append(
          DatasetProblem(
            .exactDuplicate, .warning, at: example.source.place,
            "the row is the same as \(Self.name(earlier, from: example.source)); remove one"))
        continue
      }
      rows[identity] = example.source
      guard let prompt = example.promptIdentity else { continue }
      if let earlier = prompts[prompt] {
        repetitions.append(
          DatasetProblem(
            .conflictingAnswers, .warning, at: example.source.place,
            "the row asks the same as \(Self.name(earlier, from: example.source)) and has another "
              + "answer; keep the right one"))
      } else {
        prompts[prompt] = example.source
      }
    }
  }

  /// The validation rows that are among these, or whose question is.
  func leaks(into validation: [Example]) -> [DatasetProblem] {
    validation.compactMap { example in
      let message: String
      if let source = rows[example.identity] {
        message = "the row is also in the training data, at \(source); remove it from one of them"
      } else if let prompt = example.promptIdentity, let source = prompts[prompt] {
        message =
          "the training data asks the same, at \(source), with another answer; remove it from one "
          + "of them"
      } else {
        return nil
      }
      return DatasetProblem(.validationLeakage, .warning, at: example.source.place, message)
    }
  }

  private static func name(_ earlier: ExampleSource, from source: ExampleSource) -> String {
    earlier.path == source.path ? "line \(earlier.line)" : "\(earlier)"
  }
}
