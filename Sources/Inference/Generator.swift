public import CausalLM
internal import Datasets

/// Continues many prompts at once.
public struct Generator {
  /// What a prompt became.
  public struct Completion: Sendable, Equatable {
    /// Why generation ended.
    public enum FinishReason: String, Sendable {
      /// The model ended its turn.
      case stop
      /// `maxTokens` were generated.
      case length
    }

    /// The generated tokens, the one that stopped it left out.
    public var tokens: [Int32] = []
    /// Why generation ended.
    public var finishReason = FinishReason.length
  }

  /// The model, with or without an adapter.
  public let model: CausalLM
  /// Tokens that end a completion.
  public let stopTokens: Set<Int32>
  /// How tokens are chosen.
  public let sampling: Sampling
  /// Most tokens of a completion.
  public let maxTokens: Int
  /// Most sequences at once.
  public let batchSize: Int
  /// Whether a beginning that prompts share is computed once, where that saves work; the answers are the same.
  ///
  /// For measurements and tests of it.
  public var sharesPrefixes = true

  /// Makes a generator.
  public init(
    model: CausalLM, stopTokens: Set<Int32>, sampling: Sampling = .greedy, maxTokens: Int = 256,
    batchSize: Int = 32
  ) {
    self.model = model
    self.stopTokens = stopTokens
    self.sampling = sampling
    self.maxTokens = maxTokens
    self.batchSize = max(1, batchSize)
  }

  /// Most prompt tokens that are read at once.
  private static let prefillTokens = 1_024

  /// A beginning of prompts that has been read, for all that go on from it.
  public struct Prefix {
    /// The tokens.
    public let tokens: [Int32]
    fileprivate let cache: KeyValueCache
  }

  /// Reads what all prompts begin with; nil where that would save little.
  ///
  /// What is made of it stays the same to the bit.
  public func readPrefix(of prompts: [[Int32]]) -> Prefix? {
    let shared = sharedTokens(prompts)
    guard shared > 0 else { return nil }
    let tokens = Array(prompts[0].prefix(shared))
    let cache = KeyValueCache(model, capacity: shared)
    model.prefill([tokens], caches: [cache]) { _, _ in }
    return Prefix(tokens: tokens, cache: cache)
  }

  /// Tokens that all prompts begin with and none ends with; 0 where reading them once would save little.
  private func sharedTokens(_ prompts: [[Int32]]) -> Int {
    guard sharesPrefixes, prompts.count > 1, let first = prompts.first else { return 0 }
    let shared = prompts.reduce(first.count) { shared, prompt in
      min(shared, prompt.count - 1, zip(first, prompt).prefix { $0 == $1 }.count)
    }
    return shared < PrefixTrie.minimumSharedTokens ? 0 : shared
  }

  private struct Active {
    let prompt: Int
    let cache: KeyValueCache
    var next: Int32
  }

  /// Completes prompts.
  ///
  /// A sequence that ends makes room for the next, so a long answer does not hold up the others.
  ///
  /// - Parameters:
  ///   - prompts: token sequences, none of them empty.
  ///   - known: what the prompts begin with, read before; nil: what they share is read now. It is passed over where a
  ///     prompt does not go on from it.
  ///   - onToken: sees each generated token as it comes, and returns whether its prompt goes on.
  ///   - onFinish: sees each prompt's index when it is done.
  /// - Returns: a completion for each prompt, in order.
  public func complete(
    _ prompts: [[Int32]], after known: Prefix? = nil,
    onToken: (_ prompt: Int, _ token: Int32) -> Bool = { _, _ in true },
    onFinish: (_ prompt: Int) -> Void = { _ in }
  ) -> [Completion] {
    var completions = [Completion](repeating: Completion(), count: prompts.count)
    var waiting = prompts.indices.makeIterator()
    var pending = waiting.next()
    var active: [Active] = []

    // Takes the token that `logits` call for; false ends the sequence.
    func take(_ logits: UnsafeBufferPointer<Float>, for prompt: Int) -> Int32? {
      guard completions[prompt].tokens.count < maxTokens else { return nil }
      let token = sampling.choose(
        logits, sequence: prompt, position: completions[prompt].tokens.count)
      if stopTokens.contains(token) {
        completions[prompt].finishReason = .stop
        return nil
      }
      completions[prompt].tokens.append(token)
      let goesOn = onToken(prompt, token)
      return goesOn && completions[prompt].tokens.count < maxTokens ? token : nil
    }

    // What all prompts begin with is read once for all batches.
    let isKnown = known.map { known in
      prompts.allSatisfy { $0.count > known.tokens.count && $0.starts(with: known.tokens) }
    }
    let read = isKnown == true ? known : readPrefix(of: prompts)
    let shared = read?.tokens.count ?? 0
    let prefix = read?.cache
    func makeCache(_ prompt: Int) -> KeyValueCache {
      let capacity = prompts[prompt].count + min(maxTokens, 64)
      return prefix.map { KeyValueCache(copying: $0, capacity: capacity) }
        ?? KeyValueCache(model, capacity: capacity)
    }

    while pending != nil || !active.isEmpty {
      // New sequences are read when a quarter of the batch is free, so that prompts are read together.
      if pending != nil, active.count <= batchSize - max(1, batchSize / 4) {
        var entering: [(prompt: Int, cache: KeyValueCache)] = []
        // What these prompts share beyond that is computed once in their pass, and counts once.
        var trie = PrefixTrie(isSharing: sharesPrefixes)
        while let prompt = pending, active.count + entering.count < batchSize {
          trie.insert(Array(prompts[prompt].dropFirst(shared)))
          if !entering.isEmpty, trie.layoutTokens > Self.prefillTokens { break }
          entering.append((prompt, makeCache(prompt)))
          pending = waiting.next()
        }
        model.prefill(
          entering.map { Array(prompts[$0.prompt].dropFirst(shared)) },
          caches: entering.map(\.cache), after: prefix,
          sharesPrefixes: sharesPrefixes
        ) { index, logits in
          let (prompt, cache) = entering[index]
          if let next = take(logits, for: prompt) {
            active.append(Active(prompt: prompt, cache: cache, next: next))
          } else {
            onFinish(prompt)
          }
        }
        continue
      }
      var isDone = [Bool](repeating: false, count: active.count)
      model.decode(active.map(\.next), caches: active.map(\.cache)) { index, logits in
        if let next = take(logits, for: active[index].prompt) {
          active[index].next = next
        } else {
          isDone[index] = true
          onFinish(active[index].prompt)
        }
      }
      active = zip(active, isDone).filter { !$0.1 }.map(\.0)
    }
    return completions
  }
}
