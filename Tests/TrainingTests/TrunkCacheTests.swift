import CausalLM
import Configuration
import Datasets
import Foundation
import Kernels
import LoRA
import ModelFiles
import Serialization
import TestSupport
import Testing

@testable import Training

/// A run of three epochs on the last block of a tiny model: 23 rows, 6 a step in micro-batches of 3, so that the last
/// window of an epoch is partial.
private struct TrunkRun {
  var epochs = 3.0
  var layers: [Int]? = [1]
  var sharesPrefixes = true
  var policy = RunConfiguration.TrunkCaching.auto
  var path: String?
  var base = "base"
  var freeBytes: Int?
  var secondRow: Int32?
  var name = "tiny-tied"

  static func examples(secondRow: Int32? = nil) -> [TokenizedExample] {
    var numbers = SeededNumbers(11)
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(numbers.integer(below: 320)) }
    }
    let start = tokens(30)
    let instructions = [start + tokens(50), start + tokens(40), []]
    return (0..<23).map { index in
      let instruction = instructions[numbers.integer(below: 3)]
      var tail = tokens(2 + numbers.integer(below: 12))
      if index == 1, let secondRow { tail[0] = secondRow }
      let weights = instruction.map { _ in Float(0) } + tail.indices.map { $0 % 2 == 0 ? 1 : 0 }
      return TokenizedExample(
        tokens: instruction + tail, lossWeights: weights,
        source: ExampleSource(path: "rows", line: index + 1))
    }
  }

  func make() throws -> FineTuning {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/\(name)")))
    let lora = RunConfiguration.LoRA(rank: 4, alpha: 8, dropout: 0.1, layersToTransform: layers)
    let examples = Self.examples(secondRow: secondRow)
    let run = try FineTuning(
      configuration: RunConfiguration.Training(
        outputDir: "", numTrainEpochs: epochs, perDeviceTrainBatchSize: 3,
        gradientAccumulationSteps: 2, trunkCache: policy, learningRate: 1e-2, evalSteps: 2),
      model: model, adapter: try LoRAAdapter.starting(lora, for: model, seed: 42),
      examples: examples, validation: Array(examples.suffix(5)))
    run.sharesPrefixes = sharesPrefixes
    if let path { run.trunkCachePlace = .init(path: path, base: base) }
    if let freeBytes { run.freeBytes = { _ in freeBytes } }
    return run
  }

  /// Everything that a run gives.
  struct Result: Equatable {
    var adapter: [UInt32]
    var losses: [Double]
    var events: [TrainingEvent]

    /// What must not depend on a cache.
    static func == (lhs: Result, rhs: Result) -> Bool {
      lhs.adapter == rhs.adapter && lhs.losses == rhs.losses
    }
  }

  static func finish(
    _ run: FineTuning, stopAfter: Int = .max, hearing listener: (TrainingEvent) -> Void = { _ in },
    save: ((FineTuning) throws -> String)? = nil
  ) throws -> Result {
    var losses: [Double] = []
    var events: [TrainingEvent] = []
    _ = try run.run(save: save) { event in
      listener(event)
      switch event {
      case .step(let report):
        losses.append(report.loss)
        return report.step >= stopAfter ? .stop : .resume
      case .validation(_, _, let loss, _): losses.append(loss)
      case .trunkCache, .trunkCacheUnused: events.append(event)
      default: break
      }
      return .resume
    }
    return Result(
      adapter: run.adapter.parameters.array.map(\.bitPattern), losses: losses, events: events)
  }
}

@Suite("Trunk cache", .serialized) struct TrunkCacheTests {
  let folder: URL
  var path: String { folder.appendingPathComponent("trunk.cache").path }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lorikeet-trunk-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func remove() { try? FileManager.default.removeItem(at: folder) }
  private var exists: Bool { FileManager.default.fileExists(atPath: path) }

  @Test(
    "three epochs with it give the bytes of those without, and it goes when they are done",
    arguments: [true, false])
  func sameBytes(_ sharesPrefixes: Bool) throws {
    defer { remove() }
    let plain = try TrunkRun.finish(try TrunkRun(sharesPrefixes: sharesPrefixes).make())
    let run = try TrunkRun(sharesPrefixes: sharesPrefixes, path: path).make()
    #expect(run.totalSteps == 12)
    var sizes: [Int] = []
    let cached = try TrunkRun.finish(run) { event in
      guard case .step(let report) = event else { return }
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      sizes.append(size ?? 0)
      let isMeasured = report.step > 4
      // From the second epoch on the only block that runs is the last, so no embedding is read.
      if report.step == 4 { run.model.profile.reset() }
      if isMeasured { #expect(run.model.profile[.embedding] == 0) }
      #expect(run.model.profile[.trunk] > 0 || report.step == 4)
    }
    #expect(cached == plain)
    #expect(plain.events.isEmpty)
    guard case .trunkCache(path, let bytes, blocks: 1, examplesKept: 0) = cached.events.first else {
      Issue.record("\(cached.events)")
      return
    }
    let tokens = (run.examples + run.validation).reduce(0) { $0 + $1.tokens.count }
    #expect(bytes >= tokens * 64 * 4 && bytes < tokens * 64 * 4 + 8192)
    #expect(sizes == [Int](repeating: bytes, count: 12))
    #expect(!exists)
    #expect(cached.events.count == 1)
  }

  /// A run that was stopped after step 6 of 12, its checkpoint and its cache.
  private func interrupted(_ settings: TrunkRun) throws -> String {
    let checkpoint = folder.appendingPathComponent(UUID().uuidString).path
    _ = try TrunkRun.finish(
      try settings.make(), stopAfter: 6,
      save: { run in
        if run.state.step == 6 {
          try Checkpoint.write(checkpoint, run: run, identity: JSONObject(), baseModel: "")
        }
        return checkpoint
      })
    return checkpoint
  }

  private enum Damage: CaseIterable, CustomTestStringConvertible {
    case none, missing, truncated, otherBase, otherNumbers, tornHeader, tornExample, lostExample
    var testDescription: String { "\(self)" }
  }

  @Test("a resume gives the bytes of an uninterrupted run, whatever became of the cache")
  func resumes() throws {
    defer { remove() }
    let plain = try TrunkRun.finish(try TrunkRun().make())
    for damage in Damage.allCases {
      var settings = TrunkRun(path: path)
      let checkpoint = try interrupted(settings)
      #expect(exists)
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      let all = 23 + 5
      var kept = all
      switch damage {
      case .none: break
      case .missing: (bytes, kept) = ([], 0)
      case .truncated: (bytes, kept) = (bytes.dropLast(1), 0)
      case .otherBase:
        settings.base = "another"
        kept = 0
      case .otherNumbers:
        // As after a crash: the checks are on disk and some of the numbers are not.
        for index in 4_200..<4_300 { bytes[index] = 0 }
        kept = all - 1
      case .tornHeader:
        bytes[20] ^= 1
        kept = 0
      case .tornExample:
        // The first number of the fourth example becomes another by a power of two.
        let tokens = TrunkRun.examples().prefix(3).reduce(0) { $0 + $1.tokens.count }
        bytes[4096 + tokens * 64 * 4 + 3] ^= 0x10
      case .lostExample:
        let checks = (TrunkCache.magic.utf8.count + 65 + 7) / 8 * 8
        for index in checks + 8..<checks + 16 { bytes[index] = 0 }
        kept = all - 1
      }
      if damage == .missing {
        try FileManager.default.removeItem(atPath: path)
      } else {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
      }
      let run = try settings.make()
      try Checkpoint.restore(checkpoint, into: run, identity: JSONObject())
      let resumed = try TrunkRun.finish(run)
      #expect(resumed.adapter == plain.adapter, "\(damage)")
      #expect(resumed.losses == Array(plain.losses.suffix(resumed.losses.count)), "\(damage)")
      #expect(resumed.losses.count == 6 + 3)
      guard case .trunkCache(_, _, _, examplesKept: kept) = resumed.events.first else {
        Issue.record("\(damage): \(resumed.events)")
        continue
      }
      #expect(!exists)
    }
  }

  @Test("one of other tokens is not used")
  func otherTokens() throws {
    defer { remove() }
    var settings = TrunkRun(path: path)
    _ = try interrupted(settings)
    settings.secondRow = 5
    let event = try settings.make().openTrunkCache()
    guard case .trunkCache(_, _, _, examplesKept: 0) = event else {
      Issue.record("\(String(describing: event))")
      return
    }
    settings.path = nil
    let plain = try TrunkRun.finish(try settings.make())
    settings.path = path
    #expect(try TrunkRun.finish(try settings.make()) == plain)
  }

  @Test("one that this program computes otherwise is not used, whatever it says that it is of")
  func otherNumbers() throws {
    defer { remove() }
    var settings = TrunkRun(path: path)
    _ = try interrupted(settings)
    guard case .trunkCache(_, let bytes, _, examplesKept: 28) = try settings.make().openTrunkCache()
    else {
      Issue.record("the cache of the same program is not used")
      return
    }
    // Another base under the same name, with the same shapes.
    settings.name = "tiny-tied.mixed.gguf"
    #expect(
      try settings.make().openTrunkCache()
        == .trunkCache(path: path, bytes: bytes, blocks: 1, examplesKept: 0))
    // What was forgotten is gone from the file too: the program that made it finds nothing either.
    settings.name = TrunkRun(path: path).name
    #expect(
      try settings.make().openTrunkCache()
        == .trunkCache(path: path, bytes: bytes, blocks: 1, examplesKept: 0))
  }

  @Test("is not used where it cannot pay or is not wanted")
  func cannotPay() throws {
    defer { remove() }
    for settings in [
      TrunkRun(layers: nil, path: path), TrunkRun(layers: [0], path: path),
      TrunkRun(epochs: 1, path: path), TrunkRun(policy: .off, path: path),
    ] {
      let result = try TrunkRun.finish(try settings.make()) { _ in #expect(!exists) }
      #expect(result.events.isEmpty)
    }
  }

  @Test("a disk with too little space is said and the run goes on")
  func tooLarge() throws {
    defer { remove() }
    let plain = try TrunkRun.finish(try TrunkRun().make())
    let result = try TrunkRun.finish(try TrunkRun(path: path, freeBytes: 100_000).make()) { _ in
      #expect(!exists)
    }
    #expect(result == plain)
    guard case .trunkCacheUnused(let error) = result.events.first else {
      Issue.record("\(result.events)")
      return
    }
    #expect(
      "\(error)"
        == "\(path): keeping activations takes 1 MB and the disk has 0 MB to spare, so every epoch computes them anew; free some space before the next run, or set training.trunk_cache: false"
    )
  }

  @Test("a disk that fills up is said and the run goes on")
  func diskFull() throws {
    defer { remove() }
    let plain = try TrunkRun.finish(try TrunkRun().make())
    let run = try TrunkRun(path: path).make()
    let result = try TrunkRun.finish(run) { event in
      guard case .step(let report) = event, report.step == 1, let cache = run.trunkCache else {
        return
      }
      // From here on the file is one that no byte can be written to.
      let full = open("/dev/full", O_RDWR)
      #expect(full >= 0 && dup2(full, cache.descriptor) >= 0)
      close(full)
    }
    #expect(result == plain)
    #expect(result.events.count == 2)
    #expect(
      result.events.last
        == .trunkCacheUnused(.unusable(path: path, reason: "No space left on device")))
    #expect(!exists && FileManager.default.fileExists(atPath: "/dev/full"))
  }

  @Test("a path that is no regular file is left alone")
  func notAFile() throws {
    defer { remove() }
    let result = try TrunkRun.finish(try TrunkRun(epochs: 2, path: "/dev/full").make())
    #expect(
      result.events == [
        .trunkCacheUnused(.unusable(path: "/dev/full", reason: "is not a regular file"))
      ])
    #expect(FileManager.default.fileExists(atPath: "/dev/full"))
    let missing = try TrunkRun.finish(
      try TrunkRun(epochs: 2, path: "\(folder.path)/none/trunk.cache").make())
    #expect(
      missing.events == [
        .trunkCacheUnused(
          .unusable(
            path: "\(folder.path)/none/trunk.cache", reason: "No such file or directory"))
      ])
  }

  @Test("a block that the model does not have is refused")
  func noSuchBlock() throws {
    let error = #expect(throws: LoRAError.self) { try TrunkRun(layers: [0, 99]).make() }
    #expect(
      error.map { "\($0)" }
        == "lora.layers_to_transform: there is no block 99; this model has 2 blocks, numbered from 0 to 1"
    )
  }
}
