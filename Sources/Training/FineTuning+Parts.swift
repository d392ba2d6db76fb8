internal import CausalLM
public import Datasets

extension FineTuning {
  /// Cuts a list of examples into runs of at most `tokensAtOnce` tokens; a longer example stands alone.
  ///
  /// A micro-batch that is run in parts gives the sums of the whole.
  ///
  /// - Parameters:
  ///   - tokensAtOnce: most tokens of a part that has several rows.
  ///   - sharesPrefixes: as for the micro-batches made of them; what examples of a run share counts once.
  public static func parts(
    _ indices: [Int], of examples: [TokenizedExample], tokensAtOnce: Int = 1_024,
    sharesPrefixes: Bool = true
  ) -> [[Int]] {
    measuredParts(
      indices, of: examples, tokensAtOnce: tokensAtOnce, sharesPrefixes: sharesPrefixes
    ).map(\.indices)
  }

  /// `parts`, each with the tokens that it computes and the supervised ones of its examples.
  static func measuredParts(
    _ indices: [Int], of examples: [TokenizedExample], tokensAtOnce: Int,
    sharesPrefixes: Bool = true
  ) -> [(indices: [Int], tokens: Int, supervised: Int)] {
    var parts: [(indices: [Int], tokens: Int, supervised: Int)] = []
    var trie = PrefixTrie(isSharing: sharesPrefixes)
    for index in indices {
      trie.insert(examples[index].tokens)
      if parts.isEmpty || (trie.count > 1 && trie.layoutTokens > tokensAtOnce) {
        parts.append(([], 0, 0))
        if trie.count > 1 {
          trie = PrefixTrie(isSharing: sharesPrefixes)
          trie.insert(examples[index].tokens)
        }
      }
      parts[parts.count - 1].indices.append(index)
      parts[parts.count - 1].tokens = trie.layoutTokens
      parts[parts.count - 1].supervised += examples[index].supervisedTokens
    }
    return parts
  }
}
