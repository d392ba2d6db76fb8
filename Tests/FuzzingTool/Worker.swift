#if os(Linux)
  import Fuzzing
  import Glibc

  /// How an input ended its process.
  enum Failure: String {
    case crash
    case hang
    case memory
  }

  /// The bounds an input has to keep, and the processes in which it is read.
  struct Worker {
    let target: FuzzTarget
    let folder: String
    let notes: Notes
    let limitsMemory: Bool

    /// The seconds of processor time one input may take: a busy machine makes no input slower.
    static let seconds = 10
    /// The seconds by the clock after which it must be waiting for something.
    static let patience: UInt32 = 120
    /// What any input may use besides ten times its size.
    static let memoryAllowance = 64 << 20
    /// In which a process that fails for lack of memory is tried again, to tell it from one that crashes.
    static let amplyMemory = 2 << 30

    /// Starts a process that reads the inputs `range`.
    func start(_ range: Range<UInt64>, of inputs: FuzzInputs) -> pid_t {
      spawn(isLimited: limitsMemory, allowance: Self.memoryAllowance) { limit in
        for number in range {
          notes[.number] = number
          read(inputs.input(number), limit)
        }
      }
    }

    /// What becomes of one input, read in a process of its own.
    func fate(of bytes: [UInt8], showsErrors: Bool = false) -> Failure? {
      guard let failure = fate(of: bytes, allowance: Self.memoryAllowance, showsErrors) else {
        return nil
      }
      guard failure == .crash, limitsMemory else { return failure }
      return fate(of: bytes, allowance: Self.amplyMemory, showsErrors) == nil ? .memory : .crash
    }

    private func fate(of bytes: [UInt8], allowance: Int, _ showsErrors: Bool) -> Failure? {
      let process = spawn(isLimited: limitsMemory, allowance: allowance, showsErrors: showsErrors) {
        read(bytes, $0)
      }
      var status: Int32 = 0
      waitpid(process, &status, 0)
      return Self.failure(status)
    }

    /// How a process ended that has the wait status `status`.
    static func failure(_ status: Int32) -> Failure? {
      if status == 0 { return nil }
      return [SIGALRM, SIGPROF].contains(status & 0x7F) ? .hang : .crash
    }

    private func read(_ bytes: [UInt8], _ limit: MemoryLimit?) {
      limit?.apply(byteCount: bytes.count)
      Self.bound(seconds: Self.seconds)
      alarm(Self.patience)
      let start = Self.microseconds()
      if target.run(bytes, in: folder) { notes[.accepted] += 1 }
      let duration = Self.microseconds() - start
      if duration > notes[.slowest] {
        notes[.slowest] = duration
        notes[.slowestNumber] = notes[.number]
      }
      Self.bound(seconds: 0)
      alarm(0)
      notes[.done] += 1
    }

    private func spawn(
      isLimited: Bool, allowance: Int, showsErrors: Bool = false, _ body: (MemoryLimit?) -> Void
    ) -> pid_t {
      fflush(nil)
      let process = fork()
      guard process == 0 else {
        if process < 0 {
          perror("lorikeet-fuzz: fork")
          exit(EX_OSERR)
        }
        return process
      }
      var none = rlimit(rlim_cur: 0, rlim_max: 0)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
      if !showsErrors {
        let nowhere = open("/dev/null", O_WRONLY)
        dup2(nowhere, STDERR_FILENO)
      }
      let before = Self.peakMemory()
      body(isLimited ? MemoryLimit(allowance: allowance) : nil)
      notes[.memory] = max(notes[.memory], UInt64(max(0, Self.peakMemory() - before)))
      _exit(0)
    }

    /// The most memory this process has had in use, in KiB.
    private static func peakMemory() -> Int {
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss
    }

    /// Ends this process after so much processor time; 0 takes the bound back.
    private static func bound(seconds: Int) {
      var timer = itimerval(
        it_interval: timeval(), it_value: timeval(tv_sec: seconds, tv_usec: 0))
      setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    /// The processor time of this process.
    private static func microseconds() -> UInt64 {
      var now = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
      return UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1_000
    }
  }

  /// Bounds this process's address space: what it has when it starts, an allowance, ten times the input.
  struct MemoryLimit {
    private let base: Int

    init(allowance: Int) {
      var pages = 0
      if let file = fopen("/proc/self/statm", "r") {
        var text = [CChar](repeating: 0, count: 128)
        fgets(&text, 128, file)
        fclose(file)
        pages = strtol(text, nil, 10)
      }
      base = pages * Int(sysconf(Int32(_SC_PAGESIZE))) + allowance
    }

    func apply(byteCount: Int) {
      var limit = rlimit(rlim_cur: rlim_t(base + 10 * byteCount), rlim_max: rlim_t.max)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    }
  }
#endif
