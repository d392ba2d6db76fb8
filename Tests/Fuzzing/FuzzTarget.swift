#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What reads one format, as far as a file of it gets.
public struct FuzzTarget {
  /// The format.
  public let format: FuzzFormat
  private let read: (_ bytes: [UInt8], _ folder: String) throws -> Void

  /// Prepares what a format's reader needs besides the input.
  ///
  /// - Throws: where a fixture is missing or damaged.
  public init(_ format: FuzzFormat) throws {
    self.format = format
    read =
      switch format {
      case .gguf: ModelFileTargets.readGGUF
      case .safetensors: ModelFileTargets.readSafetensors
      case .tokenizer: try TextTargets.makeTokenizerReader()
      case .json: ModelFileTargets.readJSON
      case .yaml: TextTargets.readYAML
      case .template: try TemplateTargets.makeTemplateReader()
      case .jsonl: try TemplateTargets.makeRowReader()
      case .adapter: try AdapterTarget.makeReader()
      }
  }

  /// Writes the files that stay the same from input to input into `folder`, which exists.
  ///
  /// - Throws: where that fails.
  public func prepare(_ folder: String) throws {
    switch format {
    case .safetensors:
      for name in ["config.json", "tokenizer.json"] {
        try FuzzFile.write(FuzzFile.fixture("modelfiles/tiny/\(name)"), to: "\(folder)/\(name)")
      }
    case .json:
      for name in ["model.safetensors", "tokenizer.json"] {
        try FuzzFile.write(FuzzFile.fixture("modelfiles/tiny/\(name)"), to: "\(folder)/\(name)")
      }
    default: break
    }
  }

  /// Reads `bytes`; what goes wrong in a way it may is not thrown.
  ///
  /// - Parameter folder: a prepared folder, written to.
  /// - Returns: Whether the input was accepted.
  @discardableResult
  public func run(_ bytes: [UInt8], in folder: String) -> Bool {
    do {
      try read(bytes, folder)
      return true
    } catch {
      require(!"\(error)".isEmpty, "an error says nothing")
      return false
    }
  }
}

/// Ends the process if something that holds for every input does not.
func require(_ condition: Bool, _ expectation: @autoclosure () -> String) {
  guard !condition else { return }
  FuzzFile.tell("fuzzing: \(expectation())")
  abort()
}

/// Calls each of `parts`, whichever of them throw, and throws what the first did.
func each(_ parts: () throws -> Void...) throws {
  var first: (any Error)?
  for part in parts {
    do {
      try part()
    } catch {
      require(!"\(error)".isEmpty, "an error says nothing")
      first = first ?? error
    }
  }
  if let first { throw first }
}
