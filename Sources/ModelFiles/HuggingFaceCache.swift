#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The local cache in which Hugging Face's tools keep what they downloaded; it is only ever read.
///
/// - SeeAlso: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
struct HuggingFaceCache {
  /// The folder with one `models--org--name` a model, or nil where there is no home folder.
  let folder: String?

  /// The cache that `environment` points to.
  init(environment: (String) -> String? = Self.processEnvironment) {
    func value(_ name: String) -> String? {
      environment(name).flatMap { $0.isEmpty ? nil : $0 }
    }
    let home = value("HOME")
    let path =
      value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")
      ?? value("HF_HOME").map { "\($0)/hub" }
      ?? value("XDG_CACHE_HOME").map { "\($0)/huggingface/hub" }
      ?? home.map { "\($0)/.cache/huggingface/hub" }
    if let path, path.hasPrefix("~/"), let home {
      folder = home + path.dropFirst()
    } else {
      folder = path
    }
  }

  /// The folder of the snapshot that `org/name` last pointed to, or nil where it is not there.
  ///
  /// - Throws: `.unreadable` where the cache may not be read.
  func snapshot(of name: String) throws(ModelFileError) -> String? {
    guard let folder, let (owner, model) = Self.split(name) else { return nil }
    let repository = "\(folder)/models--\(owner)--\(model)"
    let snapshots = "\(repository)/snapshots"
    if exists("\(repository)/refs/main") {
      let reference = try MappedFile(path: "\(repository)/refs/main")
      let text = reference.text(0..<min(reference.count, 256)) ?? ""
      guard let commit = text.split(whereSeparator: \.isWhitespace).first,
        Self.isPlainName(commit), isFolder("\(snapshots)/\(commit)")
      else { return nil }
      return "\(snapshots)/\(commit)"
    }
    // Without a reference only a single snapshot leaves no doubt.
    let names = (namesInFolder(snapshots) ?? []).filter { isFolder("\(snapshots)/\($0)") }
    return names.count == 1 ? names.first.map { "\(snapshots)/\($0)" } : nil
  }

  /// The two parts of `org/name`, or nil for anything else.
  static func split(_ name: String) -> (owner: Substring, model: Substring)? {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ isPlainName($0) }) else { return nil }
    return (parts[0], parts[1])
  }

  /// Whether `name` has only letters, digits, `-`, `_` and `.`, and is no way out of a folder.
  private static func isPlainName(_ name: Substring) -> Bool {
    !name.isEmpty && !name.hasPrefix(".")
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
      }
  }

  private static func processEnvironment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

/// Whether `path` names a folder, through links.
func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Whether `path` names anything, through links.
func exists(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0
}
