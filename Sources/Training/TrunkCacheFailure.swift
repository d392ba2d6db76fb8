extension TrunkCache {
  /// Why a run goes on without a cache that it wanted; no run ends for it.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// The disk has too little space; `free` bytes of it may be used.
    case tooLarge(path: String, bytes: Int, free: Int)
    /// The file cannot be made, read or written.
    case unusable(path: String, reason: String)

    /// The failure in one sentence: what, where, remedy.
    public var description: String {
      switch self {
      case .tooLarge(let path, let bytes, let free):
        "\(path): keeping activations takes \((bytes + 999_999) / 1_000_000) MB and the disk has \(free / 1_000_000) MB to spare, so every epoch computes them anew; free some space before the next run, or set training.trunk_cache: false"
      case .unusable(let path, let reason):
        "\(path): activations cannot be kept (\(reason)), so every epoch computes them anew; see to the disk before the next run, or set training.trunk_cache: false"
      }
    }
  }
}
