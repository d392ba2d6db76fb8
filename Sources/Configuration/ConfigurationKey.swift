import Serialization

/// A key of a configuration file: all that is known about it, in one place.
///
/// Reading, overriding, suggesting, writing and documenting a key derive from its entry in
/// ``RunConfiguration/schema`` or ``ComparisonConfiguration/schema``.
public struct ConfigurationKey<Configuration>: Sendable {
  /// The dotted path, such as `"training.learning_rate"`.
  public let path: String
  /// The type and bound in words, such as `"a number above 0"`.
  public let expectation: String
  /// What the key means and its unit: one sentence.
  public let documentation: String
  /// The value without default, as an example shows it; `nil` for a key that has a default.
  public let requiredExample: String?

  /// Names under which people look for the key elsewhere; they are suggested, not read.
  let otherNames: [String]
  /// The default as YAML writes it, or `nil` for a key that must be set.
  public let defaultText: String?

  let read: @Sendable (YAMLNode, inout Configuration) throws(ValueFault) -> Void
  let text: @Sendable (Configuration) -> String

  /// The same key of a larger configuration, which holds this one at `property`.
  func lifted<Outer>(
    through property: any WritableKeyPath<Outer, Configuration> & Sendable
  ) -> ConfigurationKey<Outer> {
    ConfigurationKey<Outer>(
      path: path, expectation: expectation, documentation: documentation,
      requiredExample: requiredExample, otherNames: otherNames, defaultText: defaultText,
      read: { [read] node, outer throws(ValueFault) in try read(node, &outer[keyPath: property]) },
      text: { [text] in text($0[keyPath: property]) })
  }

  /// Whether the key must be set.
  public var isRequired: Bool { requiredExample != nil }

  /// The last component of the path.
  public var name: String { String(path.split(separator: ".").last ?? "") }

  /// The path without its last component.
  var section: String { String(path.dropLast(name.count + 1)) }
}

extension ConfigurationKey where Configuration: TabledConfiguration {
  init<Value>(
    _ path: String, _ property: any WritableKeyPath<Configuration, Value> & Sendable,
    _ type: ValueType<Value>, _ documentation: String,
    requiredExample: String? = nil, otherNames: [String] = []
  ) {
    self.path = path
    self.expectation = type.expectation
    self.documentation = documentation
    self.requiredExample = requiredExample
    self.otherNames = otherNames
    self.read = { node, configuration throws(ValueFault) in
      configuration[keyPath: property] = try type.read(node)
    }
    self.text = { type.text($0[keyPath: property]) }
    self.defaultText =
      requiredExample == nil ? type.text(Configuration.defaults[keyPath: property]) : nil
  }
}
