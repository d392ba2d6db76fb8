/// A text that was rewritten, and where in the source each of its bytes comes from.
struct AlignedText: Sendable {
  /// The text as UTF-8.
  private(set) var bytes: [UInt8]
  /// Where in the source each byte begins and, as the last entry, where the text ends; never falling.
  private(set) var offsets: [Int]

  /// The bytes of `source[range]` as they are.
  init(_ source: UnsafeBufferPointer<UInt8>, range: Range<Int>) {
    bytes = Array(source[range])
    offsets = Array(range.lowerBound...range.upperBound)
  }

  private init(bytes: [UInt8], offsets: [Int]) {
    self.bytes = bytes
    self.offsets = offsets
  }

  /// The part `range` of the text, aligned with the same source.
  func part(_ range: Range<Int>) -> AlignedText {
    AlignedText(
      bytes: Array(bytes[range]), offsets: Array(offsets[range.lowerBound...range.upperBound]))
  }

  /// Puts other bytes for parts of the text.
  ///
  /// A replacement comes from all of what it replaces: its first byte begins where that began, the others
  /// where it ended.
  ///
  /// - Parameter edits: In order and without overlap.
  mutating func replace(_ edits: [(range: Range<Int>, with: [UInt8])]) {
    guard !edits.isEmpty else { return }
    var newBytes: [UInt8] = []
    var newOffsets: [Int] = []
    let growth = edits.reduce(0) { $0 + $1.with.count }
    newBytes.reserveCapacity(bytes.count + growth)
    newOffsets.reserveCapacity(bytes.count + growth + 1)
    var kept = 0
    for (range, replacement) in edits {
      newBytes += bytes[kept..<range.lowerBound]
      newOffsets += offsets[kept..<range.lowerBound]
      newBytes += replacement
      for index in replacement.indices {
        newOffsets.append(offsets[index == 0 ? range.lowerBound : range.upperBound])
      }
      kept = range.upperBound
    }
    newBytes += bytes[kept...]
    newOffsets += offsets[kept...]
    bytes = newBytes
    offsets = newOffsets
  }
}
