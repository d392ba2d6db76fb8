/// The arguments of a call, evaluated.
struct TemplateArguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  /// The arguments by the parameters of a function that is not written in the template.
  ///
  /// - Parameters:
  ///   - parameters: Their names in order. A name with `*` in front takes no positional argument.
  ///   - required: How many of them have no default.
  /// - Returns: A value per parameter, `nil` where none was given.
  func bound(
    to parameters: [String], required: Int = 0, of function: String
  ) throws(TemplateFault) -> [TemplateValue?] {
    guard positional.count <= parameters.count else {
      throw TemplateFault(
        "\(function) takes at most \(parameters.count) arguments (\(positional.count) given)")
    }
    var values: [TemplateValue?] = positional
    values += [TemplateValue?](repeating: nil, count: parameters.count - positional.count)
    for (name, value) in named {
      guard let index = parameters.firstIndex(of: name) else {
        throw TemplateFault("\(function) got an unexpected keyword argument '\(name)'")
      }
      guard values[index] == nil else {
        throw TemplateFault("\(function) got multiple values for argument '\(name)'")
      }
      values[index] = value
    }
    for index in 0..<required where values[index] == nil {
      throw TemplateFault("\(function) lacks the argument '\(parameters[index])'")
    }
    return values
  }

  /// Refuses any argument.
  func requireNone(of function: String) throws(TemplateFault) {
    _ = try bound(to: [], of: function)
  }
}

extension Optional<TemplateValue> {
  /// A whole number; `fallback` if the argument was not given.
  func integer(or fallback: Int, _ name: String) throws(TemplateFault) -> Int {
    guard let self else { return fallback }
    if case .undefined(let reason) = self { throw reason.fault }
    guard let value = self.integer else {
      throw TemplateFault("the argument '\(name)' is a \(self.typeName) and not a whole number")
    }
    return value
  }

  /// A truth value, as Python takes any value for one.
  func isTrue(or fallback: Bool = false) -> Bool {
    self?.isTrue ?? fallback
  }

  /// A string, or `nil` if the argument was not given or is `None`.
  func string(_ name: String) throws(TemplateFault) -> TracedString? {
    switch self {
    case nil, .some(.null): return nil
    case .some(.string(let text)): return text
    case .some(.undefined(let reason)): throw reason.fault
    case .some(let value):
      throw TemplateFault("the argument '\(name)' is a \(value.typeName) and not a string")
    }
  }

  func requiredString(_ name: String) throws(TemplateFault) -> TracedString {
    guard let text = try string(name) else {
      throw TemplateFault("the argument '\(name)' is not a string")
    }
    return text
  }
}
