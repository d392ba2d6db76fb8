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

  /// Reads a page; what is not well-formed is read as browsers do.
  static func document(_ bytes: [UInt8], name: String) -> Document {
    var writer = Writer()
    var title: String?
    bytes.withUnsafeBufferPointer { buffer in
      guard let count = Int32(exactly: buffer.count), count > 0 else { return }
      let options = Int32(
        HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
          | HTML_PARSE_NONET.rawValue)
      let page = buffer.withMemoryRebound(to: CChar.self) {
        htmlReadMemory($0.baseAddress, count, nil, "UTF-8", options)
      }
      guard let page else { return }
      defer { xmlFreeDoc(page) }
      walk(xmlDocGetRootElement(page), into: &writer, title: &title)
    }
    let heading = title?.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return Document(
      title: heading.flatMap { $0.isEmpty ? nil : $0 } ?? name,
      text: String(decoding: writer.text, as: UTF8.self), lineMarks: writer.marks)
  }

  /// Goes through a tree without recursion, since a page may be nested as deep as it likes.
  private static func walk(
    _ root: xmlNodePtr?, into writer: inout Writer, title: inout String?
  ) {
    guard let root else { return }
    var node = root
    while true {
      let enters = enter(node, &writer, &title)
      if enters, let child = node.pointee.children {
        node = child
        continue
      }
      if enters { leave(node, &writer) }
      while node != root, node.pointee.next == nil {
        guard let parent = node.pointee.parent else { return }
        node = parent
        leave(node, &writer)
      }
      guard node != root, let next = node.pointee.next else { return }
      node = next
    }
  }

  private static func name(_ node: xmlNodePtr) -> String {
    node.pointee.name.map { String(cString: $0) } ?? ""
  }

  private static func content(_ node: xmlNodePtr) -> String {
    node.pointee.content.map { String(cString: $0) } ?? ""
  }

  private static func children(of node: xmlNodePtr) -> [xmlNodePtr] {
    Array(sequence(first: node.pointee.children) { $0?.pointee.next }.lazy.prefix { $0 != nil })
      .compactMap { $0 }
  }

  /// Writes what a node begins with; false where its children are not to be seen.
  private static func enter(
    _ node: xmlNodePtr, _ writer: inout Writer, _ title: inout String?
  ) -> Bool {
    switch node.pointee.type {
    case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
      writer.write(content(node), line: xmlGetLineNo(node))
      return false
    case XML_ELEMENT_NODE:
      let name = name(node)
      if name == "head" {
        for child in children(of: node) where self.name(child) == "title" {
          title = children(of: child).map(content).joined()
        }
      }
      if hidden.contains(name) { return false }
      if blocks.contains(name) {
        writer.breakLine(2)
      } else if lines.contains(name) {
        writer.breakLine(1)
      }
      if name.count == 2, name.first == "h", let level = name.last?.wholeNumberValue {
        writer.write(String(repeating: "#", count: level) + " ", line: xmlGetLineNo(node))
      }
      return true
    default: return false
    }
  }

  private static func leave(_ node: xmlNodePtr, _ writer: inout Writer) {
    let name = name(node)
    if blocks.contains(name) {
      writer.breakLine(2)
    } else if lines.contains(name), name != "br" {
      writer.breakLine(1)
    }
  }

  /// Collects text, white space as one space, and remembers the line that each piece came from.
  private struct Writer {
    var text: [UInt8] = []
    var marks: [(offset: Int, line: Int)] = [(0, 1)]
    private var breaks = 0
    private var hasSpace = false

    mutating func breakLine(_ count: Int) {
      hasSpace = false
      if !text.isEmpty { breaks = max(breaks, count) }
    }

    mutating func write(_ piece: String, line: Int) {
      var line = line
      for byte in piece.utf8 {
        if byte == 32 || (9...13).contains(byte) {
          if byte == UInt8(ascii: "\n") { line += 1 }
          hasSpace = true
          continue
        }
        if breaks > 0 {
          text += [UInt8](repeating: UInt8(ascii: "\n"), count: breaks)
          mark(line)
        } else if text.isEmpty {
          mark(line)
        } else if hasSpace {
          text.append(UInt8(ascii: " "))
        }
        breaks = 0
        hasSpace = false
        text.append(byte)
      }
      if piece.hasSuffix(" "), piece.hasPrefix("#") {
        hasSpace = false
        text.append(UInt8(ascii: " "))
      }
    }

    private mutating func mark(_ line: Int) {
      if marks.last?.offset == text.count { marks.removeLast() }
      marks.append((text.count, max(1, line)))
    }
  }
}
