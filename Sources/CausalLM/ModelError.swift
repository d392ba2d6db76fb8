/// What can be wrong with a model that was opened.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// A value of the configuration is missing or impossible.
  case badConfiguration(path: String, reason: String)
  /// A tensor that the configuration calls for is missing.
  case missingTensor(path: String, name: String)
  /// A tensor has another shape than the configuration says.
  case shapeMismatch(path: String, name: String, found: [Int], expected: [Int])
  /// The model does not fit into this machine's memory.
  case tooLarge(path: String, neededBytes: Int, availableBytes: Int)

  /// The error in one sentence: what, where, remedy.
  public var description: String {
    switch self {
    case .badConfiguration(let path, let reason): "\(path): \(reason)"
    case .missingTensor(let path, let name):
      "\(path): tensor \(name) is missing; the file is incomplete, download it again"
    case .shapeMismatch(let path, let name, let found, let expected):
      "\(path): tensor \(name) is \(found) where the configuration calls for \(expected); file and configuration do not belong together"
    case .tooLarge(let path, let needed, let available):
      "\(path): needs about \(needed >> 20) MiB of memory and \(available >> 20) MiB are available; take a smaller model or load_in_4bit: true"
    }
  }
}
