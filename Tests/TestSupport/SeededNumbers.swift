/// Random numbers for tests, the same in every run.
public struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts the sequence number `seed`.
  public init(_ seed: UInt64) { state = seed }

  /// The next 64 bits: SplitMix64.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in `0..<bound`.
  public mutating func integer(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// `count` numbers between −`bound` and `bound`.
  public mutating func floats(_ count: Int, within bound: Float = 1) -> [Float] {
    (0..<count).map { _ in (Float(next() >> 40) * 0x1p-23 - 1) * bound }
  }
}
