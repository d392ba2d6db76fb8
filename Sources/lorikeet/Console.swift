import Serialization

#if canImport(Glibc)
  import Glibc
#endif

/// Where people's text and machines' JSON go.
///
/// With `--json` standard output carries one object and nothing else; everything for people goes to standard error.
final class Console {
  /// Whether one JSON object is the output.
  let isJSON: Bool
  /// Whether progress is left out.
  let isQuiet: Bool
  /// Whether what `print` writes may be coloured: it goes to a terminal, and nobody has set `NO_COLOR`.
  let hasColor: Bool
  /// Whether progress goes to a terminal.
  let hasTerminal = isatty(2) != 0
  private var lineLength = 0
  private var lastProgress = ContinuousClock.now

  init(isJSON: Bool, isQuiet: Bool) {
    self.isJSON = isJSON
    self.isQuiet = isQuiet
    func isSet(_ name: String) -> Bool { getenv(name).map { $0.pointee != 0 } ?? false }
    // https://no-color.org: set and not empty, whatever the value.
    hasColor = isatty(isJSON ? 2 : 1) != 0 && !isSet("NO_COLOR")
  }

  /// A line of the result for people.
  func print(_ text: String) {
    guard !isJSON else { return note(text) }
    clearProgress()
    Output.write(text + "\n")
  }

  /// A piece of streamed text.
  func stream(_ bytes: [UInt8]) {
    guard !isJSON else { return }
    clearProgress()
    Output.write(bytes)
  }

  /// A remark on standard error.
  func note(_ text: String) {
    // One write: between two, a terminal would show an empty line.
    Output.note(erasure() + text + "\n")
  }

  /// The JSON object, where it was asked for.
  func json(_ object: JSONObject) throws {
    guard isJSON else { return }
    Output.write(JSONValue.object(object).serialized() + "\n")
    try Output.check()
  }

  /// A line that stays in place on a terminal, and is a line now and then elsewhere.
  func progress(_ text: String, isLast: Bool = false) {
    guard !isQuiet else { return }
    let now = ContinuousClock.now
    if hasTerminal {
      guard isLast || now - lastProgress > .milliseconds(100) else { return }
      // The last column stays free: a terminal that has filled it may begin another line.
      let room = max(20, columns - 1)
      let shown = TextWidth.prefix(of: text, columns: room)
      let width = TextWidth.columns(of: shown)
      // What stood there before a window was made narrower has been cut off already.
      let rest = String(repeating: " ", count: max(0, min(lineLength, room) - width))
      Output.note("\r" + shown + rest + (isLast ? "\n" : ""))
      lineLength = isLast ? 0 : width
    } else {
      guard isLast || now - lastProgress > .seconds(10) else { return }
      Output.note(text + "\n")
    }
    lastProgress = now
  }

  /// A line of figures that stays in place; on a narrow terminal the less important ones are left out.
  func progress(_ line: ProgressLine, isLast: Bool = false) {
    progress(line.text(columns: hasTerminal ? columns - 1 : .max), isLast: isLast)
  }

  /// Takes the line that stays in place away.
  func clearProgress() {
    let erasure = erasure()
    if !erasure.isEmpty { Output.note(erasure) }
  }

  /// What to write so that the line that stays in place is gone; it is taken to be written.
  private func erasure() -> String {
    guard lineLength > 0 else { return "" }
    let width = min(lineLength, max(20, columns - 1))
    lineLength = 0
    return "\r" + String(repeating: " ", count: width) + "\r"
  }

  /// The terminal's width; 80 where there is none.
  var columns: Int {
    var size = winsize()
    return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }
}

/// Numbers as people read them.
enum Format {
  static func fixed(_ value: Double, _ digits: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    withVaList([value]) { _ = vsnprintf(&buffer, buffer.count, "%.\(digits)f", $0) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func scientific(_ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    withVaList([value]) { _ = vsnprintf(&buffer, buffer.count, "%.2e", $0) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3_600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3_600) h \(whole % 3_600 / 60) min"
  }

  static func bytes(_ count: Int) -> String {
    count < 10 << 20
      ? "\(fixed(Double(count) / 1_048_576, 1)) MiB" : "\((count + 1 << 19) >> 20) MiB"
  }

  /// Decimal megabytes, as `training.max_memory` is written.
  static func megabytes(_ count: Int) -> String { "\((count + 999_999) / 1_000_000) MB" }

  /// A relative change, such as "+3.2 %".
  static func change(_ share: Double) -> String { (share >= 0 ? "+" : "") + percent(share) }

  static func percent(_ share: Double) -> String { "\(fixed(100 * share, 1)) %" }
}

/// What the kernel says of this process.
enum Process {
  /// Largest resident memory so far (VmHWM), mapped pages included.
  static var peakResidentBytes: Int { status("VmHWM:") }

  /// Has `peakResidentBytes` begin anew with what is resident now, where the system does that.
  static func resetPeak() {
    // proc(5): 5 resets the peak resident set size of the process.
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// Resident memory now (VmRSS), mapped pages included.
  static var residentBytes: Int { status("VmRSS:") }

  /// A size of `/proc/self/status`, in bytes; 0 where the system does not tell.
  private static func status(_ key: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 255, file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix(key) {
        let words = text.split { $0 == " " || $0 == "\t" }
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1_024 : 0
      }
    }
    return 0
  }
}
