import Serialization

/// A key of a configuration file: all that is known about it, in one place.
///
/// Reading, overriding, suggesting, writing and documenting a key derive from its entry in
/// ``RunConfiguration/schema``.
public struct ConfigurationKey: Sendable {
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
  let read: @Sendable (YAMLNode, inout RunConfiguration) throws(ValueFault) -> Void
  let text: @Sendable (RunConfiguration) -> String

  init<Value>(
    _ path: String, _ property: any WritableKeyPath<RunConfiguration, Value> & Sendable,
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
  }

  /// Whether the key must be set.
  public var isRequired: Bool { requiredExample != nil }

  /// The default as YAML writes it, or `nil` for a key that must be set.
  public var defaultText: String? { isRequired ? nil : text(.defaults) }

  /// The last component of the path.
  public var name: String { String(path.split(separator: ".").last ?? "") }

  /// The path without its last component.
  var section: String { String(path.dropLast(name.count + 1)) }
}
