/// The words of a question that passages are found by.
enum QueryWords {
  /// Different words that are looked for; SQLite bounds how long an expression is.
  private static let most = 128

  /// English words that hold sentences together.
  ///
  /// In a small collection a question word may be rarer than what is asked about, and BM25 would take it for the more
  /// telling.
  private static let function: Set<Substring> = [
    "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "him", "his",
    "how", "i", "if", "in", "into", "is", "it", "its", "may", "me", "might", "must", "my", "of",
    "on", "or", "our", "shall", "she", "should", "so", "some", "than", "that", "the", "their",
    "them", "then", "there", "these", "they", "this", "those", "to", "us", "was", "we", "were",
    "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would", "you",
    "your",
  ]

  /// An FTS5 expression that any of the question's words satisfies; nil where it has none.
  ///
  /// Words that only hold the sentence together are left out, unless there are no others.
  static func expression(_ query: String) -> String? {
    let all = query.lowercased().split { !($0.isLetter || $0.isNumber) }
    let telling = all.filter { !function.contains($0) }
    var words: [Substring] = []
    var known: Set<Substring> = []
    for word in telling.isEmpty ? all : telling
    where words.count < most && known.insert(word).inserted {
      words.append(word)
    }
    return words.isEmpty ? nil : words.map { "\"\($0)\"" }.joined(separator: " OR ")
  }
}
