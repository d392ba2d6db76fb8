import Serialization

extension ValueType where Value == Int {
  /// Bytes, with a decimal or a binary unit or none.
  static let memorySize = ValueType(
    expectation: "a size from 1MB to 1024TB such as 600MB, 0.6GB or 512MiB, or a number of bytes"
  ) { node throws(ValueFault) in
    guard let text = node.plainText, let bytes = MemorySize.bytes(text) else {
      throw ValueFault(node)
    }
    return bytes
  } text: {
    MemorySize.text($0)
  }
}

/// Sizes of memory and of files as people write them.
public enum MemorySize {
  private static let units: [(name: String, bytes: Double)] = [
    ("kib", 0x1p10), ("mib", 0x1p20), ("gib", 0x1p30), ("tib", 0x1p40),
    ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("b", 1),
  ]

  /// The bytes that `text` names, a fraction of one rounded down; nil where it names no size within bounds.
  public static func bytes(_ text: String) -> Int? {
    var number = text.lowercased()[...]
    var factor = 1.0
    if let unit = units.first(where: { number.hasSuffix($0.name) }) {
      number = number.dropLast(unit.name.count)
      factor = unit.bytes
    }
    if number.hasSuffix(" ") { number = number.dropLast() }
    guard number.utf8.allSatisfy({ "0123456789.".utf8.contains($0) }), let value = Double(number)
    else { return nil }
    let bytes = value * factor
    guard bytes >= 1e6, bytes <= 1024e12 else { return nil }
    return Int(bytes)
  }

  /// Text that reads back as `bytes`.
  fileprivate static func text(_ bytes: Int) -> String {
    bytes % 1_000_000 == 0 ? "\(bytes / 1_000_000)MB" : String(bytes)
  }
}
