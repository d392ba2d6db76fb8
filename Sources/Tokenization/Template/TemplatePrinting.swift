/// Values as text, the way Python's `str` and `repr` write them.
extension TemplateValue {
  /// `str(value)`, what `{{ value }}` prints.
  func printed() throws(TemplateFault) -> TracedString {
    switch self {
    case .string(let text): return text
    case .undefined: return TracedString(glyphs: [])
    default:
      var output = TracedStringBuilder()
      try writeRepresentation(to: &output, origin: 0)
      return output.string
    }
  }

  /// `repr(value)`.
  func represented() throws(TemplateFault) -> TracedString {
    var output = TracedStringBuilder()
    try writeRepresentation(to: &output, origin: 0)
    return output.string
  }

  /// - Parameter origin: where brackets, numbers and all that is no string are from.
  fileprivate func writeRepresentation(
    to output: inout TracedStringBuilder, origin: UInt32
  ) throws(TemplateFault) {
    switch self {
    case .undefined: try output.append("Undefined", origin: origin)
    case .null: try output.append("None", origin: origin)
    case .bool(let value): try output.append(value ? "True" : "False", origin: origin)
    case .integer(let value): try output.append(String(value), origin: origin)
    case .float(let value): try output.append(PythonNumbers.text(of: value), origin: origin)
    case .string(let text):
      if text.isMarkup { try output.append("Markup(", origin: origin) }
      try PythonText.quoted(text, into: &output, origin: origin)
      if text.isMarkup { try output.append(")", origin: origin) }
    case .list(let list):
      let origin = list.origin == 0 ? origin : list.origin
      try output.append("[", origin: origin)
      try list.writeElements(to: &output, origin: origin)
      try output.append("]", origin: origin)
    case .tuple(let list):
      try output.append("(", origin: origin)
      try list.writeElements(to: &output, origin: origin)
      try output.append(list.items.count == 1 ? ",)" : ")", origin: origin)
    case .dictionary(let dictionary):
      try dictionary.writeRepresentation(to: &output, origin: origin)
    case .view(let view):
      try output.append("dict_\(view.part.rawValue)([", origin: origin)
      try TemplateList(try view.items()).writeElements(to: &output, origin: origin)
      try output.append("])", origin: origin)
    case .range(let range):
      let step = range.step == 1 ? "" : ", \(range.step)"
      try output.append("range(\(range.start), \(range.stop)\(step))", origin: origin)
    case .loop(let loop):
      try output.append("<LoopContext \(loop.index + 1)/", origin: origin)
      try loop.attribute("length")?.writeRepresentation(to: &output, origin: origin)
      try output.append(">", origin: origin)
    case .function(.macro(let macro)):
      try output.append("<Macro '\(macro.syntax.name)'>", origin: origin)
    case .iterator, .cycler, .joiner, .function, .namespace:
      // Python prints an address in memory, or an order of attributes, that no two runs share.
      throw .unsupported("printing a \(typeName)")
    }
  }
}

extension TemplateList {
  fileprivate func writeElements(
    to output: inout TracedStringBuilder, origin: UInt32
  ) throws(TemplateFault) {
    for (index, item) in items.enumerated() {
      if index > 0 { try output.append(", ", origin: origin) }
      try item.writeRepresentation(to: &output, origin: origin)
    }
  }
}

extension TemplateDictionary {
  fileprivate func writeRepresentation(
    to output: inout TracedStringBuilder, origin: UInt32
  ) throws(TemplateFault) {
    let origin = self.origin == 0 ? origin : self.origin
    try output.append("{", origin: origin)
    for (index, entry) in entries.enumerated() {
      if index > 0 { try output.append(", ", origin: origin) }
      try entry.key.writeRepresentation(to: &output, origin: origin)
      try output.append(": ", origin: origin)
      try entry.value.writeRepresentation(to: &output, origin: origin)
    }
    try output.append("}", origin: origin)
  }
}
