internal import CausalLM
internal import Configuration
internal import Datasets
internal import Inference
internal import Kernels
internal import LoRA
internal import ModelFiles
internal import Quantization
internal import Training

extension SelfTest {
  static var modelChecks: [Check] {
    [
      Check(
        name: "gradients",
        claim: "each matrix of an adapter has the slope that central differences find", bound: 1e-3,
        measure: gradients),
      Check(
        name: "all weights",
        claim: "embeddings, norms and linear layers have the slopes of central differences",
        bound: 1e-3,
        measure: wholeGradients),
      Check(
        name: "row order in GGUF",
        claim: "queries and keys are permuted as llama.cpp wants them, and back", bound: 0,
        measure: permutation),
      Check(
        name: "decoding", claim: "with its cache gives the tokens of the whole forward pass",
        bound: 0, measure: decoding),
      Check(
        name: "merge", claim: "the merged model has the logits of base and adapter", bound: 1e-5,
        measure: merge),
      Check(
        name: "adapter files",
        claim: "an adapter comes back from PEFT's and GGUF's files bit by bit",
        bound: 0, measure: adapterFiles),
    ]
  }

  /// A model in `folder`, with an adapter on every linear layer whose B is not zero.
  static func adaptedModel(in folder: String) throws -> (ChatModel, LoRAAdapter) {
    let path = "\(folder)/model"
    try SyntheticModel.write(to: path)
    let chat = try ChatModel(path: path)
    let adapter = try LoRAAdapter.starting(
      RunConfiguration.LoRA(rank: 4, alpha: 8), for: chat.model, seed: 42)
    for module in adapter.modules {
      let random = CounterRandom(seed: 3, purpose: module.name)
      for index in 0..<module.rank * module.outputs {
        module.b[index] = 0.1 * (2 * random.uniform(UInt64(index)) - 1)
      }
    }
    chat.model.attach(adapter)
    return (chat, adapter)
  }

  /// Rows of seeded tokens after one of two beginnings, a part of each counted.
  static func examples(_ count: Int) -> [TokenizedExample] {
    let random = CounterRandom(seed: 5, purpose: "examples")
    func tokens(_ count: Int, _ stream: Int) -> [Int32] {
      (0..<count).map { Int32(3 + random.integer(below: 256, UInt64($0), stream: UInt64(stream))) }
    }
    let beginnings = [tokens(24, 0), tokens(31, 1)]
    return (0..<count).map { index in
      let tail = tokens(6 + index % 5, 2 + index)
      let row = [1] + beginnings[index % 2] + tail
      let weights = (0..<row.count).map { $0 + tail.count < row.count ? Float(0) : 1 }
      return TokenizedExample(
        tokens: row, lossWeights: weights, source: ExampleSource(path: "self test", line: index + 1)
      )
    }
  }

  /// The gradient of the mean loss over examples, laid out as `parts`.
  static func gradient(
    _ model: CausalLM, _ adapter: LoRAAdapter, _ examples: [TokenizedExample], parts: [[Int]],
    sharesPrefixes: Bool = false
  ) -> (loss: Double, gradients: [Float]) {
    adapter.clearGradients()
    let scale = 1 / Float(examples.reduce(0) { $0 + $1.supervisedTokens })
    var sums = LossSums()
    for part in parts {
      let batch = MicroBatch(examples, indices: part, sharesPrefixes: sharesPrefixes)
      sums += model.accumulateGradients(batch, gradientScale: scale, dropout: nil)
    }
    return (sums.mean, adapter.gradients.array)
  }

  private static func gradients(_ folder: String) throws -> Double {
    let (chat, adapter) = try adaptedModel(in: folder)
    return worstSlope(
      chat.model, adapter,
      of: adapter.modules.flatMap { module in
        [
          (module.a, module.gradA, module.rank * module.inputs),
          (module.b, module.gradB, module.rank * module.outputs),
        ]
      })
  }

  private static func wholeGradients(_ folder: String) throws -> Double {
    let path = "\(folder)/model"
    try SyntheticModel.write(to: path)
    let model = try ChatModel(path: path).model
    let weights = LoRAAdapter.allWeights(of: model)
    model.attach(weights)
    return worstSlope(
      model, weights, of: weights.wholeWeights.map { ($0.values, $0.gradients, $0.count) })
  }

  /// Along its own gradient the loss rises by the gradient's length: by how much it does not, relative, at worst.
  ///
  /// - Parameter parameters: matrices or vectors, each with its gradient and its number of elements.
  private static func worstSlope(
    _ model: CausalLM, _ adapter: LoRAAdapter,
    of parameters: [(UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int)]
  ) -> Double {
    let examples = examples(3)
    let batch = MicroBatch(examples, indices: Array(examples.indices))
    _ = gradient(model, adapter, examples, parts: [Array(examples.indices)])
    var worst = 0.0
    for (values, slope, count) in parameters {
      let length = (0..<count).reduce(0.0) { $0 + Double(slope[$1]) * Double(slope[$1]) }
        .squareRoot()
      guard length > 0 else { return .infinity }
      let kept = (0..<count).map { values[$0] }
      func loss(_ step: Double) -> Double {
        for index in 0..<count {
          values[index] = kept[index] + Float(step * Double(slope[index]) / length)
        }
        model.takeUpParameters()
        return model.loss(batch).mean
      }
      let step = 2e-2
      // Two widths, so that what is left of the curvature is of the fourth order.
      let wide = (loss(2 * step) - loss(-2 * step)) / (4 * step)
      let narrow = (loss(step) - loss(-step)) / (2 * step)
      let found = (4 * narrow - wide) / 3
      for index in 0..<count { values[index] = kept[index] }
      worst = max(worst, abs(found - length) / length)
    }
    model.takeUpParameters()
    return worst
  }

  private static func permutation(_ folder: String) throws -> Double {
    let (chat, _) = try adaptedModel(in: folder)
    chat.model.attach(nil)
    let path = "\(folder)/model.gguf"
    _ = try GGUFModelWriter.quantize(chat.file, to: path, as: .f32)
    let file = try ModelFile.open(path)
    let name = "model.layers.1.self_attn.k_proj.weight"
    guard let ours = chat.file.tensor(named: name), let theirs = file.tensor(named: name) else {
      return .infinity
    }
    // Hugging Face keeps the halves of a head's rotated pairs apart, llama.cpp keeps each pair together.
    let (columns, half) = (ours.columnCount, 8)
    let plain = ours.values()
    let stored = theirs.bytes.withMemoryRebound(to: Float.self) { Array($0) }
    var wrong = 0
    for head in 0..<2 {
      for row in 0..<2 * half {
        let place = head * 2 * half + 2 * (row % half) + row / half
        let from = (head * 2 * half + row) * columns
        for column in 0..<columns where stored[place * columns + column] != plain[from + column] {
          wrong += 1
        }
      }
    }
    let tokens = examples(1)[0].tokens
    let batch = TokenBatch(sequences: [tokens])
    let copy = try CausalLM.load(file)
    let same = copy.logits(batch) == chat.model.logits(batch)
    return Double(wrong) + (same ? 0 : 1)
  }

  private static func decoding(_ folder: String) throws -> Double {
    let (chat, _) = try adaptedModel(in: folder)
    let prompts = examples(3).map(\.tokens)
    let generator = Generator(model: chat.model, stopTokens: [], maxTokens: 12)
    var wrong = 0
    for (prompt, completion) in zip(prompts, generator.complete(prompts)) {
      var tokens = prompt
      for token in completion.tokens {
        let logits = chat.model.logits(TokenBatch(sequences: [tokens]), rows: [tokens.count - 1])[0]
        let likeliest = logits.indices.max { logits[$0] < logits[$1] } ?? 0
        if Int(token) != likeliest { wrong += 1 }
        tokens.append(token)
      }
    }
    return Double(wrong)
  }

  private static func merge(_ folder: String) throws -> Double {
    let (chat, adapter) = try adaptedModel(in: folder)
    let texts = examples(4)
    return try ["merged.gguf", "merged"].map { name in
      let path = "\(folder)/\(name)"
      let rows = ModelMerge(chat, adapter: adapter).rows
      if name.hasSuffix(".gguf") {
        _ = try GGUFModelWriter.write(chat.file, to: path, as: .f32, rows: rows)
      } else {
        _ = try HuggingFaceWriter.write(chat.file, to: path, as: .f32, rows: rows)
      }
      let merged = try ChatModel(path: path)
      return ModelDistance(from: chat.model, to: merged.model, on: texts).logits
    }.max() ?? .infinity
  }

  private static func adapterFiles(_ folder: String) throws -> Double {
    let (chat, adapter) = try adaptedModel(in: folder)
    let layers = chat.model.adaptableLayers
    try AdapterFolder.save(adapter, as: "\(folder)/adapter", baseModel: "synthetic")
    _ = try GGUFAdapterFile.write(
      adapter, to: "\(folder)/adapter.gguf", for: layers, as: .f32, name: "synthetic", metadata: [])
    let kept = adapter.parameters.array.map(\.bitPattern)
    return try ["adapter", "adapter.gguf"].reduce(0) { wrong, name in
      let read = try LoRAAdapter.read("\(folder)/\(name)", for: layers)
      guard read.parameters.count == kept.count else { return .infinity }
      return wrong + Double(zip(read.parameters.array, kept).count { $0.bitPattern != $1 })
    }
  }
}
