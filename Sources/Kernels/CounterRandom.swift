/// Random numbers as a pure function of a key and a counter: Philox4x32-10.
///
/// Nothing is consumed, so the order of use, the number of threads and a resume change nothing. A key is made from
/// the run's seed and the purpose's name ("lora_A model.layers.0.self_attn.q_proj", "shuffle", …).
///
/// - SeeAlso: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
public struct CounterRandom: Sendable, Equatable {
  /// The key that all draws share.
  public let key: UInt64

  /// A stream for `purpose` under `seed`.
  public init(seed: UInt64, purpose: String) {
    var hash = CounterRandom.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    for byte in purpose.utf8 { hash = CounterRandom.mix(hash ^ UInt64(byte)) }
    key = hash
  }

  /// A stream with a ready-made key.
  public init(key: UInt64) { self.key = key }

  /// Four words for counter `(counter, stream)`.
  public func words(_ counter: UInt64, stream: UInt64 = 0) -> (UInt32, UInt32, UInt32, UInt32) {
    var c = (
      UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
    )
    var k = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    for _ in 0..<10 {
      let p0 = UInt64(c.0) * 0xD251_1F53
      let p1 = UInt64(c.2) * 0xCD9E_8D57
      c = (
        UInt32(truncatingIfNeeded: p1 >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: p0)
      )
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// 64 bits for `counter`.
  public func bits(_ counter: UInt64, stream: UInt64 = 0) -> UInt64 {
    let w = words(counter, stream: stream)
    return UInt64(w.1) << 32 | UInt64(w.0)
  }

  /// A number in [0, 1) with 24 random bits.
  public func uniform(_ counter: UInt64, stream: UInt64 = 0) -> Float {
    Float(words(counter, stream: stream).0 >> 8) * 0x1p-24
  }

  /// A number in `0..<bound` by Lemire's multiplication; its bias is below `bound` / 2⁶⁴.
  public func integer(below bound: Int, _ counter: UInt64, stream: UInt64 = 0) -> Int {
    Int(bits(counter, stream: stream).multipliedFullWidth(by: UInt64(max(1, bound))).high)
  }

  /// A permutation of `0..<count`, by Fisher and Yates.
  public func permutation(_ count: Int, stream: UInt64 = 0) -> [Int] {
    var order = Array(0..<count)
    var last = count - 1
    while last > 0 {
      order.swapAt(last, integer(below: last + 1, UInt64(last), stream: stream))
      last -= 1
    }
    return order
  }

  /// The finaliser of SplitMix64: 64 bits to 64 well-mixed bits, one to one.
  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
