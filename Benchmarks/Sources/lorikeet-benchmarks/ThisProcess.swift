import Glibc

/// What the kernel knows of this process.
enum ThisProcess {
  /// Largest resident memory so far (VmHWM), mapped pages included, in bytes.
  static func peakResidentBytes() throws -> Int {
    for line in try lines("/proc/self/status") where line.hasPrefix("VmHWM:") {
      let words = line.split { $0 == " " || $0 == "\t" }
      if words.count > 1, let kibibytes = Int(words[1]) { return kibibytes * 1_024 }
    }
    throw BenchmarkError.failed("/proc/self/status: has no VmHWM; run on Linux with /proc mounted")
  }

  /// Seconds since the process was started, to a hundredth: the kernel counts its start in clock ticks.
  ///
  /// From the start of the process, not of `main`: loading libraries is part of what a user waits for.
  static func secondsSinceStart() throws -> Double {
    // The second field, the program's name, may hold anything but ends with the last parenthesis.
    let text = try lines("/proc/self/stat").joined()
    let fields = text.suffix(from: text.lastIndex(of: ")") ?? text.startIndex).split(separator: " ")
    let startTimeField = 20  // 22nd of the line, counted from the parenthesis
    guard fields.count > startTimeField, let ticks = Double(fields[startTimeField]) else {
      throw BenchmarkError.failed("/proc/self/stat: has no start time; run on Linux")
    }
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
      - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func lines(_ path: String) throws -> [String] {
    guard let file = fopen(path, "r") else {
      throw BenchmarkError.failed("\(path): cannot be read; run on Linux with /proc mounted")
    }
    defer { fclose(file) }
    var lines: [String] = []
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), file) != nil {
      lines.append(
        String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return lines
  }
}
