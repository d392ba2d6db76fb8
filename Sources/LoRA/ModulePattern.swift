internal import CPCRE2

/// A regular expression over module paths, with the meaning that PEFT gives it.
final class ModulePattern {
  private let code: OpaquePointer

  /// A pattern that must match a whole path: `re.fullmatch`, as for `target_modules`.
  convenience init(whole pattern: String) throws(LoRAError) {
    try self.init(source: "\\A(?:\(pattern))\\z", shown: pattern)
  }

  /// A pattern that must match the end of a path from a dot or its start, as keys of `rank_pattern` do.
  convenience init(suffix pattern: String) throws(LoRAError) {
    try self.init(source: "\\A(?:.*\\.)?(?:\(pattern))$", shown: pattern)
  }

  private init(source: String, shown: String) throws(LoRAError) {
    var error: Int32 = 0
    var offset = 0
    let bytes = Array(source.utf8)
    guard
      let code = pcre2_compile_8(
        bytes, bytes.count, UInt32(bitPattern: Int32(PCRE2_UTF)) | UInt32(PCRE2_UCP), &error,
        &offset, nil)
    else {
      var message = [UInt8](repeating: 0, count: 160)
      pcre2_get_error_message_8(error, &message, message.count)
      throw .badPattern(
        pattern: shown, reason: String(decoding: message.prefix { $0 != 0 }, as: UTF8.self))
    }
    self.code = code
  }

  deinit { pcre2_code_free_8(code) }

  func matches(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return false }
    defer { pcre2_match_data_free_8(data) }
    return pcre2_match_8(code, bytes, bytes.count, 0, 0, data, nil) >= 0
  }
}
