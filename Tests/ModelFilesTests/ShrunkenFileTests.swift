import Foundation
import ModelFiles
import Testing

@Suite("Shrunken file")
struct ShrunkenFileTests {
  @Test("a file cut short while mapped ends the process with status 74 and a sentence")
  func endsWithASentence() async throws {
    let result = try await #require(
      processExitsWith: .exitCode(74), observing: [\.standardErrorContent]
    ) {
      ShrunkenFile.exitWithMessage()
      let folder = try ScratchFolder()
      let path = try folder.write([UInt8](repeating: 1, count: 1 << 16), to: "file")
      let file = try MappedFile(path: path)
      truncate(path, 0)
      // The process ends without cleaning up, so it does so before.
      try FileManager.default.removeItem(atPath: folder.path)
      print(file.bytes[1 << 15])
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(text.contains("a file became shorter while it was being read; restore it"))
  }
}
