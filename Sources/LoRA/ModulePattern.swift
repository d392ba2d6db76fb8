internal import CPCRE2

/// A regular expression over module paths, with the meaning that PEFT gives it.
final class ModulePattern {
  private let code: OpaquePointer
  private let limits: OpaquePointer?
  private let source: String

  /// The steps that matching one path may take: paths are short, so a pattern that takes more never ends.
  private static let stepLimit: UInt32 = 100_000
  /// The memory that matching one path may take, in KiB.
  private static let memoryLimit: UInt32 = 8 * 1024

  /// A pattern that must match a whole path: `re.fullmatch`, as for `target_modules`.
  init(whole pattern: String) throws(LoRAError) {
    code = try Self.compile(
      pattern, options: UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_ENDANCHORED), shown: pattern)
    source = pattern
    limits = Self.makeLimits()
  }

  /// A pattern that must match the end of a path from a dot or its start, as keys of `rank_pattern` do.
  init(suffix pattern: String) throws(LoRAError) {
    // By itself first: `a)|(b` is no expression, but becomes one between our parentheses.
    pcre2_code_free_8(try Self.compile(pattern, shown: pattern))
    code = try Self.compile("\\A(?:.*\\.)?(?:\(pattern))$", shown: pattern)
    source = pattern
    limits = Self.makeLimits()
  }

  deinit {
    pcre2_match_context_free_8(limits)
    pcre2_code_free_8(code)
  }

  private static func makeLimits() -> OpaquePointer? {
    let limits = pcre2_match_context_create_8(nil)
    if let limits {
      pcre2_set_match_limit_8(limits, stepLimit)
      pcre2_set_heap_limit_8(limits, memoryLimit)
    }
    return limits
  }

  private static func compile(
    _ source: String, options: UInt32 = 0, shown: String
  ) throws(LoRAError) -> OpaquePointer {
    var error: Int32 = 0
    var offset = 0
    let bytes = Array(source.utf8)
    let options = options | UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP)
    guard let code = pcre2_compile_8(bytes, bytes.count, options, &error, &offset, nil) else {
      var message = [UInt8](repeating: 0, count: 160)
      pcre2_get_error_message_8(error, &message, message.count)
      throw .badPattern(
        pattern: shown, reason: String(decoding: message.prefix { $0 != 0 }, as: UTF8.self))
    }
    return code
  }

  /// Whether the module path `name` matches.
  ///
  /// - Throws: `.badPattern` where that takes longer than any pattern of a person's does.
  func matches(_ name: String) throws(LoRAError) -> Bool {
    let bytes = Array(name.utf8)
    guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return false }
    defer { pcre2_match_data_free_8(data) }
    let count = pcre2_match_8(code, bytes, bytes.count, 0, 0, data, limits)
    guard count >= 0 || count == PCRE2_ERROR_NOMATCH else {
      throw .badPattern(
        pattern: source, reason: "matching it with \(name) takes more than \(Self.stepLimit) steps")
    }
    return count >= 0
  }
}
