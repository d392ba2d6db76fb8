import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// A command whose standard error is a terminal of some width.
struct TerminalRun {
  /// The exit code.
  let exitCode: Int32
  /// What it wrote to the terminal, as the terminal got it: a line ends with `\r\n`.
  let written: String

  /// Runs the tool to its end, without standard input and with its standard output thrown away.
  init(_ arguments: [String], columns: UInt16) throws {
    // What posix_openpt, unlockpt and ptsname do, which Glibc's module does not have.
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    try #require(master >= 0)
    defer { close(master) }
    var (isLocked, number) = (Int32(0), Int32(0))
    let (setLock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)  // TIOCSPTLCK, TIOCGPTN
    try #require(ioctl(master, setLock, &isLocked) == 0 && ioctl(master, getNumber, &number) == 0)
    let terminal = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    try #require(terminal >= 0)
    var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)

    let process = Process()
    process.executableURL = CommandRun.lorikeet
    process.arguments = arguments
    process.currentDirectoryURL = Fixture.repository
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(fileDescriptor: terminal)
    try process.run()
    close(terminal)
    // Reading fails once nobody holds the terminal.
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer.prefix(count)
    }
    process.waitUntilExit()
    exitCode = process.terminationStatus
    written = String(decoding: bytes, as: UTF8.self)
  }

  /// For each line, what stood on it one after the other, each in place of the one before.
  var lines: [[String]] {
    written.components(separatedBy: "\r\n").map { line in
      line.components(separatedBy: "\r").filter { !$0.isEmpty }
    }
  }

  /// What was written in place of something, or has been replaced: all that must fit into one row.
  var redrawn: [String] { lines.flatMap { $0.dropLast() } }
}
