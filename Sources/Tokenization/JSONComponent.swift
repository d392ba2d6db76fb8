import Serialization

/// A value of `tokenizer.json` that knows where it stands, for error messages.
struct JSONComponent {
  let path: String
  let value: JSONValue

  init(_ path: String, _ value: JSONValue) {
    self.path = path
    self.value = value
  }

  /// The member `key`, or `nil` if it is missing or null.
  func optional(_ key: String) -> JSONComponent? {
    guard let member = value[key], !member.isNull else { return nil }
    return JSONComponent("\(path) \(key)", member)
  }

  func required(_ key: String) throws(TokenizerError) -> JSONComponent {
    guard let component = optional(key) else {
      throw .malformed(component: "\(path) \(key)", expected: "there", found: "missing")
    }
    return component
  }

  /// The value of `type`.
  var type: String? { value["type"]?.stringValue }

  func unsupportedType(remedy: String) -> TokenizerError {
    .unsupported(
      component: path, found: type.map { "\"\($0)\"" } ?? value.kindDescription, remedy: remedy)
  }

  private func malformed(_ expected: String) -> TokenizerError {
    .malformed(component: path, expected: expected, found: value.kindDescription)
  }

  func string() throws(TokenizerError) -> String {
    guard let string = value.stringValue else { throw malformed("a string") }
    return string
  }

  func bool() throws(TokenizerError) -> Bool {
    guard let bool = value.boolValue else { throw malformed("true or false") }
    return bool
  }

  func array() throws(TokenizerError) -> [JSONValue] {
    guard let array = value.arrayValue else { throw malformed("a list") }
    return array
  }

  func object() throws(TokenizerError) -> JSONObject {
    guard let object = value.objectValue else { throw malformed("an object") }
    return object
  }

  func id() throws(TokenizerError) -> Int32 {
    guard let id = value.intValue.flatMap(Int32.init(exactly:)) else { throw malformed("an id") }
    return id
  }

  func flag(_ key: String, default value: Bool) throws(TokenizerError) -> Bool {
    try optional(key)?.bool() ?? value
  }

  /// The components of a Sequence, which are its member `key`, or this one alone.
  func steps(_ key: String, depth: Int = 0) throws(TokenizerError) -> [JSONComponent] {
    guard type == "Sequence" else { return [self] }
    guard depth < 8 else { throw malformed("nested less than 8 deep") }
    var steps: [JSONComponent] = []
    for (index, value) in try required(key).array().enumerated() {
      let component = JSONComponent("\(path) entry \(index + 1)", value)
      steps += try component.steps(key, depth: depth + 1)
    }
    return steps
  }
}

extension AddedToken {
  /// Reads an added token's content and flags.
  init(id: Int32, _ entry: JSONComponent) throws(TokenizerError) {
    let isSpecial = try entry.flag("special", default: false)
    self.init(
      id: id, content: Array(try entry.required("content").string().utf8), isSpecial: isSpecial,
      isSingleWord: try entry.flag("single_word", default: false),
      stripsLeft: try entry.flag("lstrip", default: false),
      stripsRight: try entry.flag("rstrip", default: false),
      isNormalized: try entry.flag("normalized", default: !isSpecial))
  }
}
