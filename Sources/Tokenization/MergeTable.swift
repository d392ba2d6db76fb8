/// What two neighbouring tokens become, and how early.
struct Merge: Sendable, Equatable {
  /// The rule's position in the list; the lowest is applied first.
  var rank: Int32
  /// The id of the token made.
  var result: Int32

  /// No rule joins the pair.
  static let none = Merge(rank: .max, result: -1)
}

/// The merge rules, found by their pair.
///
/// Open addressing with a hash by multiplication, whose factor is random, so that no file can be written
/// whose pairs collide.
struct MergeTable: PairRanking {
  private struct Slot {
    var pair: UInt64
    var merge: Merge
  }

  private var slots: [Slot]
  private let shift: UInt64
  private let factor = UInt64.random(in: .min ... .max) | 1

  /// A pair of ids that no two tokens form.
  private static let empty = UInt64.max

  /// Makes the table of `rules`, ranked by position; of two rules for one pair the later counts.
  init(_ rules: [MergeRule]) {
    var bits: UInt64 = 4
    while 1 << bits < rules.count * 2 { bits += 1 }
    shift = 64 - bits
    slots = [Slot](repeating: Slot(pair: Self.empty, merge: .none), count: 1 << bits)
    for (rank, rule) in rules.enumerated() {
      let pair = Self.pair(rule.left, rule.right)
      let merge = Merge(rank: Int32(truncatingIfNeeded: rank), result: rule.result)
      var slot = first(of: pair)
      while slots[slot].pair != Self.empty, slots[slot].pair != pair {
        slot = (slot &+ 1) & (slots.count &- 1)
      }
      slots[slot] = Slot(pair: pair, merge: merge)
    }
  }

  func merge(_ left: Symbol, _ right: Symbol) -> Merge { self[left.id, right.id] }

  /// The rule for `left` followed by `right`, or ``Merge/none``.
  subscript(left: Int32, right: Int32) -> Merge {
    slots.withUnsafeBufferPointer { slots in
      let pair = Self.pair(left, right)
      var slot = first(of: pair)
      while slots[slot].pair != pair {
        if slots[slot].pair == Self.empty { return .none }
        slot = (slot &+ 1) & (slots.count &- 1)
      }
      return slots[slot].merge
    }
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func first(of pair: UInt64) -> Int {
    // The pair's halves are mixed first: multiplication alone lets the left id reach the upper bits only.
    Int(truncatingIfNeeded: ((pair ^ pair >> 29) &* factor) >> shift)
  }
}
