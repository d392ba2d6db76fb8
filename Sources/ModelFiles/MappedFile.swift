public import Quantization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped read-only into memory: pages are read when touched and may be let go again.
///
/// The mapping lives as long as the object; whoever hands out a pointer into it keeps the object.
public final class MappedFile: @unchecked Sendable {
  // Sendable: every stored property is constant and the mapped bytes are never written.

  /// The path as given to `init`, for messages.
  public let path: String
  /// The size of the file in bytes, at least 1.
  public let count: Int
  /// The first byte of the file.
  public let baseAddress: UnsafeRawPointer

  /// Maps the file at `path`.
  ///
  /// - Throws: `.missing` where nothing is there or where it is a folder, `.unreadable` where the
  ///   system refuses, `.truncated` where the file is empty.
  public init(path: String) throws(ModelFileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      guard code == ENOENT || code == ENOTDIR else {
        throw .unreadable(path: path, reason: systemErrorDescription(code))
      }
      throw .missing(path: path, problem: "no such file", remedy: "check the path")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(path: path, reason: systemErrorDescription())
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw .missing(path: path, problem: "is a folder", remedy: "name a file in it")
    default:
      throw .missing(path: path, problem: "is not a regular file", remedy: "copy it to a file")
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      throw .truncated(path: path, place: "the first byte", needed: 1, fileSize: 0)
    }
    guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
      address != MAP_FAILED
    else {
      throw .unreadable(path: path, reason: systemErrorDescription())
    }
    self.path = path
    self.count = count
    baseAddress = UnsafeRawPointer(address)
  }

  /// Bytes of memory that behave as the file `path` would; for bytes that never were a file.
  ///
  /// - Throws: as `init(path:)` for no bytes and for memory the system does not give.
  public init(copying bytes: [UInt8], path: String) throws(ModelFileError) {
    guard !bytes.isEmpty else {
      throw .truncated(path: path, place: "the first byte", needed: 1, fileSize: 0)
    }
    guard
      let address = mmap(
        nil, bytes.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      address != MAP_FAILED
    else {
      throw .unreadable(path: path, reason: systemErrorDescription())
    }
    bytes.withUnsafeBytes { source in
      UnsafeMutableRawBufferPointer(start: address, count: source.count).copyMemory(from: source)
    }
    mprotect(address, bytes.count, PROT_READ)
    self.path = path
    count = bytes.count
    baseAddress = UnsafeRawPointer(address)
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: baseAddress), count)
  }

  /// Calls `body` with the file's bytes, which stay mapped meanwhile.
  ///
  /// `bytes` alone does not keep a file open that nothing else refers to.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(bytes)
  }

  /// All bytes of the file; valid while this object lives.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: baseAddress, count: count)
  }

  /// Tells the system that the file will be read once from front to back.
  public func adviseSequential() {
    madvise(UnsafeMutableRawPointer(mutating: baseAddress), count, MADV_SEQUENTIAL)
  }

  /// Lets the memory of the bytes `offset ..< offset + count` go; a later read brings it back.
  ///
  /// Only whole pages inside the range are released, so that neighbours stay. Bytes outside the file
  /// are ignored.
  public func releasePages(offset: Int, count releasedCount: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let lower = min(max(offset, 0), count)
    let upper = lower + min(max(releasedCount, 0), count - lower)
    let first = (lower + page - 1) / page * page
    // The last page of the file belongs to nobody else, so it may go although it is not full.
    let end = upper == count ? upper : upper / page * page
    guard first < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: baseAddress + first), end - first, MADV_DONTNEED)
  }

  /// How many bytes of the mapping are in this process's resident set, in whole pages.
  ///
  /// Read from the page map of the process, since `mincore` also counts pages of the system's cache.
  /// Nil where the system does not tell.
  public func residentByteCount() -> Int? {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let pages = (count + page - 1) / page
    var entries = [UInt64](repeating: 0, count: pages)
    let offset = Int(bitPattern: baseAddress) / page * 8
    let read = entries.withUnsafeMutableBytes {
      pread(descriptor, $0.baseAddress, $0.count, offset)
    }
    guard read == pages * 8 else { return nil }
    // Bit 63 of a page map entry: the page is present.
    return entries.reduce(0) { $0 + Int($1 >> 63) } * page
  }
}

extension MappedFile: PageOwner {
  /// Lets the whole pages among `count` bytes from `address` on, which lie in the file, go.
  public func releasePages(at address: UnsafeRawPointer, count: Int) {
    releasePages(offset: address - baseAddress, count: count)
  }
}
