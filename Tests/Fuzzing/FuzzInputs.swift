/// The inputs of one format: input number `n` is a function of format, seed and `n` alone.
public struct FuzzInputs: Sendable {
  /// The format.
  public let format: FuzzFormat
  /// What all numbers follow from.
  public let seed: UInt64

  /// No input is longer, in bytes.
  public static let maximumByteCount = 256 << 10

  private let corpus: [[UInt8]]
  private let tokens: [[UInt8]]

  /// Reads the corpus of `format` from the fixtures.
  ///
  /// - Throws: ``FuzzFileError`` where a fixture is missing.
  public init(format: FuzzFormat, seed: UInt64) throws {
    self.format = format
    self.seed = seed
    corpus = try FuzzCorpus.entries(of: format)
    tokens = FuzzDictionary.tokens(of: format)
  }

  /// The files that inputs are made from, unchanged.
  public var originals: [[UInt8]] { corpus }

  /// Input `number`.
  public func input(_ number: UInt64) -> [UInt8] {
    var numbers = FuzzNumbers(format: format, seed: seed, number: number)
    var mutator = FuzzMutator(corpus: corpus, tokens: tokens, format: format)
    return mutator.input(&numbers)
  }
}
