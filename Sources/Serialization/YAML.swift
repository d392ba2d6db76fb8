import CYAML

/// Reads YAML through libyaml.
///
/// A file is one document of mappings, sequences and scalars. What turns a small file into a large value or
/// carries types of its own is refused: anchors and aliases, tags, further documents, keys that are not
/// text, keys that occur twice, nesting beyond ``maximumDepth``.
///
/// - SeeAlso: YAML 1.1, https://yaml.org/spec/1.1; libyaml's `yaml.h` for the events.
public enum YAML {
  /// How deep mappings and sequences may nest.
  public static let maximumDepth = 64

  /// The largest text that is read, in bytes.
  public static let maximumByteCount = 4 << 20

  /// The one document that `bytes` hold.
  ///
  /// - Throws: ``YAMLError`` with the place of the first fault.
  public static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode {
    guard !bytes.isEmpty else { throw YAMLError.emptyFile }
    guard bytes.count <= maximumByteCount else {
      throw YAMLError(
        line: 1, column: 1,
        message: "the text has \(bytes.count) bytes, more than \(maximumByteCount)")
    }
    if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
      let before = bytes.prefix(offset)
      let lineStart = (before.lastIndex(of: 0x0A) ?? -1) + 1
      throw YAMLError(
        line: 1 + before.count { $0 == 0x0A },
        column: 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 },
        message:
          "the byte 0x\(JSON.hexadecimal(bytes[offset])) is not UTF-8; save the file as UTF-8")
    }
    let result = bytes.withUnsafeBufferPointer { buffer in
      Result<YAMLNode, YAMLError> { () throws(YAMLError) in
        // Told the encoding, libyaml takes a byte-order mark for text.
        let hasMark = buffer.starts(with: [0xEF, 0xBB, 0xBF])
        let reader = try YAMLEventReader(
          hasMark ? UnsafeBufferPointer(rebasing: buffer.dropFirst(3)) : buffer)
        return try reader.document()
      }
    }
    return try result.get()
  }

  /// The one document that `text` holds.
  ///
  /// - Throws: ``YAMLError`` with the place of the first fault.
  public static func parse(_ text: String) throws(YAMLError) -> YAMLNode {
    try parse(Array(text.utf8))
  }
}

extension YAMLError {
  fileprivate static let emptyFile = YAMLError(line: 1, column: 1, message: "the file is empty")
}

/// libyaml's parser and the tree built from its events.
///
/// A class, so that the C parser has one address from initialisation to deletion.
private final class YAMLEventReader {
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// Starts to read `buffer`, which must outlive the reader.
  init(_ buffer: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError(line: 1, column: 1, message: "there is no memory left to read it")
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deinitialize(count: 1)
    parser.deallocate()
  }

  func document() throws(YAMLError) -> YAMLNode {
    _ = try next()  // the stream's start
    guard case .documentStart = try next().kind else {
      throw YAMLError.emptyFile
    }
    let root = try node(from: try next(), depth: 0)
    _ = try next()  // the document's end
    let last = try next()
    if case .documentStart = last.kind {
      throw error("a second document starts here; a file holds one", at: last.position)
    }
    return root
  }

  private func node(from event: Event, depth: Int) throws(YAMLError) -> YAMLNode {
    switch event.kind {
    case .scalar(let text, let isQuoted):
      return .scalar(text, isQuoted: isQuoted, event.position)
    case .sequenceStart:
      try checkDepth(depth, event)
      var elements: [YAMLNode] = []
      while true {
        let element = try next()
        if case .collectionEnd = element.kind { break }
        elements.append(try node(from: element, depth: depth + 1))
      }
      return .sequence(elements, event.position)
    case .mappingStart:
      try checkDepth(depth, event)
      return .mapping(try members(depth: depth), event.position)
    case .collectionEnd, .documentStart, .other:
      throw error("a value is missing", at: event.position)
    }
  }

  private func members(depth: Int) throws(YAMLError) -> [YAMLMember] {
    var members: [YAMLMember] = []
    var lines: [[UInt8]: Int] = [:]
    while true {
      let key = try next()
      if case .collectionEnd = key.kind { return members }
      guard case .scalar(let name, _) = key.kind else {
        throw error("a key must be text", at: key.position)
      }
      if let line = lines.updateValue(key.position.line, forKey: Array(name.utf8)) {
        throw error("the key \"\(name)\" occurs twice, first on line \(line)", at: key.position)
      }
      let value = try node(from: try next(), depth: depth + 1)
      members.append(YAMLMember(key: name, position: key.position, value: value))
    }
  }

  private func checkDepth(_ depth: Int, _ event: Event) throws(YAMLError) {
    guard depth < YAML.maximumDepth else {
      throw error("values nest more than \(YAML.maximumDepth) deep", at: event.position)
    }
  }

  // MARK: Events

  private struct Event {
    enum Kind {
      case scalar(String, isQuoted: Bool)
      case sequenceStart, mappingStart, collectionEnd, documentStart, other
    }
    let kind: Kind
    let position: TextPosition
  }

  private func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
    defer { yaml_event_delete(&event) }
    let position = TextPosition(
      line: event.start_mark.line + 1, column: event.start_mark.column + 1)
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try refuse(anchor: scalar.anchor, tag: scalar.tag, at: position)
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let isQuoted = scalar.style != YAML_PLAIN_SCALAR_STYLE
      return Event(kind: .scalar(text, isQuoted: isQuoted), position: position)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      try refuse(anchor: start.anchor, tag: start.tag, at: position)
      return Event(kind: .sequenceStart, position: position)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      try refuse(anchor: start.anchor, tag: start.tag, at: position)
      return Event(kind: .mappingStart, position: position)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      return Event(kind: .collectionEnd, position: position)
    case YAML_DOCUMENT_START_EVENT:
      return Event(kind: .documentStart, position: position)
    case YAML_ALIAS_EVENT:
      throw error("an alias (*name) is not read; repeat the value", at: position)
    default:
      return Event(kind: .other, position: position)
    }
  }

  private func refuse(
    anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?,
    at position: TextPosition
  ) throws(YAMLError) {
    if anchor != nil {
      throw error("an anchor (&name) is not read; repeat the value", at: position)
    }
    if tag != nil {
      throw error("a tag (!name) is not read; remove it", at: position)
    }
  }

  private func error(_ message: String, at position: TextPosition) -> YAMLError {
    YAMLError(line: position.line, column: position.column, message: message)
  }

  /// What libyaml says went wrong.
  private func problem() -> YAMLError {
    let parser = parser.pointee
    let problem = parser.problem.map { String(cString: $0) } ?? "not YAML"
    var context = parser.context.map { String(cString: $0) } ?? ""
    if !context.isEmpty {
      // What is not closed is noticed far from where it was opened.
      let isElsewhere = parser.context_mark.line != parser.problem_mark.line
      context += isElsewhere ? " that starts on line \(parser.context_mark.line + 1): " : ": "
    }
    let mark = parser.error == YAML_READER_ERROR ? parser.mark : parser.problem_mark
    let hint = problem.contains("cannot start any token") ? "; indent with spaces, not tabs" : ""
    return YAMLError(
      line: mark.line + 1, column: mark.column + 1, message: context + problem + hint)
  }
}
