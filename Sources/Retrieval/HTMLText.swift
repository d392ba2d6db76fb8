internal import CXML2

/// The text of an HTML page: what a reader sees, with headings marked as in Markdown.
enum HTMLText {
  /// Elements whose content no reader sees.
  private static let hidden: Set<String> = [
    "script", "style", "noscript", "template", "svg", "head",
  ]
  /// Elements that begin and end on lines of their own.
  private static let blocks: Set<String> = [
    "p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "ul", "ol", "dl",
    "table", "blockquote", "pre", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "body",
  ]
  private static let lines: Set<String> = ["br", "li", "tr", "dt", "dd", "hr", "option"]
  /// Elements that stand beside one another on a line.
  private static let cells: Set<String> = ["td", "th"]
  /// Elements open at once; what closes none of them is looked for among all.
  private static let deepest = 2_048

  /// Reads a page; what is not well-formed is read as browsers do.
  ///
  /// - Returns: nil where elements are nested too deep, or where the page is too large for the parser.
  static func document(_ bytes: [UInt8], name: String) -> Document? {
    guard let count = Int32(exactly: bytes.count), let parser = htmlNewParserCtxt() else {
      return nil
    }
    defer { htmlFreeParserCtxt(parser) }
    let reader = Reader()
    // The callbacks are given the parser itself, and know lines by it; no tree is made.
    var handler = htmlSAXHandler()
    handler.startElement = { context, name, _ in
      guard let context, let name else { return }
      let reader = HTMLText.reader(of: context)
      reader.enter(String(cString: name), line: HTMLText.line(context))
      if reader.depth > HTMLText.deepest {
        xmlStopParser(context.assumingMemoryBound(to: xmlParserCtxt.self))
      }
    }
    handler.endElement = { context, name in
      guard let context, let name else { return }
      HTMLText.reader(of: context).leave(String(cString: name))
    }
    let characters: charactersSAXFunc = { context, text, count in
      guard let context, let text else { return }
      HTMLText.reader(of: context).write(
        UnsafeBufferPointer(start: text, count: Int(count)), endingOn: HTMLText.line(context))
    }
    handler.characters = characters
    handler.cdataBlock = characters
    handler.ignorableWhitespace = characters
    let options = Int32(
      HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
        | HTML_PARSE_NONET.rawValue)
    withExtendedLifetime(reader) {
      parser.pointee.sax.pointee = handler
      parser.pointee._private = Unmanaged.passUnretained(reader).toOpaque()
      bytes.withUnsafeBytes {
        guard let base = $0.bindMemory(to: CChar.self).baseAddress else { return }
        xmlFreeDoc(htmlCtxtReadMemory(parser, base, count, nil, "UTF-8", options))
      }
    }
    guard reader.depth <= deepest else { return nil }
    let title = String(decoding: reader.title, as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return Document(
      title: title.isEmpty ? name : title,
      text: String(decoding: reader.writer.text, as: UTF8.self),
      lineMarks: reader.writer.marks)
  }

  private static func reader(of context: UnsafeMutableRawPointer) -> Reader {
    Unmanaged<Reader>.fromOpaque(
      context.assumingMemoryBound(to: xmlParserCtxt.self).pointee._private
    ).takeUnretainedValue()
  }

  private static func line(_ context: UnsafeMutableRawPointer) -> Int {
    Int(xmlSAX2GetLineNumber(context))
  }

  /// Hears what the parser finds.
  private final class Reader {
    var writer = Writer()
    var title: [UInt8] = []
    var depth = 0
    private var hiddenDepth = 0
    private var isTitle = false

    func enter(_ name: String, line: Int) {
      depth += 1
      if hidden.contains(name) { hiddenDepth += 1 }
      isTitle = name == "title" && title.isEmpty
      guard hiddenDepth == 0 else { return }
      if blocks.contains(name) {
        writer.breakLine(2)
      } else if lines.contains(name) {
        writer.breakLine(1)
      } else if cells.contains(name) {
        writer.space()
      }
      if name == "pre" { writer.literalDepth += 1 }
      if name.utf8.count == 2, name.hasPrefix("h"), let level = name.last?.wholeNumberValue {
        writer.heading(level, line: line)
      }
    }

    func leave(_ name: String) {
      // Once too deep, it stays so.
      if depth <= deepest { depth -= 1 }
      isTitle = false
      if hidden.contains(name) { hiddenDepth = max(0, hiddenDepth - 1) }
      guard hiddenDepth == 0 else { return }
      if name == "pre" { writer.literalDepth = max(0, writer.literalDepth - 1) }
      if blocks.contains(name) {
        writer.breakLine(2)
      } else if lines.contains(name), name != "br" {
        writer.breakLine(1)
      }
    }

    func write(_ text: UnsafeBufferPointer<UInt8>, endingOn line: Int) {
      if isTitle { title += text }
      if hiddenDepth == 0 { writer.write(text, endingOn: line) }
    }
  }

  /// Collects text, white space as one space but where it is literal, and remembers the line that each piece came from.
  private struct Writer {
    var text: [UInt8] = []
    var marks: [(offset: Int, line: Int)] = [(0, 1)]
    /// How many elements around keep their white space.
    var literalDepth = 0
    private var breaks = 0
    private var hasSpace = false

    mutating func breakLine(_ count: Int) {
      hasSpace = false
      if !text.isEmpty { breaks = max(breaks, count) }
    }

    mutating func space() { hasSpace = true }

    /// Begins a heading.
    mutating func heading(_ level: Int, line: Int) {
      for _ in 0..<level { append(UInt8(ascii: "#"), line) }
      hasSpace = true
    }

    /// Adds a piece of text that ends on `line`.
    mutating func write(_ piece: UnsafeBufferPointer<UInt8>, endingOn line: Int) {
      var line = max(1, line - piece.count { $0 == UInt8(ascii: "\n") })
      for byte in piece {
        if byte == UInt8(ascii: "\n") { line += 1 }
        if byte == 32 || (9...13).contains(byte) {
          if literalDepth == 0 || text.isEmpty || breaks > 0 {
            hasSpace = true
          } else {
            text.append(byte)
            if byte == UInt8(ascii: "\n") { mark(line) }
          }
        } else {
          append(byte, line)
        }
      }
    }

    private mutating func append(_ byte: UInt8, _ line: Int) {
      if breaks > 0 {
        text += [UInt8](repeating: UInt8(ascii: "\n"), count: breaks)
      } else if hasSpace, !text.isEmpty {
        text.append(UInt8(ascii: " "))
      }
      (breaks, hasSpace) = (0, false)
      if marks.last?.line != line || text.isEmpty || text.last == UInt8(ascii: "\n") { mark(line) }
      text.append(byte)
    }

    private mutating func mark(_ line: Int) {
      if marks.last?.offset == text.count { marks.removeLast() }
      marks.append((text.count, line))
    }
  }
}
