/// ROUGE-L: how much of two texts is the longest sequence of words that both have in this order, gaps allowed.
///
/// With `l` the length of that sequence, the score is the harmonic mean of `l` / answer words and `l` / reference words.
/// Words are runs of ASCII letters and digits in lower case, not stemmed: what Google's `rouge_score` does unless asked
/// otherwise, so that figures can be compared. Text in other scripts has no words by this definition.
///
/// - SeeAlso: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; `rouge_scorer.py` of `rouge_score`.
public enum ROUGEL {
  /// The score, from 0 to 1; 0 where either text has no words.
  public static func score(answer: String, reference: String) -> Double {
    var numbers: [String: Int] = [:]
    func numbered(_ text: String) -> [Int] {
      words(of: text).map { word in
        let number = numbers[word] ?? numbers.count
        numbers[word] = number
        return number
      }
    }
    let (a, b) = (numbered(answer), numbered(reference))
    guard !a.isEmpty, !b.isEmpty else { return 0 }
    let common = Double(longestCommonSubsequence(a, b))
    guard common > 0 else { return 0 }
    let (precision, recall) = (common / Double(a.count), common / Double(b.count))
    return 2 * precision * recall / (precision + recall)
  }

  /// Runs of ASCII letters and digits, lower case.
  static func words(of text: String) -> [String] {
    text.lowercased().utf8.split { byte in
      !(0x30...0x39).contains(byte) && !(0x61...0x7A).contains(byte)
    }.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The length of the longest sequence that both have; time is the product of their lengths, memory the second's.
  static func longestCommonSubsequence(_ a: [Int], _ b: [Int]) -> Int {
    var row = [Int](repeating: 0, count: b.count + 1)
    for left in a {
      var diagonal = 0
      for (index, right) in b.enumerated() {
        let above = row[index + 1]
        row[index + 1] = left == right ? diagonal + 1 : max(above, row[index])
        diagonal = above
      }
    }
    return row[b.count]
  }
}
