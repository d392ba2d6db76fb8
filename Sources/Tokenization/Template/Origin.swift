/// Where a code point came from, and under which message it was written.
struct Origin: Hashable {
  /// The string constant or stretch of text in the template, counted from 1; 0 if it is not one.
  var literal: Int32 = 0
  /// The message whose value this is, counted from 1; 0 if it is no message's.
  var message: Int32 = 0
  /// Whether it is the message's role or name, which headers are made of, not what the message
  /// says.
  var isLabel = false
  /// The message in whose iteration it was written out, counted from 1; 0 if in none.
  var written: Int32 = 0
  /// The message in whose iteration it was put into a variable or evaluated, counted from 1; 0 if
  /// in none.
  var made: Int32 = 0
  /// The rendered `{% generation %}` block it is in, counted from 1; 0 outside of them.
  var generation: Int32 = 0

  /// Whether this is text a message said, as opposed to text of the template or a label.
  var isSpoken: Bool { message != 0 && !isLabel }

  /// The message in whose turn this belongs.
  ///
  /// A template that collects its text in a variable and writes it out
  /// after the loop has made it in the turn.
  var turn: Int32 { written != 0 ? written : made }

  /// The origin without its circumstances, to compare two renderings by.
  var source: Origin { Origin(literal: literal, message: message, isLabel: isLabel) }
}

/// The origins that occur in one rendering, each with its number.
struct OriginTable {
  private(set) var origins = [Origin()]
  private var numbers: [Origin: UInt32] = [Origin(): 0]

  subscript(number: UInt32) -> Origin { origins[Int(number)] }

  mutating func number(of origin: Origin) -> UInt32 {
    if let number = numbers[origin] { return number }
    let number = UInt32(origins.count)
    origins.append(origin)
    numbers[origin] = number
    return number
  }

  /// Appends `glyphs` to `output`, each origin changed by `change`.
  mutating func append(
    _ glyphs: ArraySlice<Glyph>, to output: inout [Glyph], change: (inout Origin) -> Void
  ) {
    // Origins come in long runs, so one remembered pair saves nearly every lookup.
    var last: UInt32?
    var lastChanged: UInt32 = 0
    for glyph in glyphs {
      if glyph.origin != last {
        var origin = self[glyph.origin]
        change(&origin)
        lastChanged = number(of: origin)
        last = glyph.origin
      }
      output.append(Glyph(glyph.scalar, origin: lastChanged))
    }
  }
}
