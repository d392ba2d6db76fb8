internal import Kernels
public import ModelFiles
internal import Quantization

extension CausalLM {
  /// How the linear layers' weights are kept.
  public enum Precision: Sendable, Equatable {
    /// As the file has them, mapped and not copied.
    case stored
    /// NF4, quantised while loading; embeddings, head and norms stay as they are, as in QLoRA.
    case nf4(doubleQuantized: Bool)

    /// The name that `lorikeet.json` records.
    public var name: String {
      switch self {
      case .stored: "file"
      case .nf4: "nf4"
      }
    }
  }

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - file: the opened model; it stays mapped as long as the model lives.
  ///   - precision: how the linear layers are kept.
  ///   - progress: hears of each linear layer that is done.
  /// - Throws: `ModelError`.
  public static func load(
    _ file: ModelFile, precision: Precision = .stored,
    progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws(ModelError) -> CausalLM {
    let configuration = try ModelConfiguration(
      file.configuration, blocks: file.blocks, path: file.path)
    let c = configuration
    let loader = Loader(file: file, precision: precision, normOffset: c.blocks.normOffset)
    let rotations = Rotations(c)
    let embedding = try loader.matrix(
      "model.embed_tokens", c.vocabularySize, c.hiddenSize, isLinear: false)
    let head =
      c.isTied
      ? embedding : try loader.matrix("lm_head", c.vocabularySize, c.hiddenSize, isLinear: false)
    var layers: [DecoderLayer] = []
    for index in 0..<c.layerCount {
      let prefix = "model.layers.\(index)"
      func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws(ModelError) -> Linear {
        let path = "\(prefix).\(name)"
        let isBiased = c.blocks.biasedLinears.contains(String(name.split(separator: ".")[1]))
        return Linear(
          name: path, weight: try loader.matrix(path, outputs, inputs, isLinear: true),
          bias: isBiased ? try loader.vector(path, outputs, part: "bias") : nil,
          gguf: file.ggufName(of: "\(path).weight"))
      }
      let headNorms =
        c.blocks.normalizesQueriesAndKeys
        ? (
          query: try loader.norm("\(prefix).self_attn.q_norm", c.headDimension),
          key: try loader.norm("\(prefix).self_attn.k_norm", c.headDimension)
        ) : nil
      func norm(_ name: String) throws(ModelError) -> FloatBuffer {
        try loader.norm("\(prefix).\(name)_layernorm", c.hiddenSize)
      }
      let hasOutputNorms = c.blocks.normalizesOutputs
      layers.append(
        DecoderLayer(
          inputNorm: try norm("input"),
          mlpNorm: try norm(hasOutputNorms ? "pre_feedforward" : "post_attention"),
          outputNorms: hasOutputNorms
            ? (attention: try norm("post_attention"), mlp: try norm("post_feedforward")) : nil,
          query: try linear("self_attn.q_proj", c.queryWidth, c.hiddenSize),
          key: try linear("self_attn.k_proj", c.keyValueWidth, c.hiddenSize),
          value: try linear("self_attn.v_proj", c.keyValueWidth, c.hiddenSize),
          output: try linear("self_attn.o_proj", c.hiddenSize, c.queryWidth),
          gate: try linear("mlp.gate_proj", c.intermediateSize, c.hiddenSize),
          up: try linear("mlp.up_proj", c.intermediateSize, c.hiddenSize),
          down: try linear("mlp.down_proj", c.hiddenSize, c.intermediateSize),
          headNorms: headNorms, rotary: rotations.rotary(ofBlock: index, c.blocks),
          window: c.blocks.window(ofBlock: index), isLast: index == c.layerCount - 1))
      progress(index + 1, c.layerCount)
    }
    return CausalLM(
      configuration: configuration, embedding: embedding, head: head, layers: layers,
      rotations: rotations, finalNorm: try loader.norm("model.norm", c.hiddenSize))
  }

  private struct Loader {
    let file: ModelFile
    let precision: Precision
    let normOffset: Float

    private func stored(
      _ module: String, _ shape: [Int], part: String = "weight"
    ) throws(ModelError) -> StoredTensor {
      let name = "\(module).\(part)"
      guard let tensor = file.tensor(named: name) else {
        throw .missingTensor(path: file.path, name: name)
      }
      guard tensor.shape == shape else {
        throw .shapeMismatch(path: file.path, name: name, found: tensor.shape, expected: shape)
      }
      return tensor
    }

    func vector(
      _ name: String, _ count: Int, part: String = "weight"
    ) throws(ModelError) -> FloatBuffer {
      FloatBuffer(try stored(name, [count], part: part).values())
    }

    func norm(_ name: String, _ count: Int) throws(ModelError) -> FloatBuffer {
      let weights = try vector(name, count)
      if normOffset != 0 {
        for index in 0..<count { weights.base[index] += normOffset }
      }
      return weights
    }

    func matrix(_ name: String, _ rows: Int, _ columns: Int, isLinear: Bool) throws(ModelError)
      -> WeightMatrix
    {
      let tensor = try stored(name, [rows, columns])
      if isLinear, case .nf4(let isDouble) = precision {
        return WeightMatrix(quantize(tensor, rows, columns, isDouble))
      }
      guard let base = tensor.bytes.baseAddress else {
        throw .missingTensor(path: file.path, name: "\(name).weight")
      }
      let order = tensor.rowPermutationHeads.map { heads in
        let permutation = RowPermutation(rows: rows, heads: heads)
        return (0..<rows).map { Int32(permutation.ggufRow($0)) }
      }
      return WeightMatrix(
        rows: rows, columns: columns, type: tensor.type, base: base, rowOrder: order,
        owner: tensor.file)
    }

    /// Quantises slab by slab, then lets the source's pages go, so that both never stand in memory whole.
    private func quantize(_ tensor: StoredTensor, _ rows: Int, _ columns: Int, _ isDouble: Bool)
      -> NF4Matrix
    {
      let quantizer = NF4Quantizer(rows: rows, columns: columns, doubleQuantized: isDouble)
      let slabs = quantizer.slabs(ofRows: 32)
      let count = (slabs.map(\.count).max() ?? 0) * columns
      Parallel.run(slabs.count, scratchCount: count) { task, scratch in
        tensor.dequantize(rows: slabs[task], into: scratch)
        quantizer.quantize(slabs[task], from: scratch)
      }
      tensor.releasePages()
      return quantizer.finish()
    }
  }
}
