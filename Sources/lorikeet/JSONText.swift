import ModelFiles
import Serialization

/// JSON as files have it.
enum JSONText {
  /// An object as a line of a JSONL file.
  static func line(_ object: JSONObject) -> String {
    JSONValue.object(object).serialized() + "\n"
  }

  /// The value that a file holds.
  ///
  /// - Throws: `ModelFileError`, `JSONError`.
  static func read(_ path: String) throws -> JSONValue {
    try MappedFile(path: path).withBytes { try JSON.parse($0) }
  }
}
