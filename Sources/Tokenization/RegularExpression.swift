import CPCRE2
import Serialization

/// A compiled regular expression over UTF-8.
///
/// `@unchecked Sendable`: PCRE2 never writes to compiled code after `init`, and each search has a match block
/// and limits of its own.
final class RegularExpression: @unchecked Sendable {
  /// What was compiled, in the dialect it was written in.
  let source: String
  private let code: OpaquePointer

  /// The largest number of steps of one match attempt in a text of so many bytes.
  ///
  /// A pattern that splits words looks at each character of a long run a few times; one that takes more goes
  /// back and forth in it, and would for each character do so again.
  private static func stepLimit(_ byteCount: Int) -> UInt32 {
    UInt32(min(10_000_000, 10_000 + 32 * min(byteCount, 1 << 20)))
  }

  /// The memory one match attempt may take in a text of so many bytes, in KiB.
  private static func memoryLimit(_ byteCount: Int) -> UInt32 {
    UInt32(min(64 * 1024, 8 * 1024 + byteCount / 64))
  }

  /// Compiles `pattern`; `source` is what messages quote.
  ///
  /// `^` and `$` match at line ends, as they do in Ruby's syntax.
  ///
  /// - Parameter isLiteral: Whether every character of the pattern stands for itself.
  /// - Throws: ``TokenizerError/invalidPattern(pattern:offset:reason:)``.
  init(_ pattern: [UInt8], source: String, isLiteral: Bool = false) throws(TokenizerError) {
    var code: Int32 = 0
    var offset = 0
    let options =
      UInt32(PCRE2_UTF) | UInt32(PCRE2_NO_UTF_CHECK)
      | (isLiteral
        ? UInt32(PCRE2_LITERAL)
        : UInt32(PCRE2_UCP) | UInt32(PCRE2_MULTILINE) | UInt32(PCRE2_NEVER_BACKSLASH_C))
    let context = pcre2_compile_context_create_8(nil)
    defer { pcre2_compile_context_free_8(context) }
    if let context { pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF)) }
    guard
      let compiled = pcre2_compile_8(pattern, pattern.count, options, &code, &offset, context)
    else {
      throw .invalidPattern(pattern: source, offset: offset, reason: Self.message(code))
    }
    // Without JIT (some CPUs, hardened systems) the interpreter gives the same matches.
    pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
    self.source = source
    self.code = compiled
  }

  /// Compiles what a step of a tokenizer looks for.
  ///
  /// - Throws: ``TokenizerError``.
  convenience init(_ pattern: SplitPattern) throws(TokenizerError) {
    switch pattern {
    case .literal(let bytes):
      guard UTF8Validation.firstInvalidOffset(in: bytes) == nil else {
        throw .malformed(component: "Split pattern", expected: "UTF-8", found: "other bytes")
      }
      try self.init(bytes, source: String(decoding: bytes, as: UTF8.self), isLiteral: true)
    case .regularExpression(let source):
      try self.init(RubyPattern.translated(source), source: source)
    }
  }

  deinit { pcre2_code_free_8(code) }

  /// Cuts `text` into matches and what lies between them, in order and without a hole.
  ///
  /// An empty match right after a match is passed over, as the reference's iterator does it.
  ///
  /// - Returns: The parts, or `nil` if a match attempt exceeded its limit.
  func parts(of text: UnsafeBufferPointer<UInt8>) -> [(range: Range<Int>, isMatch: Bool)]? {
    guard let block = pcre2_match_data_create_from_pattern_8(code, nil) else { return nil }
    defer { pcre2_match_data_free_8(block) }
    guard let bounds = pcre2_get_ovector_pointer_8(block),
      let limits = pcre2_match_context_create_8(nil)
    else { return nil }
    defer { pcre2_match_context_free_8(limits) }
    pcre2_set_match_limit_8(limits, Self.stepLimit(text.count))
    pcre2_set_heap_limit_8(limits, Self.memoryLimit(text.count))

    var parts: [(range: Range<Int>, isMatch: Bool)] = []
    var covered = 0
    var searchStart = 0
    var lastMatchEnd = -1
    while searchStart <= text.count {
      var count = pcre2_match_8(
        code, text.baseAddress, text.count, searchStart, UInt32(PCRE2_NO_UTF_CHECK), block, limits)
      if count == PCRE2_ERROR_JIT_STACKLIMIT {
        count = pcre2_match_8(
          code, text.baseAddress, text.count, searchStart,
          UInt32(PCRE2_NO_UTF_CHECK) | UInt32(PCRE2_NO_JIT), block, limits)
      }
      if count == PCRE2_ERROR_NOMATCH { break }
      let start = bounds[0]
      let end = bounds[1]
      // A lookahead with \K could put the end before the start; such a pattern is refused earlier.
      guard count >= 0, start <= end, start >= covered else { return nil }
      if start == end, end == lastMatchEnd {
        guard searchStart < text.count else { break }
        searchStart = UTF8Text.scalar(at: searchStart, in: text).end
        continue
      }
      searchStart = end
      lastMatchEnd = end
      if covered < start { parts.append((covered..<start, false)) }
      parts.append((start..<end, true))
      covered = end
    }
    if covered < text.count { parts.append((covered..<text.count, false)) }
    return parts
  }

  private static func message(_ code: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(code, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, Int(count))), as: UTF8.self)
  }
}
