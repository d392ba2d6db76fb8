#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a whole file, which may also be a pipe.
package enum FileBytes {
  package static func read(_ path: String) throws(DatasetError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw code == ENOENT
        ? .missingFile(path: path) : .unreadableFile(path: path, reason: reason(code))
    }
    defer { close(descriptor) }
    var status = stat()
    let size = fstat(descriptor, &status) == 0 ? max(0, Int(status.st_size)) : 0
    if status.st_mode & S_IFMT == S_IFDIR {
      throw .unreadableFile(path: path, reason: "it is a folder; give the path of a JSONL file")
    }

    // A regular file is read in one go: its size, and one byte more, which tells that it has ended. A pipe
    // tells no size, and neither file is cut off if it grows meanwhile.
    var bytes: [UInt8] = []
    var room = size + 1
    while true {
      var failure: Int32 = 0
      var count = 0
      bytes += [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
        repeat {
          count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
          failure = count < 0 ? errno : 0
        } while failure == EINTR
        initialized = max(0, count)
      }
      if failure != 0 { throw .unreadableFile(path: path, reason: reason(failure)) }
      if count == 0 { return bytes }
      room = max(room - count, 1 << 16)
    }
  }

  private static func reason(_ code: Int32) -> String {
    String(cString: strerror(code))
  }
}
