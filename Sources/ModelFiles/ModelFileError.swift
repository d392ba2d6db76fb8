/// Why a model file could not be opened, read or written.
///
/// Every description is one sentence: the file, the place in it, what is wrong, what to do.
public enum ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is nothing at `path`, or not the thing a model needs.
  case missing(path: String, problem: String, remedy: String)
  /// The operating system refuses to let `path` be read.
  case unreadable(path: String, reason: String)
  /// The file ends before byte `needed`, where `place` would end.
  case truncated(path: String, place: String, needed: Int, fileSize: Int)
  /// The bytes at `place` contradict the format.
  case malformed(path: String, place: String, problem: String)
  /// The file is sound, but Lorikeet does not do this.
  case unsupported(path: String, problem: String, remedy: String)
  /// The output would replace something.
  case alreadyExists(path: String)
  /// The request itself makes no sense, such as a block type in a safetensors file.
  case invalidRequest(path: String, problem: String, remedy: String)
  /// The operating system refused a write, for example because the disk is full.
  case notWritten(path: String, reason: String)

  /// One sentence: file, place, problem, remedy.
  public var description: String {
    switch self {
    case .missing(let path, let problem, let remedy),
      .unsupported(let path, let problem, let remedy),
      .invalidRequest(let path, let problem, let remedy):
      "\(path): \(problem); \(remedy)"
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason)); check its permissions"
    case .truncated(let path, let place, let needed, let fileSize):
      "\(path): ends at byte \(fileSize), but \(place) reaches byte \(needed); download it again"
    case .malformed(let path, let place, let problem):
      "\(path): \(place) \(problem); the file is damaged, download it again"
    case .alreadyExists(let path):
      "\(path): exists already; remove it or name another output"
    case .notWritten(let path, let reason):
      "\(path): cannot be written (\(reason)); nothing was left behind"
    }
  }

  /// The exit status the tool ends with: 64 usage, 65 bad data, 66 missing input, 74 input or output.
  public var exitCode: Int32 {
    switch self {
    case .alreadyExists, .invalidRequest: 64
    case .truncated, .malformed, .unsupported: 65
    case .missing, .unreadable: 66
    case .notWritten: 74
    }
  }
}
