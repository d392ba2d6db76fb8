import Serialization

/// What a file and the command line say, key by key, before it becomes a configuration.
///
/// Overrides replace a file's values before any is read, so a value that is replaced may be wrong.
struct ConfigurationSettings<Configuration: TabledConfiguration> {
  let name: String
  private var values: [String: (node: YAMLNode, override: String?)] = [:]

  init(name: String) {
    self.name = name
  }

  // MARK: Collecting

  mutating func add(_ document: YAMLNode) throws(ConfigurationError) {
    try add(document, under: "")
  }

  /// Nesting is bounded: only paths that the schema knows as sections are entered.
  private mutating func add(_ node: YAMLNode, under section: String) throws(ConfigurationError) {
    guard case .mapping(let members, _) = node else {
      if node.isNull { return }
      throw .notASection(
        path: section, found: ValueFault.describe(node), place: place(node.position))
    }
    for member in members {
      let path = section.isEmpty ? member.key : section + "." + member.key
      if member.key.contains(".") {
        throw Self.suggestion.error(forDotted: path, at: place(member.position))
      } else if Configuration.table.key(path) != nil {
        values[path] = (member.value, nil)
      } else if Configuration.table.isSection(path) {
        try add(member.value, under: path)
      } else {
        throw Self.suggestion.error(forUnknown: path, at: place(member.position))
      }
    }
  }

  mutating func add(override: String) throws(ConfigurationError) {
    guard let equals = override.firstIndex(of: "="), equals > override.startIndex else {
      throw .malformedOverride(text: override)
    }
    let path = String(override[..<equals])
    let text = String(override[override.index(after: equals)...])
    guard Configuration.table.key(path) != nil else {
      if Configuration.table.isSection(path) { throw .malformedOverride(text: override) }
      throw Self.suggestion.error(forUnknown: path, at: .override(override))
    }
    values[path] = (try node(ofOverride: text, override), override)
  }

  /// The value of `key=text`: YAML where it can only be that, else the text as it stands, so that a path or a
  /// regular expression needs no quoting.
  private func node(
    ofOverride text: String, _ override: String
  ) throws(ConfigurationError) -> YAMLNode {
    guard let first = text.first, "[{\"'".contains(first) else {
      return .scalar(text, isQuoted: false, TextPosition(line: 1, column: 1))
    }
    do throws(YAMLError) {
      return try YAML.parse(text)
    } catch {
      throw .notYAML(
        message: "the value starts like YAML and is not; close it, or put it in quotes",
        place: .override(override))
    }
  }

  // MARK: Reading

  func configuration() throws(ConfigurationError) -> Configuration {
    var configuration = Configuration.defaults
    for key in Configuration.table.keys {
      guard let (node, override) = values[key.path] else { continue }
      do throws(ValueFault) {
        try key.read(node, &configuration)
      } catch {
        throw .invalidValue(
          key: key.path, expected: error.expected ?? key.expectation, found: error.found,
          place: override.map { .override($0) } ?? place(error.position))
      }
    }
    for key in Configuration.table.keys where values[key.path] == nil {
      guard let example = key.requiredExample else { continue }
      throw .missingKey(key: key.path, example: example, name: name)
    }
    try configuration.check(self)
    return configuration
  }

  private static var suggestion: KeySuggestion<Configuration> {
    KeySuggestion(table: Configuration.table)
  }

  /// Where `path` is set.
  func place(of path: String) -> ConfigurationPlace {
    guard let (node, override) = values[path] else { return .code }
    return override.map { .override($0) } ?? place(node.position)
  }

  private func place(_ position: TextPosition) -> ConfigurationPlace {
    .file(name, line: position.line)
  }
}
