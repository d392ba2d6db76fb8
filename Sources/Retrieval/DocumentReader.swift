internal import Serialization

/// Reads files into documents.
public enum DocumentReader {
  /// What a file holds, by the end of its name.
  public enum Format: String, Sendable, CaseIterable {
    case markdown, text, html, jsonl

    /// The format of a file; nil for one that is not indexed.
    public init?(path: String) {
      guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
      switch path[path.index(after: dot)...].lowercased() {
      case "md", "markdown": self = .markdown
      case "txt", "text", "rst": self = .text
      case "html", "htm", "xhtml": self = .html
      case "jsonl", "ndjson": self = .jsonl
      default: return nil
      }
    }
  }

  /// Why a file is passed over.
  public enum Skip: Error, Equatable, CustomStringConvertible {
    /// It holds bytes that are no text.
    case binary
    /// It is not UTF-8.
    case notUTF8(offset: Int)
    /// None of its lines is a JSON object; the first that is none.
    case noRows(badLine: Int)
    /// Its elements are nested beyond what a reader of HTML bears.
    case tooDeep
    /// It has no text.
    case empty
    /// It is a link, which could lead anywhere.
    case link
    /// Its name cannot be written down.
    case badName
    /// The system does not let it be read.
    case unreadable(reason: String)

    /// The reason in a few words, which follow "it".
    public var description: String {
      switch self {
      case .binary: "holds bytes that are no text"
      case .notUTF8(let offset): "is not UTF-8 (byte \(offset + 1))"
      case .noRows(let line): "has no JSON object on line \(line) nor on another"
      case .tooDeep: "is nested too deep"
      case .empty: "has no text"
      case .link: "is a symbolic link"
      case .badName: "has a name that is not UTF-8"
      case .unreadable(let reason): "cannot be read (\(reason))"
      }
    }
  }

  /// What a file holds.
  public struct Contents: Sendable, Equatable {
    /// Its documents: one, or of JSONL one a line.
    public var documents: [Document]
    /// The lines of JSONL that are no JSON objects; one of them does not cost the file.
    public var badLines: [Int] = []
  }

  /// The documents of a file.
  ///
  /// - Parameter name: what the file is called, for a document that says nothing of itself.
  public static func documents(
    _ bytes: [UInt8], format: Format, name: String
  ) -> Result<Contents, Skip> {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    if bytes.contains(0) { return .failure(.binary) }
    bytes = withPlainLineBreaks(bytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(
        .notUTF8(offset: bytes.withUnsafeBytes(UTF8Validation.firstInvalidOffset) ?? 0))
    }
    var contents: Contents
    switch format {
    case .markdown: contents = Contents(documents: [markdown(text, name: name)])
    case .text: contents = Contents(documents: [Document(title: name, text: text)])
    case .html:
      guard let page = HTMLText.document(bytes, name: name) else { return .failure(.tooDeep) }
      contents = Contents(documents: [page])
    case .jsonl: contents = rows(bytes, name: name)
    }
    if contents.documents.isEmpty, let line = contents.badLines.first {
      return .failure(.noRows(badLine: line))
    }
    contents.documents.removeAll { document in
      document.text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    }
    return contents.documents.isEmpty ? .failure(.empty) : .success(contents)
  }

  /// Lines that end as on Windows, or as on old Macs, end with `\n`: there are as many of them.
  private static func withPlainLineBreaks(_ bytes: [UInt8]) -> [UInt8] {
    let carriageReturn = UInt8(ascii: "\r")
    guard bytes.contains(carriageReturn) else { return bytes }
    var plain: [UInt8] = []
    plain.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      if byte != carriageReturn {
        plain.append(byte)
      } else if index + 1 == bytes.count || bytes[index + 1] != UInt8(ascii: "\n") {
        plain.append(UInt8(ascii: "\n"))
      }
    }
    return plain
  }

  /// A Markdown text; what its front matter says can be filtered by and is no text.
  private static func markdown(_ text: String, name: String) -> Document {
    let front = Markdown.frontMatter(of: text)
    let body = Array(text.utf8.dropFirst(front?.end ?? 0))
    let heading = Markdown.headings(of: body).first { !$0.text.isEmpty }
    return Document(
      title: front?.settings["title"] ?? heading.map {
        String(decoding: body[$0.text], as: UTF8.self)
      }
        ?? name,
      text: String(decoding: body, as: UTF8.self), lineMarks: [(0, 1 + (front?.lines ?? 0))],
      metadata: front?.settings ?? [:])
  }

  private static let textKeys = ["text", "content", "body", "passage"]
  private static let titleKeys = ["title", "name", "id"]
  /// What is longer is a text rather than something to filter by.
  private static let longestMetadata = 256

  private static func rows(_ bytes: [UInt8], name: String) -> Contents {
    var contents = Contents(documents: [])
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { continue }
      guard let object = try? JSON.parse(Array(line)).objectValue else {
        contents.badLines.append(index + 1)
        continue
      }
      let title = titleKeys.lazy.compactMap { object[$0]?.stringValue }.first { !$0.isEmpty }
      // A row without a text of a known name is searched by all that it says.
      let body =
        textKeys.lazy.compactMap { object[$0]?.stringValue }.first
        ?? object.members.compactMap { key, value in word(value).map { "\(key): \($0)" } }
        .joined(separator: "\n")
      contents.documents.append(
        Document(
          title: title ?? "\(name) line \(index + 1)", text: body,
          lineMarks: marks(allOn: index + 1, body), metadata: metadata(object)))
    }
    return contents
  }

  /// What a row can be filtered by: its short values, and those of an object called `metadata`.
  private static func metadata(_ row: JSONObject) -> [String: String] {
    var metadata: [String: String] = [:]
    for (key, value) in row.members + (row["metadata"]?.objectValue?.members ?? [])
    where !textKeys.contains(key) {
      guard let word = word(value), word.utf8.count <= longestMetadata else { continue }
      metadata[key] = word
    }
    return metadata
  }

  /// A text, number or truth value as text.
  private static func word(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .integer, .number, .bool: value.serialized()
    default: nil
    }
  }

  /// Marks that put every line of a text on one line of the file.
  private static func marks(allOn line: Int, _ text: String) -> [(offset: Int, line: Int)] {
    [(0, line)]
      + text.utf8.enumerated().filter { $0.element == UInt8(ascii: "\n") }
      .map { ($0.offset + 1, line) }
  }
}
