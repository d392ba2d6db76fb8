import Foundation
import ModelFiles
import Serialization
import TestSupport
import Testing

@testable import Retrieval

@Suite("A sentence encoder") struct SentenceEncoderTests {
  private struct Row {
    let text: String
    let ids: [Int32]
    let vector: [Float]
  }

  private static func rows() throws -> [Row] {
    let json = try JSON.parse(try Fixture.bytes("encoder/vectors.json"))
    return (json.arrayValue ?? []).map { row in
      Row(
        text: row["text"]?.stringValue ?? "",
        ids: (row["ids"]?.arrayValue ?? []).compactMap { $0.intValue.map(Int32.init) },
        vector: (row["vector"]?.arrayValue ?? []).compactMap { $0.doubleValue.map(Float.init) })
    }
  }

  @Test("cuts texts into BERT's tokens")
  func tokens() throws {
    let encoder = try SentenceEncoder(path: Fixture.path("encoder/tiny"))
    let rows = try Self.rows()
    #expect(rows.count == 13 && encoder.maximumTokens == 40)
    for row in rows {
      #expect(encoder.tokenizer.encode(row.text, limit: 40) == row.ids, "\(row.text)")
    }
  }

  @Test("gives the vectors of Transformers, of length 1")
  func vectors() throws {
    let encoder = try SentenceEncoder(path: Fixture.path("encoder/tiny"))
    let rows = try Self.rows()
    var heard: [Int] = []
    let vectors = encoder.encode(rows.map(\.text)) { done, _ in heard.append(done) }
    #expect(heard.last == rows.count && encoder.dimensions == 48)
    for (row, vector) in zip(rows, vectors) {
      #expect(relativeError(vector, row.vector) < 2e-5, "\(row.text)")
      let cosine = zip(vector, row.vector).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(cosine > 0.99999)
      // The bits depend neither on what stands beside a text nor on the threads.
      #expect(encoder.encode([row.text])[0] == vector, "\(row.text)")
    }
    expectSameBitsOnAnyThreads("encoder") { encoder.encode(rows.map(\.text)).flatMap { $0 } }
  }

  @Test("is itself under another name, and another with other weights or settings")
  func identity() throws {
    let own = try SentenceEncoder(path: Fixture.path("encoder/tiny")).identity
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-encoder-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: Fixture.path("encoder/tiny")), to: folder)
    let copy = try SentenceEncoder(path: folder.path).identity
    #expect(own.isSame(as: copy) && own.name == "tiny" && copy.name != "tiny")
    let settings = folder.appendingPathComponent("sentence_bert_config.json")
    try "{\"max_seq_length\": 39}".write(to: settings, atomically: true, encoding: .utf8)
    #expect(try !SentenceEncoder(path: folder.path).identity.isSame(as: own))
    try "{\"max_seq_length\": 40}".write(to: settings, atomically: true, encoding: .utf8)
    #expect(try SentenceEncoder(path: folder.path).identity.isSame(as: own))
    let weights = folder.appendingPathComponent("model.safetensors")
    var bytes = try Data(contentsOf: weights)
    // Every number of one matrix, as training changes them.
    for index in stride(from: bytes.count - 20_000, to: bytes.count, by: 4) { bytes[index] ^= 1 }
    try bytes.write(to: weights)
    #expect(try !SentenceEncoder(path: folder.path).identity.isSame(as: own))
  }

  @Test(
    "gives the vectors of sentence-transformers with the real all-MiniLM-L6-v2",
    .enabled(
      if: ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"] != nil))
  func real() throws {
    let path = try #require(ProcessInfo.processInfo.environment["LORIKEET_TEST_ENCODER"])
    let encoder = try SentenceEncoder(path: path)
    let json = try JSON.parse(try Fixture.bytes("encoder/minilm.json"))
    let rows = try #require(json["rows"]?.arrayValue)
    #expect(rows.count >= 20)
    for row in rows {
      let text = try #require(row["text"]?.stringValue)
      let expected = (row["vector"]?.arrayValue ?? []).compactMap { $0.doubleValue.map(Float.init) }
      let vector = encoder.encode([text])[0]
      let cosine = zip(vector, expected).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(vector.count == 384 && cosine >= 0.9999, "\(cosine) of \(text)")
      #expect(relativeError(vector, expected) < 1e-4, "\(text)")
      #expect(
        encoder.tokenizer.encode(text, limit: encoder.maximumTokens).count
          == row["tokens"]?.intValue,
        "\(text)")
    }
  }

  @Test("refuses folders that hold something else")
  func refused() throws {
    func reason(_ path: String) -> String {
      do {
        _ = try SentenceEncoder(path: path)
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      reason(Fixture.path("models/tiny-tied")).contains("an encoder of sentences has bert;"))
    #expect(reason("/nowhere").contains("config.json"))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-encoder-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: Fixture.path("encoder/tiny")), to: folder)
    let config = folder.appendingPathComponent("config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try text.replacingOccurrences(
      of: "\"intermediate_size\": 96", with: "\"intermediate_size\": 97"
    )
    .write(to: config, atomically: true, encoding: .utf8)
    #expect(reason(folder.path).contains("expected F32 [97, 48]"))
    let pooling = folder.appendingPathComponent("1_Pooling/config.json")
    try FileManager.default.createDirectory(
      at: pooling.deletingLastPathComponent(), withIntermediateDirectories: true)
    try "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}".write(
      to: pooling, atomically: true, encoding: .utf8)
    #expect(reason(folder.path).contains("pools otherwise than by the mean"))
    try FileManager.default.removeItem(at: pooling)
    try "only\nwords\n".write(
      to: folder.appendingPathComponent("vocab.txt"), atomically: true, encoding: .utf8)
    #expect(reason(folder.path).contains("has no [UNK], [CLS] or [SEP]"))
  }
}
