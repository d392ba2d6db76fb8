#if os(Linux)
  import Fuzzing
  import Glibc

  /// What one format's inputs came to.
  struct Result {
    let format: FuzzFormat
    let seed: UInt64
    var inputs: UInt64 = 0
    var accepted: UInt64 = 0
    var failures: [Failure: Int] = [:]
    var seconds = 0.0
    var slowest: UInt64 = 0
    var slowestNumber: UInt64 = 0
    var memory: UInt64 = 0

    var failureCount: Int { failures.values.reduce(0, +) }
  }

  /// Reads the inputs of one format in processes that may die of them.
  struct Campaign {
    let options: Options
    let format: FuzzFormat
    let target: FuzzTarget
    let inputs: FuzzInputs
    let workers: [Worker]

    /// Inputs that one process reads: few enough that what it does not give back stays small.
    private static let share: UInt64 = 2_000
    /// More failures than anybody looks at; the format is given up.
    private static let failureBound = 200

    init(_ options: Options, _ format: FuzzFormat, scratch: String) throws {
      self.options = options
      self.format = format
      let target = try FuzzTarget(format)
      self.target = target
      inputs = try FuzzInputs(format: format, seed: options.seed)
      let notes = Notes.shared(options.workers)
      workers = try notes.enumerated().map { index, notes in
        let folder = "\(scratch)/\(format.rawValue)-\(index)"
        mkdir(folder, 0o700)
        try target.prepare(folder)
        return Worker(
          target: target, folder: folder, notes: notes, limitsMemory: options.limitsMemory)
      }
      // Everything is made that is made once, so that no input pays for it.
      for original in inputs.originals { target.run(original, in: workers[0].folder) }
    }

    func run() throws -> Result {
      var result = Result(format: format, seed: options.seed)
      var waiting: [Range<UInt64>] = []
      var next = options.start
      let end = options.start + options.inputs
      var running: [pid_t: (worker: Int, range: Range<UInt64>)] = [:]
      var idle = Array(workers.indices)
      let start = Self.seconds()
      var told = start
      while true {
        while let worker = idle.last, result.failureCount < Self.failureBound {
          let range: Range<UInt64>
          if let rest = waiting.popLast() {
            range = rest
          } else if next < end {
            range = next..<min(end, next + Self.share)
            next = range.upperBound
          } else {
            break
          }
          idle.removeLast()
          running[workers[worker].start(range, of: inputs)] = (worker, range)
        }
        if running.isEmpty { break }
        var status: Int32 = 0
        let process = wait(&status)
        guard let (worker, range) = running.removeValue(forKey: process) else { continue }
        idle.append(worker)
        if let failure = Worker.failure(status) {
          let number = workers[worker].notes[.number]
          try record(failure, number, worker, &result)
          if number + 1 < range.upperBound { waiting.append((number + 1)..<range.upperBound) }
        }
        if !options.isQuiet, Self.seconds() - told > 10 {
          told = Self.seconds()
          tell(result, elapsed: told - start)
        }
      }
      for worker in workers {
        result.inputs += worker.notes[.done]
        result.accepted += worker.notes[.accepted]
        if worker.notes[.slowest] > result.slowest {
          result.slowest = worker.notes[.slowest]
          result.slowestNumber = worker.notes[.slowestNumber]
        }
        result.memory = max(result.memory, worker.notes[.memory])
      }
      result.inputs += UInt64(result.failureCount)
      result.seconds = Self.seconds() - start
      return result
    }

    private func record(
      _ failure: Failure, _ number: UInt64, _ worker: Int, _ result: inout Result
    ) throws {
      let bytes = inputs.input(number)
      // A process that has read many inputs may lack memory where a fresh one does not.
      let done = workers[worker].notes[.done]
      let failure =
        failure == .hang
        ? failure : workers[worker].fate(of: bytes) ?? (options.limitsMemory ? .memory : failure)
      workers[worker].notes[.done] = done
      result.failures[failure, default: 0] += 1
      mkdir(options.crashes, 0o755)
      let name = "\(format.rawValue)-\(options.seed)-\(number).\(failure.rawValue)"
      try FuzzFile.write(bytes, to: "\(options.crashes)/\(name)")
      FuzzFile.tell("\(failure.rawValue): \(options.crashes)/\(name) (\(bytes.count) bytes)")
    }

    private func tell(_ result: Result, elapsed: Double) {
      let done = workers.reduce(0) { $0 + $1.notes[.done] }
      FuzzFile.tell(
        "\(format.rawValue): \(done) inputs, \(Int(Double(done) / elapsed)) a second, "
          + "\(result.failureCount) failed")
    }

    private static func seconds() -> Double {
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
  }
#endif
