#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What happens where somebody cuts a file short while it is mapped.
///
/// The system then has no bytes to show and sends the process SIGBUS, which would end it without a word.
public enum ShrunkenFile {
  /// From now on such a process says why in one sentence and exits with status 74.
  ///
  /// For the tool's first line: it changes the whole process's handling of SIGBUS.
  public static func exitWithMessage() {
    _ = signal(SIGBUS) { _ in
      // Only calls that are allowed in a signal handler; the text is a constant in the program.
      let message: StaticString =
        "lorikeet: a file became shorter while it was being read; restore it and start again\n"
      _ = write(2, message.utf8Start, message.utf8CodeUnitCount)
      _exit(74)
    }
  }
}
