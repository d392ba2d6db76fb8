#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same folder, which `commit` syncs to disk and renames. An
/// object that goes away without `commit` removes what it wrote. A path that is a device or a pipe,
/// such as `/dev/full`, is written in place, since renaming onto it would replace it.
public final class AtomicFile {
  /// Where the file will be.
  public let path: String
  /// How many bytes have been given to `write`.
  public private(set) var count = 0

  private let temporaryPath: String?
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 18

  /// Starts the file.
  ///
  /// - Parameter replacing: whether a file that exists may be replaced, which happens at `commit`.
  /// - Throws: `.alreadyExists`, or `.notWritten` where the system refuses.
  public init(path: String, replacing: Bool = false) throws(ModelFileError) {
    var status = stat()
    let exists = stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    if exists, kind == S_IFDIR || (kind == S_IFREG && !replacing) {
      throw .alreadyExists(path: path)
    }
    self.path = path
    temporaryPath = exists && kind != S_IFREG ? nil : temporarySibling(of: path)
    if let temporaryPath {
      descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    } else {
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
    }
    guard descriptor >= 0 else {
      throw .notWritten(path: path, reason: systemErrorDescription())
    }
    buffer.reserveCapacity(Self.bufferSize)
  }

  deinit {
    abandon()
  }

  /// Appends `bytes`.
  ///
  /// - Throws: `.notWritten`; the object is of no further use then.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    count += bytes.count
    if buffer.count + bytes.count <= Self.bufferSize {
      buffer += bytes
      return
    }
    try flush()
    if bytes.count < Self.bufferSize {
      buffer += bytes
    } else {
      try writeThrough(bytes)
    }
  }

  /// Appends `bytes`.
  ///
  /// - Throws: as above.
  public func write(_ bytes: [UInt8]) throws(ModelFileError) {
    let result = bytes.withUnsafeBytes { raw in
      Result<Void, ModelFileError> { () throws(ModelFileError) in try write(raw) }
    }
    try result.get()
  }

  /// Appends the UTF-8 bytes of `text`.
  ///
  /// - Throws: as above.
  public func write(_ text: String) throws(ModelFileError) {
    try write(Array(text.utf8))
  }

  /// Makes the file appear under its name, with every byte on disk.
  ///
  /// - Throws: `.notWritten`; nothing is left behind then.
  public func commit() throws(ModelFileError) {
    try flush()
    guard let temporaryPath else {
      let closed = close(descriptor)
      descriptor = -1
      guard closed == 0 else {
        throw .notWritten(path: path, reason: systemErrorDescription())
      }
      return
    }
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      let reason = systemErrorDescription()
      abandon()
      throw .notWritten(path: path, reason: reason)
    }
    close(descriptor)
    descriptor = -1
    syncFolder(parentFolder(of: path))
  }

  private func flush() throws(ModelFileError) {
    let result = buffer.withUnsafeBytes { raw in
      Result<Void, ModelFileError> { () throws(ModelFileError) in try writeThrough(raw) }
    }
    buffer.removeAll(keepingCapacity: true)
    try result.get()
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
    guard descriptor >= 0 else {
      throw .notWritten(path: path, reason: "an earlier write failed")
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = UnsafeRawBufferPointer(rebasing: rest)
      let written = systemWrite(descriptor, slice.baseAddress, slice.count)
      if written < 0 {
        if errno == EINTR { continue }
        let reason = systemErrorDescription()
        abandon()
        throw .notWritten(path: path, reason: reason)
      }
      rest = rest.dropFirst(written)
    }
  }

  private func abandon() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    if let temporaryPath { unlink(temporaryPath) }
  }
}

/// `write(2)`, which a method called `write` hides.
private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, start, count)
}

/// A hidden name in the folder of `path` that nobody else uses.
func temporarySibling(of path: String) -> String {
  let folder = parentFolder(of: path)
  let number = String(UInt64.random(in: 0 ... .max), radix: 36)
  return "\(folder)/.\(lastComponent(of: path)).\(getpid())-\(number).partial"
}

/// The folder `path` lies in; `.` for a bare name.
func parentFolder(of path: String) -> String {
  let trimmed = withoutTrailingSlashes(path)
  guard let slash = trimmed.lastIndex(of: "/") else { return "." }
  return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

/// The last name in `path`.
func lastComponent(of path: String) -> String {
  let trimmed = withoutTrailingSlashes(path)
  guard let slash = trimmed.lastIndex(of: "/") else { return trimmed }
  return String(trimmed[trimmed.index(after: slash)...])
}

/// `path` without slashes at its end, unless it is the root.
func withoutTrailingSlashes(_ path: String) -> String {
  var trimmed = path[...]
  while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
  return String(trimmed)
}

/// Asks the system to put the names in `folder` on disk; a system that cannot is not an error.
func syncFolder(_ folder: String) {
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}
