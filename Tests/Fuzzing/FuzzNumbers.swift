/// Numbers that follow from a seed (SplitMix64).
struct FuzzNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(state: UInt64) { self.state = state }

  /// The numbers of one input: independent of all other inputs, so that each can be made by itself.
  init(format: FuzzFormat, seed: UInt64, number: UInt64) {
    var name: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in format.rawValue.utf8 { name = (name ^ UInt64(byte)) &* 0x100_0000_01B3 }
    self.init(state: name ^ seed)
    state = next() ^ number
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to below `bound`, which is above 0.
  mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// True once in `count` times.
  mutating func once(in count: Int) -> Bool { below(count) == 0 }

  /// A length from 1 on, each power of two about as likely, at most `bound`.
  mutating func length(atMost bound: Int) -> Int {
    let bits = Int.bitWidth - max(bound, 1).leadingZeroBitCount
    return min(max(bound, 1), 1 + below(1 << below(bits + 1)))
  }
}
