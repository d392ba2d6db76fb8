/// Where a setting was made.
public enum ConfigurationPlace: Sendable, Equatable, CustomStringConvertible {
  /// On a line of a file.
  case file(String, line: Int)
  /// By `--set`.
  case override(String)
  /// In a program, or not at all.
  case code

  /// `"run.yaml line 12"`, or nothing for ``code``.
  public var description: String {
    switch self {
    case .file("", _), .code: ""
    case .file(let name, let line): "\(name) line \(line)"
    case .override(let text): "--set \(text)"
    }
  }
}

/// Why a configuration cannot be used.
///
/// Its description is one sentence for the person who wrote the file.
public enum ConfigurationError: Error, Equatable {
  /// There is no file `path`.
  case missingFile(path: String)
  /// The file `path` cannot be read.
  case unreadableFile(path: String, reason: String)
  /// The text is not the YAML that is read here.
  case notYAML(message: String, place: ConfigurationPlace)
  /// An override is not `key=value`.
  case malformedOverride(text: String)
  /// A part that holds keys, `""` for the whole file, is something else.
  case notASection(path: String, found: String, place: ConfigurationPlace)
  /// There is no such key; `remedy` names the nearest.
  case unknownKey(key: String, remedy: String, place: ConfigurationPlace)
  /// The key is known from elsewhere and means nothing here.
  case inapplicableKey(key: String, explanation: String, place: ConfigurationPlace)
  /// A key that has no default is not set.
  case missingKey(key: String, example: String, name: String)
  /// A value has the wrong type or is out of its bound.
  case invalidValue(key: String, expected: String, found: String, place: ConfigurationPlace)
  /// A value is valid and cannot be had together with another.
  case contradiction(key: String, explanation: String, place: ConfigurationPlace)
  /// A value asks for what this version does not do.
  case unsupported(key: String, explanation: String, place: ConfigurationPlace)
}

extension ConfigurationError: CustomStringConvertible {
  /// One sentence: what is wrong, what to do, and where.
  public var description: String {
    switch self {
    case .missingFile(let path):
      "\(path): there is no such file; give the path of a configuration such as configs/support.yaml"
    case .unreadableFile(let path, let reason):
      "\(path): cannot be read: \(reason)"
    case .notYAML(let message, let place):
      Self.sentence(nil, message, place)
    case .malformedOverride(let text):
      "--set \(text): expected key=value with a dotted key, such as training.learning_rate=1e-4"
    case .notASection(let path, let found, let place):
      Self.sentence(path.isEmpty ? nil : path, "expected keys with values, found \(found)", place)
    case .unknownKey(let key, let remedy, let place):
      Self.sentence(key, "unknown key; \(remedy)", place)
    case .inapplicableKey(let key, let explanation, let place):
      Self.sentence(key, "does not apply; \(explanation)", place)
    case .missingKey(let key, let example, let name):
      "\(key): missing; set it, as in \(key.split(separator: ".").last ?? ""): \(example)"
        + (name.isEmpty ? "" : " (\(name))")
    case .invalidValue(let key, let expected, let found, let place):
      Self.sentence(key, "expected \(expected), found \(found)", place)
    case .contradiction(let key, let explanation, let place):
      Self.sentence(key, explanation, place)
    case .unsupported(let key, let explanation, let place):
      Self.sentence(key, "not supported yet; \(explanation)", place)
    }
  }

  private static func sentence(
    _ subject: String?, _ message: String, _ place: ConfigurationPlace
  ) -> String {
    let subject = subject.map { "\($0): " } ?? ""
    return subject + message + (place.description.isEmpty ? "" : " (\(place))")
  }
}
