/// A code point of a string under interpretation, and where it came from.
///
/// Because the origin travels with each code point, it survives whatever a template does with a
/// string (trim, slice, replace, join), and no rendered text ever has to be searched for a turn's
/// borders.
struct Glyph {
  /// The Unicode scalar value.
  var scalar: UInt32
  /// An index into ``OriginTable``; 0 is "nowhere in particular".
  var origin: UInt32

  init(_ scalar: UInt32, origin: UInt32 = 0) {
    self.scalar = scalar
    self.origin = origin
  }
}

/// A Python string: a sequence of code points, each with its origin.
///
/// Equality, order and hashes look at the code points alone.
struct TracedString {
  var glyphs: [Glyph]
  /// Whether this is a `Markup`, as `safe` and `escape` make: what is added to it gets
  /// HTML-escaped.
  var isMarkup = false

  init(glyphs: [Glyph], isMarkup: Bool = false) {
    self.glyphs = glyphs
    self.isMarkup = isMarkup
  }

  init(_ glyphs: ArraySlice<Glyph>) {
    self.glyphs = Array(glyphs)
  }

  init(_ text: String, origin: UInt32 = 0) {
    var glyphs: [Glyph] = []
    glyphs.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars { glyphs.append(Glyph(scalar.value, origin: origin)) }
    self.glyphs = glyphs
  }

  var count: Int { glyphs.count }
  var isEmpty: Bool { glyphs.isEmpty }

  /// The text without its origins.
  var text: String {
    var scalars = String.UnicodeScalarView()
    for glyph in glyphs { scalars.append(glyph.unicode) }
    return String(scalars)
  }

  /// The same text, all of it from `origin`.
  func traced(to origin: UInt32) -> TracedString {
    TracedString(glyphs: glyphs.map { Glyph($0.scalar, origin: origin) }, isMarkup: isMarkup)
  }

  /// Whether the code points from `offset` on start with `other`.
  func hasPrefix(_ other: TracedString, at offset: Int = 0) -> Bool {
    guard offset >= 0, offset + other.count <= count else { return false }
    for index in 0..<other.count where glyphs[offset + index].scalar != other.glyphs[index].scalar {
      return false
    }
    return true
  }
}

extension Glyph {
  /// The scalar, for looking up its properties.
  var unicode: Unicode.Scalar { Unicode.Scalar(scalar) ?? "\u{FFFD}" }
}

extension TracedString: Hashable {
  static func == (first: TracedString, second: TracedString) -> Bool {
    first.count == second.count && first.hasPrefix(second)
  }

  func hash(into hasher: inout Hasher) {
    for glyph in glyphs { hasher.combine(glyph.scalar) }
  }
}

extension TracedString: Comparable {
  static func < (first: TracedString, second: TracedString) -> Bool {
    first.glyphs.lexicographicallyPrecedes(second.glyphs) { $0.scalar < $1.scalar }
  }
}

/// Collects a string piece by piece and refuses to let it grow without bound.
struct TracedStringBuilder {
  private(set) var glyphs: [Glyph] = []

  mutating func append(_ string: TracedString) throws(TemplateFault) {
    try append(string.glyphs[...])
  }

  mutating func append(_ slice: ArraySlice<Glyph>) throws(TemplateFault) {
    try requireRoom(slice.count)
    glyphs.append(contentsOf: slice)
  }

  mutating func append(_ text: String, origin: UInt32 = 0) throws(TemplateFault) {
    try requireRoom(text.utf8.count)
    for scalar in text.unicodeScalars { glyphs.append(Glyph(scalar.value, origin: origin)) }
  }

  mutating func append(_ glyph: Glyph) throws(TemplateFault) {
    try requireRoom(1)
    glyphs.append(glyph)
  }

  mutating func append(_ glyph: Glyph, count: Int) throws(TemplateFault) {
    guard count > 0 else { return }
    try requireRoom(count)
    glyphs.append(contentsOf: repeatElement(glyph, count: count))
  }

  private func requireRoom(_ count: Int) throws(TemplateFault) {
    if count > TemplateLimits.longestString - glyphs.count {
      throw .limit("\(TemplateLimits.longestString) characters in one string")
    }
  }

  var string: TracedString { TracedString(glyphs: glyphs) }
}
