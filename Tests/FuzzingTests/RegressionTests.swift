import Foundation
import Fuzzing
import TestSupport
import Testing

/// Inputs that once ended the process, hung or took too much memory, each made as small as it goes.
@Suite("Inputs that fuzzing found")
struct RegressionTests {
  /// The files under `Tests/Fixtures/fuzz` of one format.
  static func files(_ format: FuzzFormat) -> [String] {
    let folder = Fixture.path("fuzz/\(format.rawValue)")
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        .map { "\(folder)/\($0)" }
    } catch {
      Issue.record(error)
      return []
    }
  }

  @Test("are read or refused, soon", arguments: FuzzFormat.allCases)
  func isReadOrRefused(_ format: FuzzFormat) throws {
    let folder = NSTemporaryDirectory() + "lorikeet-fuzzing-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let target = try FuzzTarget(format)
    try target.prepare(folder)
    for path in Self.files(format) {
      let bytes = try FuzzFile.read(path)
      let time = ContinuousClock().measure { target.run(bytes, in: folder) }
      #expect(time < .seconds(10), "\(path)")
    }
  }

  @Test("an input is a function of format, seed and number", arguments: FuzzFormat.allCases)
  func inputIsAFunctionOfItsNumber(_ format: FuzzFormat) throws {
    let inputs = try FuzzInputs(format: format, seed: 7)
    let again = try FuzzInputs(format: format, seed: 7)
    let other = try FuzzInputs(format: format, seed: 8)
    let forward = (0..<50).map { inputs.input($0) }
    let backward = (0..<50).reversed().map { again.input($0) }
    #expect(forward == backward.reversed())
    #expect(forward != (0..<50).map { other.input($0) })
    #expect(forward.allSatisfy { $0.count <= FuzzInputs.maximumByteCount })
  }

  @Test("unchanged, every file of the corpus but few is accepted", arguments: FuzzFormat.allCases)
  func corpusIsSound(_ format: FuzzFormat) throws {
    let folder = NSTemporaryDirectory() + "lorikeet-fuzzing-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let target = try FuzzTarget(format)
    try target.prepare(folder)
    let originals = try FuzzInputs(format: format, seed: 1).originals
    let accepted = originals.count { target.run($0, in: folder) }
    #expect(accepted > 0, "\(format): nothing gets beyond the front door")
  }
}
