/// The type of a metadata value, by the number the file uses.
public enum GGUFValueType: UInt32, Sendable {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64
  case float64

  /// How many bytes a value takes, or nil for strings and arrays, whose size is in the file.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// One metadata value of a GGUF file.
public enum GGUFValue: Sendable, Equatable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  /// The exact bytes, which should be UTF-8 and in some files are not.
  case string([UInt8])
  case array(GGUFArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)

  /// A string value of `text`.
  public static func string(_ text: String) -> GGUFValue { .string(Array(text.utf8)) }

  /// The type as the file numbers it.
  public var type: GGUFValueType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .string: .string
    case .array: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }

  /// The value of any integer type, where it fits an `Int`.
  public var intValue: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    default: nil
    }
  }

  /// The value of a floating-point type.
  ///
  /// A single-precision number becomes the double with the same shortest decimal digits, so that an
  /// epsilon someone wrote as 1e-05 is 1e-05 again and not 9.99999974737875e-06.
  public var doubleValue: Double? {
    switch self {
    case .float32(let value): Double(value.description)
    case .float64(let value): value
    default: nil
    }
  }

  /// The truth value, where this is one.
  public var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The text, where this is a string of valid UTF-8.
  public var stringValue: String? {
    guard case .string(let bytes) = self else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The elements, where this is an array.
  public var arrayValue: GGUFArray? {
    guard case .array(let array) = self else { return nil }
    return array
  }
}
