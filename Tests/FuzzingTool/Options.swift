import Fuzzing

/// What the command line asks for.
struct Options {
  var formats = FuzzFormat.allCases
  var inputs: UInt64 = 1_000_000
  var start: UInt64 = 0
  var seed: UInt64 = 1
  var workers = 2
  var crashes = "fuzzing-crashes"
  var table: String?
  var replay: String?
  var minimise: String?
  var limitsMemory = true
  var isQuiet = false

  static let usage = """
    lorikeet-fuzz [options]

      --format F         gguf, safetensors, tokenizer, json, yaml, template, jsonl, adapter; default all
      --inputs N         inputs a format, default 1000000
      --start N          the number of the first input, default 0
      --seed S           what all inputs follow from, default 1
      --workers N        processes at once, default 2
      --crashes DIR      where inputs that failed are kept, default fuzzing-crashes
      --table FILE       write the results as a table in Markdown
      --replay FILE      read one file as the format and tell what becomes of it
      --minimise FILE    write the smallest part of the file that still fails to FILE.min
      --no-memory-limit  for a build with the address sanitizer, which reserves terabytes
      --quiet            no progress
    """

  init(_ arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      func value() throws(UsageError) -> String {
        guard let value = rest.popFirst() else { throw UsageError("\(option) takes a value") }
        return value
      }
      func number() throws(UsageError) -> UInt64 {
        let text = try value()
        guard let number = UInt64(text), number < 1 << 48 else {
          throw UsageError("\(option) takes a whole number, found \(text)")
        }
        return number
      }
      switch option {
      case "--format":
        let name = try value()
        guard let format = FuzzFormat(rawValue: name) else {
          throw UsageError("there is no format \(name)")
        }
        formats = [format]
      case "--inputs": inputs = try number()
      case "--start": start = try number()
      case "--seed": seed = try number()
      case "--workers": workers = max(1, Int(try number()))
      case "--crashes": crashes = try value()
      case "--table": table = try value()
      case "--replay": replay = try value()
      case "--minimise": minimise = try value()
      case "--no-memory-limit": limitsMemory = false
      case "--quiet": isQuiet = true
      default: throw UsageError("there is no option \(option)")
      }
    }
    if replay != nil || minimise != nil, formats.count != 1 {
      throw UsageError("--replay and --minimise need a --format")
    }
  }
}

/// The command line cannot be understood.
struct UsageError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
