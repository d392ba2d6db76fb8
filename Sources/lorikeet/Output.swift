import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The two standard streams, unbuffered, so that what was said is never lost.
enum Output {
  /// The error number of the first write to standard output that failed, or 0.
  private static let failure = Atomic<Int32>(0)

  /// Writes to standard output; a failure is remembered for `check`.
  static func write(_ bytes: [UInt8]) {
    let error = put(bytes, to: 1)
    if error != 0, error != EPIPE { failure.store(error, ordering: .relaxed) }
  }

  /// Writes to standard output; a failure is remembered for `check`.
  static func write(_ text: String) { write(Array(text.utf8)) }

  /// Writes to standard error.
  static func note(_ text: String) { _ = put(Array(text.utf8), to: 2) }

  /// Throws where standard output did not take everything.
  static func check() throws {
    let error = failure.load(ordering: .relaxed)
    if error != 0 { throw OutputError(reason: String(cString: strerror(error))) }
  }

  private static func put(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = rest.dropFirst(count)
    }
    return 0
  }
}

/// Standard output did not take what was written.
struct OutputError: Error, CustomStringConvertible {
  let reason: String
  var description: String {
    "standard output: cannot be written (\(reason)); free space or redirect elsewhere"
  }
}
