#if canImport(Glibc)
  internal import Glibc
#endif

/// What a folder holds to be indexed, and what of it cannot be.
struct DocumentFolder {
  /// The path without `.` and doubled slashes, so that one file has one name; empty for the working folder.
  let root: String
  /// The files whose names say that they can be indexed, in the order of their paths, and how many bytes they have.
  var files: [(path: String, bytes: Int)] = []
  /// What was passed over, each with why; hidden files and other formats are not even mentioned.
  var skipped: [(path: String, reason: DocumentReader.Skip)] = []

  /// Looks through a folder and those in it, or takes a single file.
  ///
  /// Links are not followed: they could lead out of the folder, or round in circles.
  ///
  /// - Throws: ``RetrievalError`` where there is nothing, or where the folder cannot be read.
  init(_ path: String) throws(RetrievalError) {
    root = Self.plain(path)
    var status = stat()
    guard stat(path, &status) == 0 else { throw .missing(path: path) }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      files = [(root, Int(status.st_size))]
      return
    }
    var folders = [root]
    while let folder = folders.popLast() {
      guard let directory = opendir(folder.isEmpty ? "." : folder) else {
        let reason = String(cString: strerror(errno))
        if folder == root { throw .system(path: path, reason: "cannot be read (\(reason))") }
        skipped.append((folder, .unreadable(reason: reason)))
        continue
      }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        guard bytes.first != UInt8(ascii: ".") else { continue }
        let name = String(decoding: bytes, as: UTF8.self)
        let path = folder.isEmpty || folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        guard name.utf8.elementsEqual(bytes) else {
          skipped.append((path, .badName))
          continue
        }
        guard lstat(path, &status) == 0 else { continue }
        let isDocument = DocumentReader.Format(path: path) != nil
        switch status.st_mode & S_IFMT {
        case S_IFDIR: folders.append(path)
        case S_IFREG where isDocument: files.append((path, Int(status.st_size)))
        case S_IFLNK:
          var target = stat()
          let isFolder = stat(path, &target) == 0 && target.st_mode & S_IFMT == S_IFDIR
          if isDocument || isFolder { skipped.append((path, .link)) }
        default: break
        }
      }
    }
    files.sort { $0.path < $1.path }
    skipped.sort { $0.path < $1.path }
  }

  /// Whether a path lies in the folder, or is the file.
  func contains(_ path: String) -> Bool {
    if root.isEmpty { return !path.hasPrefix("/") && path != ".." && !path.hasPrefix("../") }
    return path == root || path.hasPrefix(root.hasSuffix("/") ? root : root + "/")
  }

  /// A path without what does not change where it leads.
  private static func plain(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}
