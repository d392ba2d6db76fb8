public import Foundation

/// Files under `Tests/Fixtures`, each made by a script in `scripts/`.
public enum Fixture {
  /// The folder `Tests/Fixtures`.
  public static var root: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures")
  }

  /// The checkout's root folder.
  public static var repository: URL {
    root.deletingLastPathComponent().deletingLastPathComponent()
  }

  /// The path of the fixture `name`, such as `"tokenization/smollm.jsonl"`.
  public static func path(_ name: String) -> String {
    root.appendingPathComponent(name).path
  }

  /// The bytes of the fixture `name`.
  public static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: root.appendingPathComponent(name)))
  }
}
