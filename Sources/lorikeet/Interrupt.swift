#if canImport(Glibc)
  import Glibc
#endif

/// Ctrl-C and SIGTERM: once to save and stop after the step, twice to end at once.
enum Interrupt {
  // Written by the handler alone, read between steps; a word's store is atomic.
  nonisolated(unsafe) private static var count: sig_atomic_t = 0

  static var isRequested: Bool { count > 0 }

  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        Interrupt.count += 1
        if Interrupt.count > 1 { _exit(130) }
      }
    }
  }
}
