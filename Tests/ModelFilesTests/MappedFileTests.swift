import ModelFiles
import TestSupport
import Testing

@Suite("Mapped file")
struct MappedFileTests {
  @Test("holds the bytes of the file")
  func holdsTheBytes() throws {
    let file = try MappedFile(path: Fixture.path("modelfiles/tiny.gguf"))
    #expect(try file.bytes.elementsEqual(Fixture.bytes("modelfiles/tiny.gguf")))
  }

  @Test("a missing file, a folder and an empty file are three different errors")
  func errorsDiffer() throws {
    let folder = try ScratchFolder()
    let empty = try folder.write([], to: "empty.gguf")
    let absent = folder.path("absent.gguf")
    #expect(
      message { _ = try MappedFile(path: absent) } == "\(absent): no such file; check the path")
    #expect(
      message { _ = try MappedFile(path: folder.path) }
        == "\(folder.path): is a folder; name a file in it")
    #expect(
      message { _ = try MappedFile(path: empty) }
        == "\(empty): ends at byte 0, but the first byte reaches byte 1; download it again")
    #expect(
      message { _ = try MappedFile(path: "/dev/null") }
        == "/dev/null: is not a regular file; copy it to a file")
  }

  @Test("errors end the tool with the status of their kind")
  func exitCodes() {
    #expect(ModelFileError.missing(path: "", problem: "", remedy: "").exitCode == 66)
    #expect(ModelFileError.unreadable(path: "", reason: "").exitCode == 66)
    #expect(ModelFileError.truncated(path: "", place: "", needed: 1, fileSize: 0).exitCode == 65)
    #expect(ModelFileError.malformed(path: "", place: "", problem: "").exitCode == 65)
    #expect(ModelFileError.unsupported(path: "", problem: "", remedy: "").exitCode == 65)
    #expect(ModelFileError.alreadyExists(path: "").exitCode == 64)
    #expect(ModelFileError.invalidRequest(path: "", problem: "", remedy: "").exitCode == 64)
    #expect(ModelFileError.notWritten(path: "", reason: "").exitCode == 74)
  }

  @Test("released pages leave memory, keep their neighbours and read back the same")
  func releasedPagesLeaveMemory() throws {
    let folder = try ScratchFolder()
    let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let file = try MappedFile(path: folder.write(bytes, to: "pages"))
    #expect(file.bytes.elementsEqual(bytes))
    guard let before = file.residentByteCount() else { return }
    #expect(before == 1 << 20)
    // From the middle of a page to the middle of a page: the pages at the edges stay.
    file.releasePages(offset: 100, count: (1 << 19) - 50)
    #expect(file.residentByteCount() == before - (1 << 19) + 4_096)
    #expect(file.bytes.elementsEqual(bytes))
    file.releasePages(offset: 0, count: .max)
    #expect(file.residentByteCount() == 0)
    #expect(file.bytes.elementsEqual(bytes))
  }

  @Test(
    "a release outside the file does nothing",
    arguments: [(-5, 10), (1 << 30, 1), (0, -1), (Int.max, Int.max), (Int.min, Int.max)])
  func releaseOutsideDoesNothing(_ offset: Int, _ count: Int) throws {
    let file = try MappedFile(path: Fixture.path("modelfiles/tiny.gguf"))
    file.releasePages(offset: offset, count: count)
    #expect(try file.bytes.elementsEqual(Fixture.bytes("modelfiles/tiny.gguf")))
  }
}
