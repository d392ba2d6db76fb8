internal import CXML2
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
    /// A line is no JSON object.
    case badLine(Int)
    /// It has no text.
    case empty

    /// The reason in a few words.
    public var description: String {
      switch self {
      case .binary: "holds bytes that are no text"
      case .notUTF8(let offset): "is not UTF-8 (byte \(offset))"
      case .badLine(let line): "line \(line) is no JSON object"
      case .empty: "has no text"
      }
    }
  }

  /// The documents of a file: one, or of JSONL one a line.
  ///
  /// - Parameter name: what the file is called, for a document that says nothing of itself.
  public static func documents(
    _ bytes: [UInt8], format: Format, name: String
  ) -> Result<[Document], Skip> {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    if bytes.contains(0) { return .failure(.binary) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(.notUTF8(offset: firstInvalid(bytes)))
    }
    let documents: [Document]
    switch format {
    case .markdown:
      documents = [Document(title: heading(text) ?? name, text: text)]
    case .text: documents = [Document(title: name, text: text)]
    case .html: documents = [HTMLText.document(bytes, name: name)]
    case .jsonl:
      switch lines(text, name: name) {
      case .success(let found): documents = found
      case .failure(let skip): return .failure(skip)
      }
    }
    let filled = documents.filter { document in
      document.text.unicodeScalars.contains { !$0.properties.isWhitespace }
    }
    return filled.isEmpty ? .failure(.empty) : .success(filled)
  }

  private static func firstInvalid(_ bytes: [UInt8]) -> Int {
    var offset = 0
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): offset += UTF8.width(scalar)
      case .emptyInput, .error: return offset
      }
    }
  }

  /// The first heading of a Markdown text.
  private static func heading(_ text: String) -> String? {
    for line in text.split(separator: "\n").prefix(50) where line.hasPrefix("#") {
      let title = line.drop { $0 == "#" }
      if title.first == " " { return String(title.drop { $0 == " " }) }
    }
    return nil
  }

  private static let textKeys = ["text", "content", "body", "passage", "answer"]
  private static let titleKeys = ["title", "name", "id"]

  private static func lines(_ text: String, name: String) -> Result<[Document], Skip> {
    var documents: [Document] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      guard line.contains(where: { !$0.isWhitespace }) else { continue }
      guard let object = try? JSON.parse(String(line)).objectValue else {
        return .failure(.badLine(index + 1))
      }
      var metadata: [String: String] = [:]
      for (key, value) in object.members where !textKeys.contains(key) {
        if let string = value.stringValue { metadata[key] = string }
      }
      let title = titleKeys.lazy.compactMap { object[$0]?.stringValue }.first
      // A row without a text of a known name is searched by all that it says.
      let body =
        textKeys.lazy.compactMap { object[$0]?.stringValue }.first
        ?? object.members.compactMap { key, value in value.stringValue.map { "\(key): \($0)" } }
        .joined(separator: "\n")
      documents.append(
        Document(
          title: title ?? "\(name) line \(index + 1)", text: body,
          lineMarks: marks(allOn: index + 1, body), metadata: metadata))
    }
    return .success(documents)
  }

  /// Marks that put every line of a text on one line of the file.
  private static func marks(allOn line: Int, _ text: String) -> [(offset: Int, line: Int)] {
    [(0, line)]
      + text.utf8.enumerated().filter { $0.element == UInt8(ascii: "\n") }
      .map { ($0.offset + 1, line) }
  }
}
