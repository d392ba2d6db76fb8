import Serialization

/// The keys of one kind of configuration, in the order in which files list them.
struct ConfigurationTable<Configuration>: Sendable {
  /// A section and what it is about.
  typealias Section = (path: String, documentation: String)

  let keys: [ConfigurationKey<Configuration>]
  /// Each section, in order.
  let sections: [Section]
  /// The page or file that lists every key.
  let reference: String

  private let keysByPath: [String: ConfigurationKey<Configuration>]

  init(keys: [ConfigurationKey<Configuration>], sections: [Section], reference: String) {
    self.keys = keys
    self.sections = sections
    self.reference = reference
    keysByPath = Dictionary(keys.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func key(_ path: String) -> ConfigurationKey<Configuration>? { keysByPath[path] }

  func isSection(_ path: String) -> Bool { sections.contains { $0.path == path } }

  /// The sections that stand in no other, as a sentence lists them.
  var topLevel: String {
    let names = sections.map(\.path).filter { !$0.contains(".") }
    return names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }
}

/// A configuration that is read from YAML by a table of its keys.
protocol TabledConfiguration: Sendable {
  /// Every key.
  static var table: ConfigurationTable<Self> { get }
  /// The defaults, with nothing in place of the required values.
  static var defaults: Self { get }
  /// Refuses values that are each valid and together make no sense, or ask for what is not done yet.
  func check(_ settings: ConfigurationSettings<Self>) throws(ConfigurationError)
}

extension TabledConfiguration {
  /// What the YAML text `yaml` says, with `overrides` in place of what they name.
  static func read(
    yaml: [UInt8], name: String, overrides: [String]
  ) throws(ConfigurationError) -> Self {
    var settings = ConfigurationSettings<Self>(name: name)
    let document: YAMLNode
    do throws(YAMLError) {
      document = try YAML.parse(yaml)
    } catch {
      throw .notYAML(message: error.message, place: .file(name, line: error.line))
    }
    try settings.add(document)
    for override in overrides { try settings.add(override: override) }
    return try settings.configuration()
  }
}
