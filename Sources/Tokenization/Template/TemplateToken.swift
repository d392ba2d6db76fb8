/// A token of a template's source.
struct TemplateToken {
  enum Kind: Equatable {
    /// Text outside of tags.
    case data(String)
    case blockBegin, blockEnd, variableBegin, variableEnd
    case name(String)
    case string(String)
    case integer(Int)
    case float(Double)
    /// An operator or bracket, as written.
    case symbol(String)
    case end
  }

  let kind: Kind
  /// The line it starts on, from 1.
  let line: Int

  func isName(_ name: String) -> Bool { kind == .name(name) }
  func isSymbol(_ symbol: String) -> Bool { kind == .symbol(symbol) }

  /// How an error message calls the token.
  var description: String {
    switch kind {
    case .data: "template text"
    case .blockBegin: "begin of statement block"
    case .blockEnd: "end of statement block"
    case .variableBegin: "begin of print statement"
    case .variableEnd: "end of print statement"
    case .name(let name): "'\(name)'"
    case .string: "string"
    case .integer: "integer"
    case .float: "float"
    case .symbol(let symbol): "'\(symbol)'"
    case .end: "end of template"
    }
  }
}
