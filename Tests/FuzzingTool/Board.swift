#if os(Linux)
  import Fuzzing
  import Glibc

  /// What a worker notes in memory that it shares with its parent, so that it outlives the worker.
  struct Notes {
    enum Field: Int, CaseIterable {
      /// The input being read.
      case number
      /// Inputs read.
      case done
      /// Inputs that were accepted.
      case accepted
      /// The processor time of the slowest input, in microseconds.
      case slowest
      /// Which input that was.
      case slowestNumber
      /// The most memory in use beyond what the worker began with, in KiB.
      case memory
    }

    let fields: UnsafeMutablePointer<UInt64>

    subscript(field: Field) -> UInt64 {
      get { fields[field.rawValue] }
      nonmutating set { fields[field.rawValue] = newValue }
    }

    /// Notes for `count` workers, a cache line each; lives as long as the process.
    static func shared(_ count: Int) -> [Notes] {
      let address = mmap(
        nil, count * 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
      guard let address, address != MAP_FAILED else {
        FuzzFile.tell("lorikeet-fuzz: no shared memory")
        exit(EX_OSERR)
      }
      return (0..<count).map {
        Notes(
          fields: (address + $0 * 64).bindMemory(
            to: UInt64.self, capacity: Field.allCases.count))
      }
    }
  }
#endif
