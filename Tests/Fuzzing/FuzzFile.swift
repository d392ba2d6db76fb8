#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixture cannot be read.
public struct FuzzFileError: Error, CustomStringConvertible {
  /// What is wrong with which file.
  public let description: String
}

/// Files, without Foundation.
public enum FuzzFile {
  /// The folder `Tests/Fixtures` of the checkout that this was compiled in.
  public static let fixtures: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return parts.joined(separator: "/") + "/Fixtures"
  }()

  /// All bytes of the file `path`.
  public static func read(_ path: String) throws(FuzzFileError) -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      throw FuzzFileError(description: "\(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// Makes `path` a file of `bytes`.
  public static func write(_ bytes: [UInt8], to path: String) throws(FuzzFileError) {
    guard let file = fopen(path, "wb") else {
      throw FuzzFileError(description: "\(path): \(String(cString: strerror(errno)))")
    }
    let count = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, count == bytes.count else {
      throw FuzzFileError(description: "\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Writes a line to standard error.
  public static func tell(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    #if canImport(Glibc)
      _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    #elseif canImport(Darwin)
      _ = Darwin.write(STDERR_FILENO, bytes, bytes.count)
    #endif
  }

  /// The bytes of the fixture `name`.
  static func fixture(_ name: String) throws(FuzzFileError) -> [UInt8] {
    try read("\(fixtures)/\(name)")
  }
}
