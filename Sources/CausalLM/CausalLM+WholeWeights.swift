internal import Kernels
public import LoRA
internal import Quantization

/// Weights that are trained as a whole: which there are, and how they take the place of the frozen ones.
extension CausalLM {
  /// Every weight of the model, in the order of Hugging Face's module tree; a head of its own where it is tied, too,
  /// since it may be trained apart from the embeddings.
  public var weights: [WholeWeightShape] {
    let c = configuration
    let table = [c.vocabularySize, c.hiddenSize]
    return [WholeWeightShape(module: "model.embed_tokens", dimensions: table)]
      + layers.flatMap { layer in
        layer.linears.flatMap { linear in
          [
            WholeWeightShape(
              module: linear.name, dimensions: [linear.weight.rows, linear.weight.columns])
          ] + (linear.bias.map { [Self.shape(of: $0)] } ?? [])
        } + layer.norms.map(Self.shape)
      } + [Self.shape(of: finalNorm), WholeWeightShape(module: "lm_head", dimensions: table)]
  }

  /// What full fine-tuning trains: every weight once, a tied head as the embeddings that it is.
  public var fullWeights: [WholeWeightShape] {
    weights.filter { !configuration.isTied || $0.module != "lm_head" }
  }

  /// Reads the adapter at `path`, a PEFT folder or a GGUF file, for this model.
  ///
  /// - Throws: `LoRAError`, or `ModelFileError` for a file that is damaged.
  public func readAdapter(_ path: String) throws -> LoRAAdapter {
    try LoRAAdapter.read(path, for: adaptableLayers, weights: weights)
  }

  /// Gives the whole weights of `adapter` the numbers that the model has for them, in f32.
  ///
  /// The pages of a mapped file are given back behind each.
  public func fillWholeWeights(of adapter: LoRAAdapter) {
    let linears = Dictionary(
      uniqueKeysWithValues: layers.flatMap(\.linears).map { ("\($0.name).weight", $0.weight) })
    let vectors = Dictionary(uniqueKeysWithValues: vectors.map { ($0.name, $0) })
    for whole in adapter.wholeWeights {
      if let vector = vectors[whole.name] {
        whole.values.update(from: vector.stored.base, count: whole.count)
        continue
      }
      let source =
        linears[whole.name] ?? (whole.shape.module == "lm_head" ? head : embedding)
      Parallel.rows(source.rows, block: 64) { rows, _ in
        source.read(rows, into: whole.values + rows.lowerBound * source.columns)
      }
      source.releaseStoredPages()
    }
  }

  /// Puts the whole weights of the adapter in use in the places of the frozen ones.
  func placeWholeWeights() {
    for linear in layers.flatMap(\.linears) {
      linear.whole = adapter?.wholeWeight(named: "\(linear.name).weight")
    }
    for vector in vectors { vector.whole = adapter?.wholeWeight(named: vector.name) }
    wholeEmbedding = adapter?.wholeWeight(named: "model.embed_tokens.weight")
    // Beside adapters a tied head stays what it was, as in PEFT; a whole model stays tied.
    let isTied = configuration.isTied && adapter?.isFullModel ?? false
    wholeHead = isTied ? wholeEmbedding : adapter?.wholeWeight(named: "lm_head.weight")
  }

  /// Makes what is computed with agree with an adapter's present numbers; to be called when they have changed.
  ///
  /// Nothing for plain LoRA. For DoRA's norms it costs a product of the frozen weights with as many rows as the adapter
  /// has ranks.
  public func takeUpParameters() {
    for vector in vectors { vector.refresh() }
    updateMagnitudes()
  }

  /// The embeddings in use, `[vocabulary, hidden]`.
  var activeEmbedding: WeightMatrix {
    usesAdapter ? wholeEmbedding?.matrix ?? embedding : embedding
  }

  /// The head in use.
  var activeHead: WeightMatrix { usesAdapter ? wholeHead?.matrix ?? head : head }

  /// The frozen matrices that are computed with while the adapter is in use, each once.
  var frozenMatrices: [WeightMatrix] {
    let isEmbeddingRead = wholeEmbedding == nil || (configuration.isTied && wholeHead == nil)
    return layers.flatMap(\.linears).filter { $0.whole == nil }.map(\.weight)
      + (isEmbeddingRead ? [embedding] : [])
      + (configuration.isTied || wholeHead != nil ? [] : [head])
  }

  /// Norms and biases.
  var vectors: [VectorWeight] {
    layers.flatMap { $0.linears.compactMap(\.bias) + $0.norms } + [finalNorm]
  }

  /// Adds the gradient of a norm's weight, where it is trained.
  ///
  /// - Parameters:
  ///   - gradOutput: ∂loss/∂(the norm's output).
  ///   - rstd: as the forward pass wrote it.
  func addNormGradient(
    _ norm: VectorWeight, _ gradOutput: Matrix, input: Matrix, rstd: FloatBuffer
  ) {
    guard let whole = norm.trained else { return }
    profile.measure(.weightGradients) {
      WeightGradient.addNorm(gradOutput, input: input, rstd: rstd.base, to: whole.gradients)
    }
  }

  private static func shape(of vector: VectorWeight) -> WholeWeightShape {
    let parts = vector.name.split(separator: ".")
    return WholeWeightShape(
      module: parts.dropLast().joined(separator: "."), part: String(parts.last ?? ""),
      dimensions: [vector.count])
  }
}

extension DecoderLayer {
  /// The norms that the block has.
  var norms: [VectorWeight] {
    [queryNorm, keyNorm, inputNorm, attentionOutputNorm, mlpNorm, mlpOutputNorm].compactMap { $0 }
  }
}
