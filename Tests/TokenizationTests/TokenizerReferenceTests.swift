import Foundation
import Serialization
import TestSupport
import Testing
import Tokenization

/// A real vocabulary, too large for git: see `scripts/make_tokenizer_fixtures.py --gguf`.
private let referenceFolder = ProcessInfo.processInfo.environment["LORIKEET_TOKENIZER_REFERENCE"]

@Suite("Tokenizer of a real model", .enabled(if: referenceFolder != nil), .serialized)
struct TokenizerReferenceTests {
  private let folder = URL(fileURLWithPath: referenceFolder ?? "")

  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  private func description() throws -> () throws -> TokenizerDescription {
    let gguf = try JSON.parse(bytes("gguf.json"))
    return { try TokenizerFixture.ggufDescription(gguf) }
  }

  @Test("every hard string has the reference's ids, from GGUF and from tokenizer.json")
  func idsEqualReference() throws {
    let strings = try TokenizerFixture.lines(of: bytes("strings.jsonl"))
      .map { try JSON.parse($0).stringValue ?? "" }
    let ids = try TokenizerFixture.lines(of: bytes("ids.txt")).map(TokenizerFixture.unpacked)
    #expect(strings.count >= 2000)
    let made = try description()
    let fromGGUF = try Tokenizer(made())
    // There is one where the reference is the library and not llama.cpp.
    let fromJSON = try (try? bytes("reference.json")).map {
      try Tokenizer(tokenizerJSON: JSON.parse($0), tokenizerConfig: nil)
    }
    let again = try Tokenizer(
      tokenizerJSON: fromGGUF.tokenizerJSON(), tokenizerConfig: fromGGUF.tokenizerConfigJSON())
    for tokenizer in [fromGGUF, fromJSON, again].compactMap(\.self) {
      let differing = zip(strings, ids).filter { tokenizer.encode($0) != $1 }.map(\.0.shown)
      print("\(strings.count) strings, \(differing.count) differ; missing", tokenizer.missingBytes)
      #expect(differing.isEmpty, "\(differing.prefix(5))")
    }
    try write(fromGGUF, into: folder)
    for name in TokenizerFixture.names {
      let subfolder = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: subfolder, withIntermediateDirectories: true)
      try Data(Fixture.bytes("tokenization/\(name)/ids.txt"))
        .write(to: subfolder.appendingPathComponent("ids.txt"))
      try write(TokenizerFixture(name).tokenizer(), into: subfolder)
    }
  }

  private func write(_ tokenizer: Tokenizer, into folder: URL) throws {
    let written = folder.appendingPathComponent("written")
    try FileManager.default.createDirectory(at: written, withIntermediateDirectories: true)
    let files = [
      "tokenizer.json": tokenizer.tokenizerJSON(),
      "tokenizer_config.json": tokenizer.tokenizerConfigJSON(chatTemplate: "{{ messages }}"),
    ]
    for (name, json) in files {
      try Data(json.serialized(pretty: true).utf8).write(to: written.appendingPathComponent(name))
    }
  }

  /// The processor time that `body` takes: other processes do not count.
  private func measure(_ body: () throws -> Void) rethrows -> Duration {
    func now() -> Duration {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    let start = now()
    try body()
    return now() - start
  }

  @Test("making the tokenizer takes less than 80 milliseconds, of a large vocabulary 300")
  func measured() throws {
    let made = try description()
    var making = Duration.seconds(1000)
    for _ in 0..<5 { making = min(making, try measure { _ = try Tokenizer(made()) }) }
    let tokenizer = try Tokenizer(made())
    let json = (try? bytes("reference.json")) ?? Array(tokenizer.tokenizerJSON().serialized().utf8)
    let reading = try measure {
      _ = try Tokenizer(tokenizerJSON: JSON.parse(json), tokenizerConfig: nil)
    }
    let writing = measure { _ = tokenizer.tokenizerJSON().serialized() }
    print("making from GGUF \(making), from JSON \(reading), writing \(writing)")
    #expect(making < .milliseconds(tokenizer.vocabularySize < 60_000 ? 80 : 300))

    let license = try String(
      contentsOf: Fixture.repository.appendingPathComponent("LICENSE"), encoding: .utf8)
    let strings = try TokenizerFixture.strings().filter { $0.utf8.count < 1000 }.joined()
    for (name, text) in [("license", license), ("hard strings", strings)] {
      let text = String(repeating: text, count: max(1, 4_000_000 / text.utf8.count))
      var best = Duration.seconds(1000)
      for _ in 0..<3 { best = min(best, measure { _ = tokenizer.encode(text) }) }
      print(name, Double(text.utf8.count) / 1e6 / (best / .seconds(1)), "MB/s")
    }
  }
}
