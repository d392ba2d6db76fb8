/// A command line that cannot be followed, or work that this build cannot do.
enum BenchmarkError: Error, CustomStringConvertible {
  /// A word that is wrong.
  case usage(String)
  /// Something asked for that the library does not have; `scripts/benchmark` leaves the contestant out.
  case unavailable(String)
  /// Something this machine does not offer.
  case failed(String)

  var description: String {
    switch self {
    case .usage(let text): "\(text); see lorikeet-benchmarks --help"
    case .unavailable(let text), .failed(let text): text
    }
  }

  /// As sysexits.h has them.
  var exitCode: Int32 {
    switch self {
    case .usage: 64
    case .unavailable: 69
    case .failed: 70
    }
  }
}

/// The options of a subcommand: `--name value`, and switches.
struct Options {
  private var values: [String: String] = [:]

  /// Reads `words`, in which only `named` options, each with a value, and `switches` may stand.
  init(_ words: [String], named: [String], switches: [String] = []) throws {
    var rest = words[...]
    while let word = rest.popFirst() {
      if switches.contains(word) {
        values[word] = ""
      } else if named.contains(word) {
        guard let value = rest.popFirst() else {
          throw BenchmarkError.usage("\(word) needs a value after it")
        }
        values[word] = value
      } else {
        let known = (named + switches).sorted().joined(separator: ", ")
        throw BenchmarkError.usage("\(word) is no option here; there are \(known)")
      }
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }

  func string(_ name: String) -> String? { values[name] }

  /// A whole number above 0.
  func integer(_ name: String) throws -> Int? {
    guard let text = values[name] else { return nil }
    guard let number = Int(text), number > 0 else {
      throw BenchmarkError.usage("\(name): expected a whole number above 0, found \"\(text)\"")
    }
    return number
  }

  /// One of the cases of `Choice`, spelled as its raw value.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, default fallback: Choice
  ) throws -> Choice where Choice.RawValue == String {
    guard let text = values[name] else { return fallback }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw BenchmarkError.usage("\(name): expected one of \(known), found \"\(text)\"")
    }
    return choice
  }
}
