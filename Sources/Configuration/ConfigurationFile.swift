#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
import Serialization

/// Reads a configuration's bytes.
enum ConfigurationFile {
  static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      if errno == ENOENT { throw .missingFile(path: path) }
      throw .unreadableFile(path: path, reason: String(cString: strerror(errno)))
    }
    defer { fclose(file) }
    // One byte more than is allowed, so that a longer file is seen to be one.
    let limit = YAML.maximumByteCount + 1
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let count = fread(&chunk, 1, min(chunk.count, limit - bytes.count), file)
      bytes.append(contentsOf: chunk[..<count])
      if count == 0 { break }
    }
    if ferror(file) != 0 {
      throw .unreadableFile(path: path, reason: String(cString: strerror(errno)))
    }
    return bytes
  }
}
