// Reads a million broken files of each format and sees that every one ends in a value or an error.
#if os(Linux)
  import Fuzzing
  import Glibc

  exit(Tool.run(Array(CommandLine.arguments.dropFirst())))

  enum Tool {
    static func run(_ arguments: [String]) -> Int32 {
      do {
        return try run(Options(arguments))
      } catch let error as UsageError {
        FuzzFile.tell("lorikeet-fuzz: \(error.message)\n\n\(Options.usage)")
        return EX_USAGE
      } catch {
        FuzzFile.tell("lorikeet-fuzz: \(error)")
        return 1
      }
    }

    private static func run(_ options: Options) throws -> Int32 {
      // Memory where there is a file system in memory: an input may be written to a file.
      let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
      let scratch = "\(root)/lorikeet-fuzz-\(getpid())"
      mkdir(scratch, 0o700)
      defer { remove(scratch) }
      if let path = options.replay ?? options.minimise {
        return try single(path, options, scratch)
      }
      var results: [Result] = []
      for format in options.formats {
        let result = try Campaign(options, format, scratch: scratch).run()
        results.append(result)
        if !options.isQuiet {
          FuzzFile.tell(Table.text([result]) + "slowest: input \(result.slowestNumber)")
        }
      }
      print(Table.text(results), terminator: "")
      if let table = options.table {
        try FuzzFile.write(Array(Table.markdown(results).utf8), to: table)
      }
      return results.allSatisfy { $0.failureCount == 0 } ? 0 : 1
    }

    private static func single(
      _ path: String, _ options: Options, _ scratch: String
    ) throws -> Int32 {
      var options = options
      options.workers = 1
      let worker = try Campaign(options, options.formats[0], scratch: scratch).workers[0]
      let bytes = try FuzzFile.read(path)
      if options.minimise != nil {
        let smaller = worker.minimised(bytes)
        try FuzzFile.write(smaller, to: path + ".min")
        print("\(path).min: \(smaller.count) of \(bytes.count) bytes")
        return 0
      }
      let failure = worker.fate(of: bytes, showsErrors: true)
      let isAccepted = worker.notes[.accepted] > 0
      print(
        "\(path): \(failure?.rawValue ?? (isAccepted ? "accepted" : "refused")), "
          + "\(worker.notes[.slowest] / 1_000) ms, \(worker.notes[.memory] / 1_024) MiB")
      return failure == nil ? 0 : 1
    }

    /// Deletes a folder of folders of files.
    private static func remove(_ path: String) {
      if let folder = opendir(path) {
        while let entry = readdir(folder) {
          let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
          }
          if name != ".", name != ".." { remove("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
      } else {
        unlink(path)
      }
    }
  }
#else
  print("lorikeet-fuzz needs Linux")
#endif
