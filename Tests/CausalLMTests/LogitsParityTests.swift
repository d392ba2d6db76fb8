import CausalLM
import Foundation
import LoRA
import ModelFiles
import TestSupport
import Testing

@Suite("Logits") struct LogitsParityTests {
  @Test(
    "equal Transformers' on tiny models in either file format",
    arguments: [
      ("tiny-tied", "tiny-tied"), ("tiny-untied", "tiny-untied"), ("tiny-odd", "tiny-odd"),
      ("tiny-tied.f32.gguf", "tiny-tied"), ("tiny-tied.mixed.gguf", "tiny-tied.mixed"),
    ])
  func equalTransformers(_ model: String, _ reference: String) throws {
    let file = try ModelFile.open(Fixture.path("models/\(model)"))
    let causalLM = try CausalLM.load(file)
    let folder = reference == "tiny-tied.mixed" ? "models/tiny-tied.mixed." : "models/\(reference)/"
    let fixture = try TensorFixture("\(folder)logits.safetensors")
    for length in [1, 7, 33] {
      let ids = fixture.integers("input_ids.\(length)")
      let logits = causalLM.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
      #expect(relativeError(logits, fixture.floats("logits.\(length)")) < 2e-6)
    }
    // The same sequences in one ragged batch.
    let ids = [1, 7, 33].map { fixture.integers("input_ids.\($0)") }
    let together = causalLM.logits(TokenBatch(sequences: ids)).flatMap { $0 }
    #expect(relativeError(together, [1, 7, 33].flatMap { fixture.floats("logits.\($0)") }) < 2e-6)
  }

  @Test("of an NF4 base equal those of bitsandbytes")
  func nf4EqualsBitsandbytes() throws {
    let file = try ModelFile.open(Fixture.path("models/tiny-tied"))
    let model = try CausalLM.load(file, precision: .nf4(doubleQuantized: true))
    let reference = try TensorFixture("training/nf4.logits.safetensors")
    let ids = reference.integers("input_ids.7")
    let logits = model.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.7")) < 2e-6)
  }

  @Test(
    "of base and PEFT adapter equal PEFT's",
    arguments: ["plain", "patterns", "rslora", "all-linear", "bf16", "regex", "one-layer"])
  func equalPEFT(_ name: String) throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    model.attach(try AdapterFolder.read(Fixture.path("lora/\(name)"), for: model.adaptableLayers))
    let reference = try TensorFixture("lora/\(name).logits.safetensors")
    let ids = reference.integers("input_ids.7")
    let logits = model.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.7")) < 2e-6)
    let base = model.withoutAdapter { model.logits(TokenBatch(sequences: [ids])).flatMap { $0 } }
    #expect(relativeError(base, reference.floats("logits.7")) > 1e-3)
  }

  @Test(
    "of base and GGUF adapter equal PEFT's, whichever file the base is in",
    arguments: ["plain", "all-linear"], ["tiny-tied", "tiny-tied.f32.gguf"])
  func ggufAdapterEqualsPEFT(_ name: String, _ base: String) throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/\(base)")))
    model.attach(
      try LoRAAdapter.read(Fixture.path("lora/\(name).gguf"), for: model.adaptableLayers))
    let reference = try TensorFixture("lora/\(name).logits.safetensors")
    let ids = reference.integers("input_ids.7")
    let logits = model.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.7")) < 2e-6)
  }

  @Test(
    "of an adapter written as GGUF and read back equal PEFT's",
    arguments: ["plain", "patterns", "rslora", "all-linear", "bf16", "regex", "one-layer"])
  func exportedEqualsPEFT(_ name: String) throws {
    let model = try CausalLM.load(try ModelFile.open(Fixture.path("models/tiny-tied")))
    let layers = model.adaptableLayers
    let path = NSTemporaryDirectory() + "lorikeet-\(UUID().uuidString).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    _ = try GGUFAdapterFile.write(
      try LoRAAdapter.read(Fixture.path("lora/\(name)"), for: layers), to: path, for: layers,
      name: name)
    model.attach(try LoRAAdapter.read(path, for: layers))
    let reference = try TensorFixture("lora/\(name).logits.safetensors")
    let ids = reference.integers("input_ids.7")
    let logits = model.logits(TokenBatch(sequences: [ids])).flatMap { $0 }
    #expect(relativeError(logits, reference.floats("logits.7")) < 2e-6)
  }
}
