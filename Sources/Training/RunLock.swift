#if canImport(Glibc)
  import Glibc
#endif

/// Keeps a run folder to one process at a time.
///
/// The lock is the kernel's (`flock` on the file `.lock`) and ends with the process, however that ends: a lock that
/// outlives its owner does not exist. The file holds the owner's pid, for the one who is refused.
public final class RunLock {
  private let descriptor: Int32

  /// Takes the lock of a folder, which exists.
  ///
  /// - Throws: `TrainingError.inUse` where another process has it, `.cannotLock` where the folder cannot be written.
  public init(folder: String) throws(TrainingError) {
    let path = "\(folder)/.lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .cannotLock(path: path, reason: String(cString: strerror(errno)))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      defer { close(descriptor) }
      guard reason == EWOULDBLOCK else {
        throw .cannotLock(path: path, reason: String(cString: strerror(reason)))
      }
      throw .inUse(path: folder, process: Self.owner(descriptor))
    }
    // The name of the owner is a courtesy; a full disk must not keep a run from going on.
    ftruncate(descriptor, 0)
    _ = "\(getpid())\n".withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit { close(descriptor) }

  /// The pid that the file names.
  private static func owner(_ descriptor: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    return Int(String(decoding: bytes[..<count].prefix { $0 != 10 }, as: UTF8.self))
  }
}
