#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder that appears under its name only when everything in it is complete.
///
/// Files are made in a temporary folder beside it, which `commit` renames. An object that goes away
/// without `commit` removes the temporary folder.
public final class StagedFolder {
  /// Where the folder will be.
  public let path: String
  /// Where its files are made until then.
  public let stagingPath: String

  private var isCommitted = false

  /// Starts the folder, making the folders above it where they are missing.
  ///
  /// - Throws: `.alreadyExists` where `path` is a file or a folder with something in it; `.notWritten`
  ///   where the system refuses.
  public init(path: String) throws(ModelFileError) {
    self.path = withoutTrailingSlashes(path)
    stagingPath = temporarySibling(of: self.path)
    guard Self.isFree(self.path) else { throw .alreadyExists(path: path) }
    try Self.makeFolders(parentFolder(of: self.path))
    guard mkdir(stagingPath, 0o777) == 0 else {
      throw .notWritten(path: path, reason: systemErrorDescription())
    }
  }

  deinit {
    if !isCommitted { removeFolder(stagingPath) }
  }

  /// Makes the file `name`, a bare name, with `text` in it.
  ///
  /// - Throws: `.notWritten`.
  public func write(_ text: String, to name: String) throws(ModelFileError) {
    let file = try AtomicFile(path: "\(stagingPath)/\(name)")
    try file.write(text)
    try file.commit()
  }

  /// Makes the folder appear under its name.
  ///
  /// - Throws: `.alreadyExists` where something has taken the name since, `.notWritten` otherwise.
  public func commit() throws(ModelFileError) {
    syncFolder(stagingPath)
    guard rename(stagingPath, path) == 0 else {
      let code = errno
      guard code != EEXIST && code != ENOTEMPTY && code != ENOTDIR else {
        throw .alreadyExists(path: path)
      }
      throw .notWritten(path: path, reason: systemErrorDescription(code))
    }
    isCommitted = true
    syncFolder(parentFolder(of: path))
  }

  /// Moves the file `name` out of the folder that is being made, to a place where nothing is yet.
  ///
  /// So one of several files can be kept, and the rest goes with this object.
  ///
  /// - Throws: `.alreadyExists` where something has the name, `.notWritten` where the system refuses.
  public func take(_ name: String, as target: String) throws(ModelFileError) {
    guard Self.isFree(target) else { throw .alreadyExists(path: target) }
    guard rename("\(stagingPath)/\(name)", target) == 0 else {
      throw .notWritten(path: target, reason: systemErrorDescription())
    }
    syncFolder(parentFolder(of: target))
  }

  /// Whether `path` names nothing, or a folder with nothing in it.
  private static func isFree(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return true }
    guard status.st_mode & S_IFMT == S_IFDIR, let names = namesInFolder(path) else { return false }
    return names.isEmpty
  }

  private static func makeFolders(_ path: String) throws(ModelFileError) {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      prefix += component
      guard mkdir(prefix, 0o777) == 0 || errno == EEXIST || errno == EISDIR else {
        throw .notWritten(path: prefix, reason: systemErrorDescription())
      }
      prefix += "/"
    }
  }
}

/// Removes a folder with everything in it; links are removed, not followed.
package func removeFolder(_ path: String) {
  for name in namesInFolder(path) ?? [] {
    let entry = "\(path)/\(name)"
    var status = stat()
    guard lstat(entry, &status) == 0 else { continue }
    if status.st_mode & S_IFMT == S_IFDIR {
      removeFolder(entry)
    } else {
      unlink(entry)
    }
  }
  rmdir(path)
}

/// The names in the folder `path`, sorted, without `.` and `..`; nil where it cannot be read.
package func namesInFolder(_ path: String) -> [String]? {
  guard let folder = opendir(path) else { return nil }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}
