/// How a training pass keeps what its backward pass reads.
///
/// Every block's input is kept in f32. Of what a block computes on the way, the last block keeps all in f32, since it is
/// the first to be read back; of the other blocks that need a gradient, `keptBlocks` keep it in `storage`, and the rest
/// keep nothing and run forward once more before their backward pass, which gives the same bits.
public struct ActivationPlan: Sendable, Equatable {
  /// How a number is kept.
  public enum Storage: String, Sendable, CaseIterable {
    /// As it was computed.
    case f32
    /// Rounded to 8 significant bits: the loss stays as it is, gradients differ by some thousandths.
    case bf16
  }

  /// Tokens that there is room for from the start; a longer batch makes room for itself.
  public var tokens: Int
  /// How the kept blocks keep their numbers.
  public var storage: Storage
  /// Blocks before the last that keep their numbers, those nearest to the last; more than there are means all.
  public var keptBlocks: Int
  /// Positions whose logits exist at one time, unless those of fewer take `mostLogitBytes`.
  public var logitRows: Int

  /// Describes a store; what is not given is as where memory is plenty.
  public init(
    tokens: Int = 0, storage: Storage = .f32, keptBlocks: Int = .max, logitRows: Int = 512
  ) {
    self.tokens = tokens
    self.storage = storage
    self.keptBlocks = keptBlocks
    self.logitRows = logitRows
  }

  /// What the logits that exist at one time take at most: those of 512 positions of SmolLM2, of 128 of Gemma 3.
  static let mostLogitBytes = 128 << 20

  /// Positions whose logits a store of `tokens` tokens has room for.
  func headRows(tokens: Int, vocabularySize: Int) -> Int {
    max(1, min(tokens, logitRows, Self.mostLogitBytes / (4 * vocabularySize)))
  }

  /// Room that a store makes for `tokens`: some beyond them, so that batches of varying length settle on one store.
  static func capacity(_ tokens: Int) -> Int { (tokens + 127) / 128 * 128 }
}
