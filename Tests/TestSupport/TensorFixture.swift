import Foundation
import Serialization

/// The tensors of a small safetensors fixture.
public struct TensorFixture {
  private let bytes: [UInt8]
  private let header: JSONObject
  private let start: Int

  /// Reads the fixture `name`.
  public init(_ name: String) throws { try self.init(bytes: Fixture.bytes(name)) }

  /// Reads the file at `path`.
  public init(path: String) throws {
    try self.init(bytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
  }

  private init(bytes: [UInt8]) throws {
    self.bytes = bytes
    let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    start = 8 + length
    header = try JSON.parse(Array(bytes[8..<start])).objectValue ?? JSONObject()
  }

  /// The names of all tensors.
  public var names: [String] { header.keys.filter { $0 != "__metadata__" } }

  /// What stands before the first dot of a name, each once: fixtures of kernels name tensors `case.role`.
  public var cases: [String] {
    Set(names.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted()
  }

  private func raw(_ name: String) -> ArraySlice<UInt8> {
    let offsets = header[name]?["data_offsets"]?.arrayValue?.compactMap(\.intValue) ?? [0, 0]
    return bytes[(start + offsets[0])..<(start + offsets[1])]
  }

  /// The shape of a tensor; empty where there is none.
  public func shape(_ name: String) -> [Int] {
    header[name]?["shape"]?.arrayValue?.compactMap(\.intValue) ?? []
  }

  /// The elements of an F32 tensor.
  public func floats(_ name: String) -> [Float] {
    raw(name).withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  /// The elements of an I32 or I64 tensor.
  public func integers(_ name: String) -> [Int32] {
    let isLong = header[name]?["dtype"]?.stringValue == "I64"
    return raw(name).withUnsafeBytes { raw in
      isLong
        ? (0..<raw.count / 8).map {
          Int32(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))
        }
        : (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
  }
}

/// The largest difference between two arrays, relative to the largest value of the second.
public func relativeError(_ values: [Float], _ reference: [Float]) -> Double {
  guard values.count == reference.count else { return .infinity }
  let largest = reference.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
  return zip(values, reference).reduce(0.0) { worst, pair in
    let difference = Double(abs(pair.0 - pair.1))
    return difference.isNaN ? .infinity : max(worst, difference / Double(largest))
  }
}
