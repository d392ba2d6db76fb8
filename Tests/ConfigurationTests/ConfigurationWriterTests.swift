import Configuration
import Foundation
import Serialization
import TestSupport
import Testing

@Suite("Written configurations") struct ConfigurationWriterTests {
  static let plain = RunConfiguration(
    model: .init(path: "m.gguf"), data: .init(train: ["a.jsonl"]), training: .init(outputDir: "r"))

  /// Every property has a value other than its default, as far as this version supports one.
  static let everythingChanged = RunConfiguration(
    model: .init(
      path: "a b/#1: \"x\".gguf", loadIn4Bit: true, quantType: .nf4, useDoubleQuant: false),
    data: .init(
      train: ["-a.jsonl", "null", "é,[].jsonl"], validation: ["~", "1e5"], maxLength: 77,
      overlong: .truncate, shuffle: false, assistantOnlyLoss: false),
    lora: .init(
      rank: 3, alpha: 0.1, dropout: 0.123456789012345678,
      targetModules: .pattern(#".*\.(q|v)_proj$"#),
      excludeModules: .names(["o_proj", "layers.3.x"]),
      layersToTransform: [0, 29],
      rankPattern: [.init(pattern: "b\\d", value: 4), .init(pattern: "a", value: 2)],
      alphaPattern: [
        .init(pattern: "^model\\.layers\\.\t\u{85}\u{2028}\u{7F}x: {}", value: 1e-300)
      ],
      useRSLoRA: true, initLoRAWeights: .gaussian, initAdapter: "runs/x\n"),
    training: .init(
      outputDir: "/tmp/x y", numTrainEpochs: 0.5, maxSteps: 9, perDeviceTrainBatchSize: 2,
      perDeviceEvalBatchSize: 3, gradientAccumulationSteps: 4, trunkCache: .off,
      maxMemory: 123_456_789, learningRate: 1e-5, lrSchedulerType: .polynomial,
      lrSchedulerKwargs: .init(power: 2, lrEnd: 1e-9), warmupSteps: 0.03,
      weightDecay: 0.01, adamBeta1: 0.8, adamBeta2: 0.95, adamEpsilon: 1e-6, maxGradNorm: 0,
      seed: .max, loggingSteps: 5, evalStrategy: .epoch, evalSteps: 6, saveStrategy: .no,
      saveSteps: 7, saveTotalLimit: nil, loadBestModelAtEnd: true, earlyStoppingPatience: 2,
      samples: 7, samplePrompts: ["a: b, c", "two\nlines"]))

  @Test(
    "a resolved file loads back to an equal configuration", arguments: [plain, everythingChanged])
  func resolvedFileLoadsBack(_ configuration: RunConfiguration) throws {
    let text = configuration.resolvedYAML()
    #expect(try RunConfiguration(yaml: Array(text.utf8), name: "config.yaml") == configuration)
  }

  @Test("a resolved file sets every key of the schema once, in its order")
  func resolvedFileSetsEveryKey() throws {
    let root = try YAML.parse(Self.plain.resolvedYAML())
    #expect(Self.leafPaths(root) == RunConfiguration.schema.map(\.path))
  }

  @Test("configs/reference.yaml is what the schema says; LORIKEET_UPDATE_REFERENCE=1 rewrites it")
  func referenceFileIsCurrent() throws {
    let file = Fixture.repository.appendingPathComponent("configs/reference.yaml")
    if ProcessInfo.processInfo.environment["LORIKEET_UPDATE_REFERENCE"] == "1" {
      try RunConfiguration.referenceYAML.write(to: file, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(text == RunConfiguration.referenceYAML)
    #expect(Self.leafPaths(try YAML.parse(text)) == RunConfiguration.schema.map(\.path))
  }

  @Test("configs/reference.yaml has the defaults, and an example where there is none")
  func referenceFileHasDefaults() throws {
    let file = Fixture.repository.appendingPathComponent("configs/reference.yaml")
    let configuration = try RunConfiguration.load(path: file.path)
    let defaults = RunConfiguration(
      model: .init(path: configuration.model.path), data: .init(train: configuration.data.train),
      training: .init(outputDir: configuration.training.outputDir))
    #expect(configuration == defaults)
    #expect(
      RunConfiguration.schema.filter(\.isRequired).map(\.path)
        == ["model.path", "data.train", "training.output_dir"])
  }

  @Test("every file in configs/ loads")
  func everyConfigLoads() throws {
    let folder = Fixture.repository.appendingPathComponent("configs")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    )
    .filter { $0.pathExtension == "yaml" }
    #expect(files.count >= 4)
    for file in files {
      if file.lastPathComponent.hasPrefix("compare-") {
        let configuration = try ComparisonConfiguration.load(path: file.path)
        #expect(
          try ComparisonConfiguration(yaml: Array(configuration.resolvedYAML().utf8), name: "")
            == configuration)
        continue
      }
      let configuration = try RunConfiguration.load(path: file.path)
      #expect(
        try RunConfiguration(yaml: Array(configuration.resolvedYAML().utf8), name: "")
          == configuration)
    }
  }

  @Test("support-lora.yaml differs from support.yaml in the precision and the run folder alone")
  func supportConfigsDiffer() throws {
    func load(_ name: String) throws -> RunConfiguration {
      try RunConfiguration.load(
        path: Fixture.repository.appendingPathComponent("configs/\(name)").path)
    }
    let quantized = try load("support.yaml")
    var plain = try load("support-lora.yaml")
    #expect(quantized.model.loadIn4Bit)
    #expect(!plain.model.loadIn4Bit)
    plain.model.loadIn4Bit = true
    plain.training.outputDir = quantized.training.outputDir
    #expect(plain == quantized)
  }

  @Test("every key has a sentence, a bound, and a path of its own")
  func keysAreDocumented() {
    for key in RunConfiguration.schema {
      #expect(key.documentation.hasSuffix("."), "\(key.path)")
      #expect(!key.expectation.isEmpty, "\(key.path)")
      #expect((key.documentation + key.expectation).count < 190, "\(key.path)")
    }
    #expect(Set(RunConfiguration.schema.map(\.path)).count == RunConfiguration.schema.count)
  }

  private static func leafPaths(_ node: YAMLNode, under section: String = "") -> [String] {
    guard case .mapping(let members, _) = node else { return [section] }
    if members.isEmpty { return [section] }
    return members.flatMap {
      leafPaths($0.value, under: section.isEmpty ? $0.key : "\(section).\($0.key)")
    }
  }
}
