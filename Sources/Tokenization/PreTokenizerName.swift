/// A way to split words before byte-level BPE that `tokenizer.ggml.pre` of GGUF has a name for.
///
/// - SeeAlso: llama.cpp, `llama_vocab::impl::load` and `llm_tokenizer_bpe` in `llama-vocab.cpp`.
public enum PreTokenizerName: String, Sendable, CaseIterable {
  /// GPT-2's pattern.
  case gpt2 = "gpt-2"
  /// SmolLM and SmolLM2: each digit by itself, then GPT-2's pattern.
  case smollm
  /// Llama 3 to 3.3, SmolLM3: digits in threes, and words that are tokens are not split.
  case llama3 = "llama-bpe"
  /// Qwen 2, 2.5 and 3: each digit by itself, and text in normalisation form C.
  case qwen2
  /// Mistral Nemo and later: words split where a capital follows a small letter.
  case tekken

  /// Other names that files have for the same.
  private static let synonyms: [String: PreTokenizerName] = [
    "gpt2": .gpt2, "llama3": .llama3, "llama-v3": .llama3, "smaug-bpe": .llama3,
    "falcon3": .llama3, "deepseek-r1-qwen": .qwen2,
  ]

  /// The way that `tokenizer.ggml.pre` names.
  ///
  /// - Throws: ``TokenizerError/unsupported(component:found:remedy:)``.
  init(gguf name: String?) throws(TokenizerError) {
    guard let known = name.flatMap({ Self(rawValue: $0) ?? Self.synonyms[$0] }) else {
      let names = Self.allCases.map { "\"\($0.rawValue)\"" }
      throw .unsupported(
        component: "tokenizer.ggml.pre", found: name.map { "\"\($0)\"" } ?? "missing",
        remedy: "use a model with one of \(names.joined(separator: ", ")), "
          + "or a Hugging Face folder")
    }
    self = known
  }

  /// The way that a tokenizer has, or `nil` if GGUF has no name for it.
  public init?(_ description: TokenizerDescription) {
    let found = Self.allCases.first { name in
      name.steps == description.preTokenization
        && name.normalization == description.normalization
        && name.ignoresMergesForWholeTokens == description.ignoresMergesForWholeTokens
    }
    guard let found, description.alphabet == .byteLevel else { return nil }
    self = found
  }

  /// How words are split.
  var steps: [PreTokenizationStep] {
    switch self {
    case .gpt2: [.byteLevel()]
    case .smollm: [.digits(individual: true), .byteLevel()]
    case .llama3: Self.split(Self.llama3Pattern(digits: #"\p{N}{1,3}"#))
    case .qwen2: Self.split(Self.llama3Pattern(digits: #"\p{N}"#))
    case .tekken: Self.split(Self.tekkenPattern)
    }
  }

  private static func split(_ pattern: String) -> [PreTokenizationStep] {
    [.split(.regularExpression(pattern), .isolated), .byteLevel(usesPattern: false)]
  }

  /// The pattern as the models' `tokenizer.json` has it.
  private static func llama3Pattern(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  private static let tekkenPattern =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
    + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// How text is rewritten.
  ///
  /// Qwen's `tokenizer.json` has form C; llama.cpp leaves it out.
  var normalization: [NormalizationStep] { self == .qwen2 ? [.canonicalComposition] : [] }

  /// Whether words that are tokens are not split.
  var ignoresMergesForWholeTokens: Bool { self == .llama3 || self == .tekken }

  /// Whether a file that does not say means a token before each text.
  var addsBeginningOfSequence: Bool { self == .llama3 }
}
