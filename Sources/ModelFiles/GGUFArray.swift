/// An array in the metadata of a GGUF file, kept as the bytes the file has.
///
/// A vocabulary is such an array. Keeping its bytes makes copying it from file to file exact, and
/// nobody pays for elements nobody reads.
public struct GGUFArray: Sendable, Equatable {
  /// The type of every element.
  public let elementType: GGUFValueType
  /// How many elements there are.
  public let count: Int
  /// The elements one after another as they stand in the file, checked when it was opened.
  let encoded: [UInt8]

  /// An array whose encoding has been checked.
  init(elementType: GGUFValueType, count: Int, encoded: [UInt8]) {
    self.elementType = elementType
    self.count = count
    self.encoded = encoded
  }

  /// An array of strings, given as their bytes.
  public init(_ strings: [[UInt8]]) {
    var encoded: [UInt8] = []
    encoded.reserveCapacity(strings.reduce(0) { $0 + 8 + $1.count })
    for string in strings {
      encoded.appendLittleEndian(UInt64(string.count))
      encoded += string
    }
    self.init(elementType: .string, count: strings.count, encoded: encoded)
  }

  /// An array of 32-bit integers.
  public init(_ values: [Int32]) {
    var encoded: [UInt8] = []
    for value in values { encoded.appendLittleEndian(value) }
    self.init(elementType: .int32, count: values.count, encoded: encoded)
  }

  /// An array of bytes.
  public init(bytes: [UInt8]) {
    self.init(elementType: .uint8, count: bytes.count, encoded: bytes)
  }

  /// An array of single-precision numbers.
  public init(_ values: [Float]) {
    var encoded: [UInt8] = []
    for value in values { encoded.appendLittleEndian(value.bitPattern) }
    self.init(elementType: .float32, count: values.count, encoded: encoded)
  }

  /// The bytes of each string, or nil where the elements are not strings.
  public var strings: [[UInt8]]? {
    guard elementType == .string else { return nil }
    return encoded.withUnsafeBytes { bytes in
      var strings: [[UInt8]] = []
      strings.reserveCapacity(count)
      var offset = 0
      for _ in 0..<count {
        let length = Int(
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        offset += 8
        strings.append([UInt8](bytes[offset..<offset + length]))
        offset += length
      }
      return strings
    }
  }

  /// Each element as an `Int`, or nil where the elements are not integers that fit one.
  public var integers: [Int]? {
    switch elementType {
    case .uint8: loaded(UInt8.self) { Int($0) }
    case .int8: loaded(Int8.self) { Int($0) }
    case .uint16: loaded(UInt16.self) { Int($0) }
    case .int16: loaded(Int16.self) { Int($0) }
    case .uint32: loaded(UInt32.self) { Int($0) }
    case .int32: loaded(Int32.self) { Int($0) }
    case .uint64: loaded(UInt64.self) { Int(exactly: $0) }
    case .int64: loaded(Int64.self) { Int($0) }
    default: nil
    }
  }

  /// Each element as a `Float`, or nil where the elements are not floating-point numbers.
  public var floats: [Float]? {
    switch elementType {
    case .float32: loaded(UInt32.self) { Float(bitPattern: $0) }
    case .float64: loaded(UInt64.self) { Float(Double(bitPattern: $0)) }
    default: nil
    }
  }

  private func loaded<Stored: FixedWidthInteger & BitwiseCopyable, Value>(
    _ type: Stored.Type, _ convert: (Stored) -> Value?
  ) -> [Value]? {
    encoded.withUnsafeBytes { bytes in
      var values: [Value] = []
      values.reserveCapacity(count)
      for index in 0..<count {
        let stored = bytes.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
        guard let value = convert(Stored(littleEndian: stored)) else { return nil }
        values.append(value)
      }
      return values
    }
  }
}

extension [UInt8] {
  /// Appends `value`, lowest byte first.
  mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
