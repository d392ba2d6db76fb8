import Foundation
import ModelFiles
import Testing

@Suite("Atomic file")
struct AtomicFileTests {
  @Test("appears with every byte at commit, and not before", arguments: [0, 1, 262_143, 262_145])
  func appearsAtCommit(_ count: Int) throws {
    let folder = try ScratchFolder()
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    let file = try AtomicFile(path: folder.path("out"))
    try file.write([1, 2, 3])
    try file.write(bytes)
    try file.write("é")
    #expect(file.count == count + 5)
    #expect(!FileManager.default.fileExists(atPath: folder.path("out")))
    try file.commit()
    #expect(try folder.bytes("out") == [1, 2, 3] + bytes + [0xC3, 0xA9])
    #expect(try folder.names() == ["out"])
  }

  @Test("leaves nothing behind where it is not committed")
  func leavesNothingBehind() throws {
    let folder = try ScratchFolder()
    do {
      let file = try AtomicFile(path: folder.path("out"))
      try file.write([UInt8](repeating: 1, count: 300_000))
      #expect(try folder.names().count == 1)
    }
    #expect(try folder.names() == [])
  }

  @Test("a file that exists is kept, or replaced at commit where asked")
  func existingFile() throws {
    let folder = try ScratchFolder()
    let path = try folder.write("old", to: "out")
    #expect(
      message { _ = try AtomicFile(path: path) }
        == "\(path): exists already; remove it or name another output")
    let file = try AtomicFile(path: path, replacing: true)
    try file.write("new")
    #expect(try folder.bytes("out") == Array("old".utf8))
    try file.commit()
    #expect(try folder.bytes("out") == Array("new".utf8))
  }

  @Test("a full disk is an error that says so, and the device stays a device")
  func fullDisk() throws {
    let text = message {
      let file = try AtomicFile(path: "/dev/full")
      try file.write([UInt8](repeating: 0, count: 1 << 20))
      try file.commit()
    }
    #expect(
      text
        == "/dev/full: cannot be written (No space left on device); nothing was left behind")
    let small = message {
      let file = try AtomicFile(path: "/dev/full")
      try file.write([1])
      try file.commit()
    }
    #expect(small == text)
    let type = try FileManager.default.attributesOfItem(atPath: "/dev/full")[.type]
    #expect(type as? FileAttributeType == .typeCharacterSpecial)
  }

  @Test("a folder that is missing or a folder in the way is an error that names it")
  func wrongPlaces() throws {
    let folder = try ScratchFolder()
    let path = folder.path("no/such/file")
    #expect(message { _ = try AtomicFile(path: path) }.hasPrefix("\(path): cannot be written (No"))
    #expect(message { _ = try AtomicFile(path: folder.path, replacing: true) }.contains("exists"))
  }
}

@Suite("Staged folder")
struct StagedFolderTests {
  @Test("appears with its files at commit, making the folders above it")
  func appearsAtCommit() throws {
    let scratch = try ScratchFolder()
    let folder = try StagedFolder(path: scratch.path("a/b/model/"))
    try folder.write("{}", to: "config.json")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("a/b/model")))
    try folder.commit()
    #expect(try scratch.bytes("a/b/model/config.json") == Array("{}".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("a/b")) == ["model"])
  }

  @Test("leaves nothing behind where it is not committed, nested folders and links included")
  func leavesNothingBehind() throws {
    let scratch = try ScratchFolder()
    let kept = try scratch.write("kept", to: "kept")
    do {
      let folder = try StagedFolder(path: scratch.path("model"))
      try folder.write("{}", to: "config.json")
      try FileManager.default.createDirectory(
        atPath: "\(folder.stagingPath)/inner/deep", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: "\(folder.stagingPath)/inner/link", withDestinationPath: scratch.path)
    }
    #expect(try scratch.names() == ["kept"])
    #expect(FileManager.default.fileExists(atPath: kept))
  }

  @Test("a folder with something in it is kept; an empty one is used")
  func existingFolder() throws {
    let scratch = try ScratchFolder()
    try scratch.write("x", to: "full/file")
    let text = message { _ = try StagedFolder(path: scratch.path("full")) }
    #expect(text.hasSuffix("exists already; remove it or name another output"))
    try FileManager.default.createDirectory(
      atPath: scratch.path("empty"), withIntermediateDirectories: false)
    let folder = try StagedFolder(path: scratch.path("empty"))
    try folder.write("y", to: "file")
    try folder.commit()
    #expect(try scratch.bytes("empty/file") == Array("y".utf8))
    #expect(try scratch.names() == ["empty", "full"])
  }
}
