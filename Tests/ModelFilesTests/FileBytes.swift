import Foundation
import ModelFiles

/// Files built byte by byte, so that each can lie in exactly one place.
enum FileBytes {
  static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// A GGUF string: its length in 64 bits and its bytes.
  static func string(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + text.utf8 }

  /// A metadata entry with an encoded value.
  static func entry(_ key: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
    string(key) + little(type) + value
  }

  /// A tensor's description; `shape` with the fastest dimension first, as GGUF has it.
  static func tensor(
    _ name: String, _ shape: [UInt64] = [4], type: UInt32 = 0, offset: UInt64 = 0
  ) -> [UInt8] {
    string(name) + little(UInt32(shape.count)) + shape.flatMap { little($0) } + little(type)
      + little(offset)
  }

  /// A whole GGUF file; counts that are not given are true.
  static func gguf(
    version: UInt32 = 3, tensorCount: UInt64? = nil, entryCount: UInt64? = nil,
    entries: [[UInt8]] = [], tensors: [[UInt8]] = [tensor("a")], data: Int = 16,
    alignment: Int = 32
  ) -> [UInt8] {
    var bytes: [UInt8] = Array("GGUF".utf8) + little(version)
    bytes += little(tensorCount ?? UInt64(tensors.count))
    bytes += little(entryCount ?? UInt64(entries.count))
    bytes += entries.flatMap { $0 } + tensors.flatMap { $0 }
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    return bytes + [UInt8](repeating: 0, count: data)
  }

  /// A safetensors file; a length that is not given is true.
  static func safetensors(_ header: String, length: UInt64? = nil, data: Int = 0) -> [UInt8] {
    little(length ?? UInt64(header.utf8.count)) + header.utf8
      + [UInt8](repeating: 0, count: data)
  }
}

/// A folder for one test, removed when the value goes away.
final class ScratchFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "lorikeet-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let url = URL(fileURLWithPath: path(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  /// Every name in the folder, hidden ones too.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }
}

/// The message of what `body` throws, or "nothing was thrown".
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "nothing was thrown"
  } catch {
    return "\(error)"
  }
}
