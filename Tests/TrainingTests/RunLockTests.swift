import Foundation
import Testing
import Training

@Suite("The lock of a run folder") struct RunLockTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("lorikeet-lock-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test("is refused a second time, with the owner's pid, and free again afterwards")
  func excludes() throws {
    try withFolder { folder in
      do {
        let lock = try RunLock(folder: folder)
        let process = Int(ProcessInfo.processInfo.processIdentifier)
        #expect(throws: TrainingError.inUse(path: folder, process: process)) {
          _ = try RunLock(folder: folder)
        }
        withExtendedLifetime(lock) {}
      }
      _ = try RunLock(folder: folder)
    }
  }

  @Test("of an owner that is gone is no lock, whatever the file says")
  func stale() throws {
    try withFolder { folder in
      try Data("1\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/.lock"))
      _ = try RunLock(folder: folder)
    }
  }

  @Test("that cannot be made is an error that says so")
  func missingFolder() {
    #expect(throws: TrainingError.self) { _ = try RunLock(folder: "/nowhere/at/all") }
  }
}
