extension RunConfiguration {
  /// Every key with this configuration's value, as a YAML file that loads to an equal configuration.
  public func resolvedYAML() -> String {
    ConfigurationWriter.yaml(of: self, isDocumented: false)
  }

  /// Every key with its meaning, bound and default: the file `configs/reference.yaml`.
  public static var referenceYAML: String {
    let introduction = """
      # Every key of a Lorikeet configuration, with its default. Generated from the schema; a test compares.
      # Override any of them: lorikeet train CONFIG.yaml --set training.learning_rate=1e-4

      """
    return introduction
      + ConfigurationWriter.yaml(of: RunConfiguration.defaults, isDocumented: true)
  }
}

/// Lays keys out in their sections.
enum ConfigurationWriter {
  static func yaml<Configuration: TabledConfiguration>(
    of configuration: Configuration, isDocumented: Bool
  ) -> String {
    let table = Configuration.table
    var text = ""
    var openSection = ""
    for key in table.keys {
      if configuration.nullSections.contains(key.section) {
        if key.section != openSection {
          text += "\(indentation(of: key.section))\(key.section): null\n"
        }
        openSection = key.section
        continue
      }
      if key.section != openSection {
        openSection = key.section
        text += heading(of: openSection, isDocumented ? table.sections : [])
      }
      let indent = indentation(of: key.path)
      guard isDocumented else {
        text += "\(indent)\(key.name): \(key.text(configuration))\n"
        continue
      }
      let state = key.defaultText.map { "default \($0)" } ?? "required"
      text += "\(indent)# \(key.documentation) [\(key.expectation); \(state)]\n"
      text += "\(indent)\(key.name): \(key.requiredExample ?? key.text(configuration))\n"
    }
    return text
  }

  private static func heading(
    of path: String, _ documented: [(path: String, documentation: String)]
  ) -> String {
    let indent = indentation(of: path)
    let name = path.split(separator: ".").last ?? ""
    guard let section = documented.first(where: { $0.path == path }) else {
      return "\(indent)\(name):\n"
    }
    return "\n\(indent)# \(section.documentation)\n\(indent)\(name):\n"
  }

  private static func indentation(of path: String) -> String {
    String(repeating: "  ", count: path.split(separator: ".").count - 1)
  }
}
