import Serialization

/// One step from a JSON value to a part of it.
enum JSONStep: Equatable {
  case key(String)
  case index(Int)
}

/// Finds where a part of a parsed JSON text stands in its bytes.
///
/// Parsed values do not carry their places, since nobody asks for them until a row is refused. Then the
/// text, which is known to be JSON, is walked once more along the path to the part.
struct JSONPath {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The column, counted from 1 in Unicode scalars, of the value at `path` in the line `bytes`.
  ///
  /// Where a step leads nowhere, the place of the last value on the way.
  static func column(of path: [JSONStep], in bytes: UnsafeRawBufferPointer) -> Int {
    var walker = JSONPath(bytes)
    walker.skipSpace()
    for step in path where !walker.enter(step) { break }
    return column(at: walker.position, in: bytes)
  }

  /// The column of the byte at `offset` in the line `bytes`.
  static func column(at offset: Int, in bytes: UnsafeRawBufferPointer) -> Int {
    1 + bytes.prefix(offset).count { $0 & 0xC0 != 0x80 }
  }

  /// Moves from the start of a value to the start of a part of it; stays if there is no such part.
  private mutating func enter(_ step: JSONStep) -> Bool {
    let start = position
    let (open, close): (UInt8, UInt8)
    switch step {
    case .key: (open, close) = (UInt8(ascii: "{"), UInt8(ascii: "}"))
    case .index: (open, close) = (UInt8(ascii: "["), UInt8(ascii: "]"))
    }
    guard current == open else { return false }
    position += 1
    var index = 0
    skipSpace()
    while position < bytes.count, current != close {
      var isWanted = step == .index(index)
      if case .key(let wanted) = step {
        let keyStart = position
        skipString()
        let key = UnsafeRawBufferPointer(rebasing: bytes[keyStart..<position])
        isWanted = (try? JSON.parse(key))?.stringValue == wanted
        skipSpace()
        position += 1  // ":"
        skipSpace()
      }
      if isWanted { return true }
      skipValue()
      skipSpace()
      if current == UInt8(ascii: ",") { position += 1 }
      skipSpace()
      index += 1
    }
    position = start
    return false
  }

  private var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

  private mutating func skipSpace() {
    while [0x20, 0x09, 0x0A, 0x0D].contains(current) { position += 1 }
  }

  private mutating func skipString() {
    position += 1
    while position < bytes.count, current != UInt8(ascii: "\"") {
      position += current == UInt8(ascii: "\\") ? 2 : 1
    }
    position += 1
  }

  /// Skips a value by counting brackets, so that no depth of nesting matters.
  private mutating func skipValue() {
    var depth = 0
    repeat {
      switch current {
      case UInt8(ascii: "\""):
        skipString()
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return }
        depth -= 1
      case UInt8(ascii: ",") where depth == 0: return
      default: break
      }
      position += 1
    } while position < bytes.count && (depth > 0 || !endsValue)
  }

  private var endsValue: Bool {
    [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")].contains(current)
  }
}
