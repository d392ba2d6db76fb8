internal import ModelFiles
internal import Serialization

#if canImport(Glibc)
  internal import Glibc
#endif

/// The answers of one arm, a line each in the order of the questions, as far as they are given.
///
/// Lines are appended and put on disk in small groups. A process that ends in the middle of a line leaves it torn; it is
/// cut off when the arm goes on.
public final class AnswerLog {
  /// The file.
  public let path: String
  /// The answers that are there.
  public private(set) var answers: [AnswerRecord]
  private var descriptor: Int32
  private var pending: [UInt8] = []
  private var pendingCount = 0
  private var lastSync = ContinuousClock.now

  /// Answers between two writes, at most.
  private static let groupSize = 16
  /// Time between two writes, at most.
  private static let interval = Duration.seconds(5)

  /// Opens an arm's answers, makes the file where there is none, and cuts off what is torn.
  ///
  /// - Parameter questions: what is asked, in order.
  /// - Throws: ``ComparisonError/damagedAnswers(path:line:)`` where a line answers something else; `ModelFileError`.
  public init(path: String, arm: Arm, seed: Int, questions: [Question]) throws {
    self.path = path
    answers = []
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.notWritten(path) }
    let (found, end) = try Self.records(path)
    for (index, (record, question)) in zip(found, questions).enumerated() {
      guard record.arm == arm, record.seed == seed, record.question == question else {
        throw ComparisonError.damagedAnswers(path: path, line: index + 1)
      }
      answers.append(record)
    }
    guard ftruncate(descriptor, off_t(end)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw Self.notWritten(path)
    }
  }

  deinit { close(descriptor) }

  /// The whole lines of a file, and how many bytes they are.
  private static func records(_ path: String) throws -> ([AnswerRecord], end: Int) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > 0 else { return ([], 0) }
    let bytes = try MappedFile(path: path).withBytes { Array($0) }
    var records: [AnswerRecord] = []
    var start = 0
    while let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      guard let json = try? JSON.parse(Array(bytes[start..<newline])),
        let record = AnswerRecord(json: json)
      else {
        // What a crash left may also be a whole line of nothing, but only the last.
        if newline + 1 == bytes.count { break }
        throw ComparisonError.damagedAnswers(path: path, line: records.count + 1)
      }
      records.append(record)
      start = newline + 1
    }
    return (records, start)
  }

  /// Adds the answer to the next question.
  ///
  /// - Throws: `ModelFileError.notWritten`.
  public func append(_ record: AnswerRecord) throws {
    answers.append(record)
    pending += Array((JSONValue.object(record.json).serialized() + "\n").utf8)
    pendingCount += 1
    if pendingCount >= Self.groupSize || ContinuousClock.now - lastSync > Self.interval {
      try sync()
    }
  }

  /// Puts what was added on disk.
  ///
  /// - Throws: `ModelFileError.notWritten`.
  public func sync() throws {
    var rest = pending[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.notWritten(path)
      }
      rest = rest.dropFirst(count)
    }
    guard pending.isEmpty || fsync(descriptor) == 0 else { throw Self.notWritten(path) }
    pending = []
    pendingCount = 0
    lastSync = ContinuousClock.now
  }

  private static func notWritten(_ path: String) -> ModelFileError {
    .notWritten(path: path, reason: String(cString: strerror(errno)))
  }
}
