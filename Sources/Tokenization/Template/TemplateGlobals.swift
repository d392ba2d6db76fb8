/// The functions a template finds without defining them.
enum TemplateGlobal: String {
  case range, dict, namespace, cycler, joiner
  case raiseException = "raise_exception"
  case formattedDate = "strftime_now"

  /// Calls the function.
  func call(_ arguments: TemplateArguments, date: TemplateDate?) throws(TemplateFault)
    -> TemplateValue
  {
    switch self {
    case .range: return .range(try range(arguments))
    case .dict: return .dictionary(try dictionary(arguments))
    case .namespace:
      let namespace = TemplateNamespace()
      for (key, value) in try dictionary(arguments).entries {
        guard case .string(let name) = key else {
          throw TemplateFault("the attributes of a namespace are named by strings")
        }
        try namespace.set(name.text, value)
      }
      return .namespace(namespace)
    case .cycler:
      guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
        throw TemplateFault("at least one item has to be provided")
      }
      return .cycler(TemplateCycler(try TemplateList(arguments.positional)))
    case .joiner:
      let values = try arguments.bound(to: ["sep"], of: rawValue)
      return .joiner(TemplateJoiner(try values[0]?.printed() ?? TracedString(", ")))
    case .raiseException:
      let values = try arguments.bound(to: ["message"], required: 1, of: rawValue)
      throw TemplateFault(try values[0]?.printed().text ?? "", kind: .raised)
    case .formattedDate:
      let values = try arguments.bound(to: ["format"], required: 1, of: rawValue)
      guard let date else {
        throw .unsupported("strftime_now without a recorded date")
      }
      return .text(try date.formatted(values[0].requiredString("format").text))
    }
  }

  private func range(_ arguments: TemplateArguments) throws(TemplateFault) -> TemplateRange {
    let values = try arguments.bound(to: ["start", "stop", "step"], required: 1, of: rawValue)
    let first = try values[0].integer(or: 0, "start")
    guard let stop = values[1] else { return try TemplateRange(start: 0, stop: first, step: 1) }
    return try TemplateRange(
      start: first, stop: try Optional(stop).integer(or: 0, "stop"),
      step: try values[2].integer(or: 1, "step"))
  }

  private func dictionary(_ arguments: TemplateArguments) throws(TemplateFault)
    -> TemplateDictionary
  {
    guard arguments.positional.count <= 1 else {
      throw TemplateFault("\(rawValue) takes at most one positional argument")
    }
    let result = TemplateDictionary()
    switch arguments.positional.first {
    case nil: break
    case .dictionary(let source):
      for (key, value) in source.entries { try result.set(key, value) }
    case .some(let value):
      for pair in try value.elements() {
        let parts = try pair.elements()
        guard parts.count == 2 else {
          throw TemplateFault("\(rawValue) takes pairs of a key and a value")
        }
        try result.set(parts[0], parts[1])
      }
    }
    for (name, value) in arguments.named { try result.set(.text(name), value) }
    return result
  }
}
