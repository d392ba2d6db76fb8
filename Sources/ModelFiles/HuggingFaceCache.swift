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

  /// The folder of a model's snapshot, or nil where it is not there.
  ///
  /// `org/name` is the one that `main` last pointed to, or the only one; `org/name@revision` the one of a branch,
  /// a tag or a commit, whose first characters will do if no other begins so.
  ///
  /// - Throws: `.unreadable` where the cache may not be read.
  func snapshot(of name: String) throws(ModelFileError) -> String? {
    guard let folder, let (owner, model, revision) = Self.split(name) else { return nil }
    let repository = "\(folder)/models--\(owner)--\(model)"
    let snapshots = "\(repository)/snapshots"
    let reference = "\(repository)/refs/\(revision ?? "main")"
    if exists(reference), !isFolder(reference) {
      let file = try MappedFile(path: reference)
      let text = file.text(0..<min(file.count, 256)) ?? ""
      guard let commit = text.split(whereSeparator: \.isWhitespace).first,
        Self.isPlainName(commit), isFolder("\(snapshots)/\(commit)")
      else { return nil }
      return "\(snapshots)/\(commit)"
    }
    let names = (namesInFolder(snapshots) ?? []).filter { isFolder("\(snapshots)/\($0)") }
    if let revision, names.contains(String(revision)) { return "\(snapshots)/\(revision)" }
    // Without a reference only a single snapshot leaves no doubt.
    let found = names.filter { revision.map($0.hasPrefix) ?? true }
    return found.count == 1 ? found.first.map { "\(snapshots)/\($0)" } : nil
  }

  /// The parts of `org/name` or `org/name@revision`, or nil for anything else.
  static func split(
    _ name: String
  ) -> (owner: Substring, model: Substring, revision: Substring?)? {
    let halves = name.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let parts = halves[0].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy(isPlainName) else { return nil }
    guard halves.count == 2 else { return (parts[0], parts[1], nil) }
    // A branch may have a slash in its name, such as refs/pr/1.
    let revision = halves[1].split(separator: "/", omittingEmptySubsequences: false)
    guard revision.allSatisfy(isPlainName) else { return nil }
    return (parts[0], parts[1], halves[1])
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
