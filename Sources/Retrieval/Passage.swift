/// A piece of a document, as it is found.
public struct Passage: Sendable, Equatable {
  /// Its number in the knowledge base.
  public let id: Int
  /// The file, as it was named when it was indexed.
  public let path: String
  /// What its document is called.
  public let title: String
  /// The lines of the file that it stands on, counted from 1.
  public let lines: ClosedRange<Int>
  /// Its text.
  public let text: String
  /// What else its document said of itself.
  public let metadata: [String: String]

  /// Describes a passage.
  public init(
    id: Int, path: String, title: String, lines: ClosedRange<Int>, text: String,
    metadata: [String: String] = [:]
  ) {
    self.id = id
    self.path = path
    self.title = title
    self.lines = lines
    self.text = text
    self.metadata = metadata
  }

  /// Its text, behind its title where it does not say that by itself.
  public var titledText: String { Self.titled(text, title) }

  static func titled(_ text: String, _ title: String) -> String {
    text.contains(title) ? text : "\(title)\n\(text)"
  }

  /// Where it stands, as editors and compilers write it: `docs/a.md:12`.
  public var citation: String { "\(path):\(lines.lowerBound)" }
}

/// A passage that was found, and how.
public struct Finding: Sendable, Equatable {
  /// The passage.
  public let passage: Passage
  /// The score it was ranked by: higher is better, and comparable within one search only.
  public let score: Double
  /// Its place by words, from 1; nil where that did not find it.
  public let wordRank: Int?
  /// Its place by meaning, from 1; nil where that did not find it.
  public let vectorRank: Int?
}
