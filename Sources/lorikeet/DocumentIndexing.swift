import Retrieval

extension Console {
  /// Indexes what is new or has changed below a path, and says how far it is.
  func index(_ path: String, with indexer: Indexer) throws -> Indexer.Summary {
    try stage("indexing", in: .bytes) { try indexer.index(path, progress: $0) }
  }

  /// Warns of what is not in the knowledge base, each file with the reason.
  func warnOfSkipped(_ summary: Indexer.Summary) {
    for skipped in summary.skipped {
      note("warning: \(VisibleText.escaped(skipped.path)) is passed over: it \(skipped.reason)")
    }
    for (path, lines) in summary.incomplete {
      let what =
        lines.count == 1 ? "1 line is no JSON object" : "\(lines.count) lines are no JSON objects"
      let shown = lines.prefix(5).map(String.init) + (lines.count > 5 ? ["…"] : [])
      let places = shown.joined(separator: ", ")
      note("warning: \(VisibleText.escaped(path)): \(what) and passed over: \(places)")
    }
  }
}
