import Serialization

/// SentencePiece's compiled normalisation: which characters are written as which.
///
/// The file is a double array with the texts that are replaced, and after it what they are replaced by, each text ended
/// by a zero byte.
///
/// - SeeAlso: SentencePiece 0.2, `normalizer.cc` (`DecodePrecompiledCharsMap`, `NormalizePrefix`); darts-clone 0.32,
///   `DoubleArrayUnit`; `normalizers/precompiled.rs` of the `tokenizers` library, version 0.23.
struct CharacterMap: Sendable {
  private let matching: CharacterMapMatching
  /// The nodes of the double array.
  private let units: [UInt32]
  /// The replacements, each ended by a zero byte.
  private let replacements: [UInt8]

  /// Reads a compiled map.
  ///
  /// - Throws: ``TokenizerError`` for a size that cannot be, or replacements that are not UTF-8.
  init(_ bytes: [UInt8], matching: CharacterMapMatching) throws(TokenizerError) {
    func malformed(_ found: String) -> TokenizerError {
      .malformed(
        component: "normalizer's character map",
        expected: "the size of its double array, the array, and replacements in UTF-8",
        found: found)
    }
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
    }
    guard bytes.count >= 8 else { throw malformed("\(bytes.count) bytes") }
    let size = Int(word(0))
    guard size > 0, size % 4 == 0, size <= bytes.count - 4 else {
      throw malformed("\(bytes.count) bytes, of which \(size) for the array")
    }
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    replacements = Array(bytes[(4 + size)...])
    guard UTF8Validation.firstInvalidOffset(in: replacements) == nil else {
      throw malformed("other replacements")
    }
    self.matching = matching
  }

  /// What is to be put where in `text`.
  func edits(_ text: [UInt8]) -> [(range: Range<Int>, with: [UInt8])] {
    text.withUnsafeBufferPointer { text in
      switch matching {
      case .longest: longestEdits(text)
      case .clusters: clusterEdits(text)
      }
    }
  }

  private func longestEdits(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> [(range: Range<Int>, with: [UInt8])] {
    var edits: [(range: Range<Int>, with: [UInt8])] = []
    var start = 0
    while start < text.count {
      if let match = match(text[start...], wantsLongest: true), match.end > start {
        edits.append((start..<match.end, match.replacement))
        start = match.end
      } else {
        start = UTF8Text.scalar(at: start, in: text).end
      }
    }
    return edits
  }

  /// As `tokenizers` does: a short cluster is replaced whole if only its beginning is in the map; else each of its
  /// characters is.
  private func clusterEdits(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> [(range: Range<Int>, with: [UInt8])] {
    var edits: [(range: Range<Int>, with: [UInt8])] = []
    func replaces(_ range: Range<Int>) -> Bool {
      guard let match = match(text[range], wantsLongest: false) else { return false }
      edits.append((range, match.replacement))
      return true
    }
    var start = 0
    for cluster in String(decoding: text, as: UTF8.self) {
      let end = min(start + cluster.utf8.count, text.count)
      if cluster.utf8.count >= Self.longCluster || !replaces(start..<end) {
        var index = start
        while index < end {
          let next = min(UTF8Text.scalar(at: index, in: text).end, end)
          _ = replaces(index..<next)
          index = next
        }
      }
      start = end
    }
    return edits
  }

  /// From how many bytes on a cluster is not looked up whole.
  private static let longCluster = 6

  /// The shortest or the longest text of the map that `text` begins with: where it ends, and what stands for it.
  private func match(
    _ text: Slice<UnsafeBufferPointer<UInt8>>, wantsLongest: Bool
  ) -> (end: Int, replacement: [UInt8])? {
    var found: (end: Int, replacement: [UInt8])?
    var node = units[0].offset
    for (index, byte) in zip(text.indices, text) {
      if byte == 0 { break }
      node ^= Int(byte)
      guard units.indices.contains(node), units[node].label == UInt32(byte) else { break }
      let hasLeaf = units[node].hasLeaf
      node ^= units[node].offset
      guard hasLeaf else { continue }
      guard units.indices.contains(node), let text = replacement(at: units[node].value) else {
        break
      }
      found = (index + 1, text)
      if !wantsLongest { break }
    }
    return found
  }

  /// The replacement that begins at `offset`; nil where none can.
  private func replacement(at offset: Int) -> [UInt8]? {
    guard replacements.indices.contains(offset), replacements[offset] & 0xC0 != 0x80 else {
      return nil
    }
    return Array(replacements[offset...].prefix { $0 != 0 })
  }
}

/// The parts of a double array's node.
extension UInt32 {
  fileprivate var hasLeaf: Bool { self >> 8 & 1 == 1 }
  fileprivate var value: Int { Int(self & 0x7FFF_FFFF) }
  fileprivate var label: UInt32 { self & 0x8000_00FF }
  fileprivate var offset: Int { Int(self >> 10) << Int((self & 1 << 9) >> 6) }
}
