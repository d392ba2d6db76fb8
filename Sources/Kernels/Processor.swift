#if canImport(Glibc)
  import Glibc
#endif

/// What the operating system says of the CPU, for reports that name the machine they were made on.
public enum Processor {
  /// The CPU's name, such as "AMD EPYC"; nil where the system does not say.
  public static var modelName: String? { field("model name") ?? field("Model") }

  /// The instruction-set extensions that the system lists, in its order and spelling.
  public static var features: [String] {
    (field("flags") ?? field("Features"))?.split(separator: " ").map(String.init) ?? []
  }

  /// The value of the first line `name : value` of /proc/cpuinfo.
  private static func field(_ name: String) -> String? {
    guard let file = fopen("/proc/cpuinfo", "r") else { return nil }
    defer { fclose(file) }
    // The list of flags is the longest line, and grows with every generation.
    var line = [CChar](repeating: 0, count: 16_384)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard let colon = text.firstIndex(of: ":") else { continue }
      let key = text[..<colon].filter { $0 != "\t" }
      guard key == name else { continue }
      let value = text[text.index(after: colon)...].drop { $0 == " " }
      return value.isEmpty ? nil : String(value)
    }
    return nil
  }
}
