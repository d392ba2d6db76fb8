/// A text to be searched, with where each part of it stands in its file.
public struct Document: Sendable, Equatable {
  /// What it is called: its first heading, its `title`, or the name of its file.
  public var title: String
  /// Its text, without markup.
  public var text: String
  /// The lines of the file that parts of the text begin on: byte offsets into the text's UTF-8 in rising order, the
  /// first 0, each with the line from there to the next line break, which begins the next line.
  var lineMarks: [(offset: Int, line: Int)]
  /// What can be filtered by beside the file, such as a `domain`.
  public var metadata: [String: String]

  /// Describes a text.
  ///
  /// - Parameter lineMarks: where it begins, and wherever lines of the text are not consecutive lines of the file.
  public init(
    title: String, text: String, lineMarks: [(offset: Int, line: Int)] = [(0, 1)],
    metadata: [String: String] = [:]
  ) {
    self.title = title
    self.text = text
    self.lineMarks = lineMarks
    self.metadata = metadata
  }

  /// Whether both say the same and stand on the same lines.
  public static func == (a: Document, b: Document) -> Bool {
    a.title == b.title && a.text == b.text && a.metadata == b.metadata
      && a.lineMarks.elementsEqual(b.lineMarks) { $0.offset == $1.offset && $0.line == $1.line }
  }
}

/// Tells the file's line of any byte of a text, asked in rising order or not.
struct LineIndex {
  private let starts: [(offset: Int, line: Int)]

  /// Reads the line breaks of a document once.
  init(_ document: Document) {
    var marks = document.lineMarks[...]
    var starts: [(offset: Int, line: Int)] = []
    var line = 1
    func take(upTo offset: Int) {
      while let mark = marks.first, mark.offset <= offset {
        starts.append(mark)
        line = mark.line
        marks.removeFirst()
      }
    }
    take(upTo: 0)
    for (offset, byte) in document.text.utf8.enumerated() where byte == UInt8(ascii: "\n") {
      take(upTo: offset)
      line += 1
      if marks.first?.offset != offset + 1 { starts.append((offset + 1, line)) }
      take(upTo: offset + 1)
    }
    take(upTo: .max)
    self.starts = starts
  }

  /// The line on which the byte at `offset` stands.
  func line(at offset: Int) -> Int {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? starts[low - 1].line : 1
  }
}
