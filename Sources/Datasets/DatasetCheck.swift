import Configuration

/// Everything that can be said about data before a run: what it holds, and all that is wrong with it.
///
/// Unlike ``Dataset``, which stops at the first bad line, it goes on to the end.
public struct DatasetCheck: Sendable {
  /// The files of one purpose, training or validation.
  public struct Part: Sendable, Equatable {
    /// Each file with what it turned out to be; `nil` where no row tells the format.
    public struct File: Sendable, Equatable {
      /// The file, as it was named.
      public var path: String
      /// The format of its rows.
      public var format: DatasetFormat?
      /// The number of rows, bad ones included.
      public var rows: Int
    }

    /// The files, in order.
    public var files: [File] = []
    /// The number of rows, bad ones included.
    public var rows: Int { files.reduce(0) { $0 + $1.rows } }
    /// Rows that a run would learn from, or validate on, if it left out those with errors.
    public var usableRows = 0
    /// Unicode scalars in the rows that can be read.
    public var characters = LengthStatistics([])
    /// Words in the rows that can be read: what white space separates.
    public var words = LengthStatistics([])
    /// Tokens of the rows that can be read, if the model is known.
    public var tokens: TokenStatistics?
    /// How often each answer is given, if answers are labels.
    public var labels: LabelDistribution?
  }

  /// All problems of one kind and severity.
  public struct Issue: Sendable, Equatable {
    /// What is wrong.
    public var kind: DatasetProblem.Kind
    /// What it does to a run.
    public var severity: DatasetProblem.Severity
    /// How many there are.
    public var count: Int
    /// The first of them, as many as were asked for.
    public var first: [DatasetProblem]
  }

  /// The files to learn from.
  public private(set) var train = Part()
  /// The files to validate on, if there are any.
  public private(set) var validation: Part?
  /// What is wrong, errors first.
  public var issues: [Issue] {
    DatasetProblem.Severity.allCases.flatMap { severity in
      DatasetProblem.Kind.allCases.compactMap { found[IssueKey(kind: $0, severity: severity)] }
    }
  }
  /// The number of rows with an error.
  public var rowsWithErrors: Int { faultyRows.count }
  /// The number of errors.
  public var errors: Int { count(.error) }
  /// The number of warnings.
  public var warnings: Int { count(.warning) }

  private struct IssueKey: Hashable {
    var kind: DatasetProblem.Kind
    var severity: DatasetProblem.Severity
  }

  private let preparation: RowPreparation?
  private let shown: Int
  private var found: [IssueKey: Issue] = [:]
  private var faultyRows: Set<ExampleSource> = []

  /// Checks files.
  ///
  /// - Parameters:
  ///   - train: JSONL files to learn from.
  ///   - validation: JSONL files to validate on.
  ///   - preparation: How rows become tokens; `nil` if no model is known, and then nothing is said of tokens.
  ///   - shown: How many problems of each kind are kept; all are counted.
  /// - Throws: ``DatasetError/missingFile(path:)`` or ``DatasetError/unreadableFile(path:reason:)``; whatever
  ///   else is wrong is in ``issues``.
  public init(
    train: [String], validation: [String] = [], preparation: RowPreparation? = nil, shown: Int = 3
  ) throws(DatasetError) {
    func read(_ paths: [String]) throws(DatasetError) -> [(path: String, bytes: [UInt8])] {
      var files: [(path: String, bytes: [UInt8])] = []
      for path in paths { files.append((path, try FileBytes.read(path))) }
      return files
    }
    self.init(
      train: try read(train), validation: try read(validation), preparation: preparation,
      shown: shown)
  }

  /// Checks files that are already in memory.
  init(
    train: [(path: String, bytes: [UInt8])], validation: [(path: String, bytes: [UInt8])] = [],
    preparation: RowPreparation? = nil, shown: Int = 3
  ) {
    self.preparation = preparation
    self.shown = shown
    var trainPart = Part()
    let trainRows = read(train, into: &trainPart, answersAreLabels: false)
    self.train = trainPart
    let known = RowIndex(trainRows)
    report(known.repetitions)
    guard !validation.isEmpty else { return }
    var part = Part()
    // A few validation rows do not tell that their answers are labels; the training rows do.
    let validationRows = read(
      validation, into: &part, answersAreLabels: trainPart.labels != nil)
    report(RowIndex(validationRows).repetitions)
    report(known.leaks(into: validationRows))
    self.validation = part
  }

  private func count(_ severity: DatasetProblem.Severity) -> Int {
    found.values.filter { $0.severity == severity }.reduce(0) { $0 + $1.count }
  }

  private mutating func report(_ problems: [DatasetProblem]) {
    for problem in problems {
      let key = IssueKey(kind: problem.kind, severity: problem.severity)
      var issue =
        found[key] ?? Issue(kind: problem.kind, severity: problem.severity, count: 0, first: [])
      issue.count += 1
      if issue.first.count < shown { issue.first.append(problem) }
      found[key] = issue
      if problem.severity == .error, problem.place.line > 0 {
        faultyRows.insert(ExampleSource(path: problem.place.path, line: problem.place.line))
      }
    }
  }

  // MARK: Rows

  /// The rows that can be read; the others, and what is odd about these, are reported.
  private mutating func read(
    _ files: [(path: String, bytes: [UInt8])], into part: inout Part, answersAreLabels: Bool
  ) -> [Example] {
    var rows: [Example] = []
    for file in files {
      let result = file.bytes.withUnsafeBytes { Self.read($0, path: file.path) }
      part.files.append(result.file)
      report(result.problems)
      rows += result.rows
    }
    part.characters = LengthStatistics(
      rows.map { $0.texts.reduce(0) { $0 + $1.unicodeScalars.count } })
    part.words = LengthStatistics(
      rows.map { $0.texts.reduce(0) { $0 + Self.wordCount($1) } })
    part.labels = LabelDistribution(rows)
    if let labels = part.labels {
      report(labels)
    } else if !answersAreLabels {
      reportOneWordAnswers(rows)
    }
    part.usableRows = rows.count
    measure(rows, &part)
    return rows
  }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) -> (file: Part.File, rows: [Example], problems: [DatasetProblem]) {
    let format = firstFormat(in: bytes, path: path)
    var file = Part.File(path: path, format: format, rows: 0)
    var rows: [Example] = []
    var problems: [DatasetProblem] = []
    for line in JSONLines(bytes, path: path) {
      file.rows += 1
      do throws(DatasetError) {
        let row = try line.object()
        guard let format else {
          _ = try line.format(of: row)
          continue
        }
        var check = RowCheck(line, format: format)
        if let example = check.read(row) { rows.append(example) }
        problems += check.problems
      } catch {
        problems.append(DatasetProblem(error))
        // Every line of an array would be reported, and none of them is at fault.
        if case .jsonArray = error { return (file, rows, problems) }
      }
    }
    if file.rows == 0 { problems.append(DatasetProblem(.noRows(path: path))) }
    return (file, rows, problems)
  }

  /// The format of the first row that has one: a fault in the first row is not to hide those of all others.
  private static func firstFormat(
    in bytes: UnsafeRawBufferPointer, path: String
  ) -> DatasetFormat? {
    for line in JSONLines(bytes, path: path) {
      do throws(DatasetError) {
        return try line.format(of: try line.object())
      } catch {
        continue
      }
    }
    return nil
  }

  private static func wordCount(_ text: String) -> Int {
    var count = 0
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isSpace = scalar.properties.isWhitespace
      if !isSpace, !isInWord { count += 1 }
      isInWord = !isSpace
    }
    return count
  }

  // MARK: Answers

  private mutating func reportOneWordAnswers(_ rows: [Example]) {
    for row in rows {
      guard let answer = row.answer, Self.isOneWord(answer) else { continue }
      report([
        DatasetProblem(
          .oneWordAnswer, .warning, at: row.source.place,
          "the answer is one word; see that nothing was lost")
      ])
    }
  }

  private mutating func report(_ labels: LabelDistribution) {
    guard let most = labels.labels.first, let least = labels.labels.last else { return }
    if labels.labels.count == 1 {
      report([
        DatasetProblem(
          .unbalancedLabels, .warning, at: most.first.place,
          "all \(most.rows) rows have the answer \(RowFault.list([most.text])), so that nothing else "
            + "is learnt; add rows with other answers")
      ])
    } else if labels.imbalance >= LabelDistribution.unbalanced {
      report([
        DatasetProblem(
          .unbalancedLabels, .warning, at: least.first.place,
          "the label \(RowFault.list([least.text])) has \(least.rows) "
            + "row\(least.rows == 1 ? "" : "s") and \(RowFault.list([most.text])) has \(most.rows); "
            + "add rows of the rarer labels")
      ])
    }
  }

  /// Whether an answer is one word in a script that separates words.
  private static func isOneWord(_ answer: String) -> Bool {
    guard wordCount(answer) == 1 else { return false }
    return answer.unicodeScalars.allSatisfy { scalar in
      let isBracket = ["{", "[", "<", "("].contains(scalar)
      let isUnspacedScript =
        scalar.properties.isIdeographic || (0x3040...0x30FF).contains(scalar.value)
        || (0x0E00...0x0EFF).contains(scalar.value)
      return !isBracket && !isUnspacedScript
    }
  }

  // MARK: Tokens

  private mutating func measure(_ rows: [Example], _ part: inout Part) {
    guard let preparation else { return }
    let measured = TokenizedDataset.inParallel(rows) { row in
      Result<TokenCount, DatasetError> { () throws(DatasetError) in try preparation.measure(row) }
    }
    var counts: [TokenCount] = []
    var unusable = 0
    for result in measured {
      do throws(DatasetError) {
        let count = try result.get()
        counts.append(count)
        guard count.tokens > preparation.maxLength else { continue }
        let problem = overlong(count, preparation)
        if problem.severity == .error || preparation.overlong == .drop { unusable += 1 }
        report([problem])
      } catch {
        unusable += 1
        report([DatasetProblem(error)])
      }
    }
    part.usableRows = rows.count - unusable
    part.tokens = TokenStatistics(counts, maxLength: preparation.maxLength)
    if preparation.overlong == .drop, !counts.isEmpty,
      counts.allSatisfy({ $0.tokens > preparation.maxLength })
    {
      report([
        DatasetProblem(.allTooLong(rows: counts.count, maximum: preparation.maxLength))
      ])
    }
  }

  private func overlong(_ count: TokenCount, _ preparation: RowPreparation) -> DatasetProblem {
    let maximum = preparation.maxLength
    let length = "the row has \(count.tokens) tokens, more than max_length = \(maximum)"
    let lost = count.supervised - count.supervisedWithin
    let cost = "\(lost) of its \(count.supervised) supervised tokens"
    let place = count.source.place
    switch preparation.overlong {
    case .error:
      return DatasetProblem(
        .tooLong, .error, at: place,
        "\(length); raise it, or set data.overlong to drop, or to truncate, which loses \(cost)")
    case .drop:
      return DatasetProblem(.tooLong, .warning, at: place, "\(length), and is left out")
    case .truncate:
      guard count.supervisedWithin > 0 else {
        return DatasetProblem(
          .nothingToLearn(count.source, why: .truncated(maximum: maximum)))
      }
      return DatasetProblem(
        .tooLong, .warning, at: place, "\(length), and its end is cut off with \(cost)")
    }
  }
}
