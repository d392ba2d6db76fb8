public import Kernels
public import LoRA
internal import ModelFiles
public import Quantization

/// A decoder-only transformer with frozen weights and, where one is attached, a LoRA adapter.
///
/// Not for several threads at once: passes share buffers, and parallelism is inside them.
///
/// Unchecked: confined by its callers to one thread at a time.
public final class CausalLM: @unchecked Sendable {
  /// The model's shape.
  public let configuration: ModelConfiguration
  /// Token embeddings, `[vocabulary, hidden]`.
  public let embedding: WeightMatrix
  /// The output head, `[vocabulary, hidden]`; the embedding matrix itself where tied.
  public let head: WeightMatrix
  let layers: [DecoderLayer]
  let finalNorm: FloatBuffer
  /// The rotations of the blocks.
  let rotations: Rotations
  let attention: CausalAttention
  /// Where the time of passes goes.
  public let profile = StepProfile()
  /// How products with frozen weights are computed.
  public private(set) var arithmetic = Arithmetic.f32
  // The head's product; its outputs are set for each chunk of logits.
  var headProducts: [WeightMatrix.Product]
  // Where activations are quantised, when it is in integers.
  private(set) var planes: ActivationPlanes?
  // What DoRA's norms are made in.
  let magnitudeWorkspace = MagnitudeVector.Workspace()
  // What the adapters' products are made from.
  private(set) var adapterWorkspace = LoRAStack.Workspace()
  private(set) var recordingStore: ActivationStore?
  private(set) var plainStore: ActivationStore?

  /// How training passes keep what the backward pass reads.
  public private(set) var activationPlan = ActivationPlan()

  /// The adapter in use; attaching one, or nil, is how base and tuned model are told apart.
  public private(set) var adapter: LoRAAdapter?

  init(
    configuration: ModelConfiguration, embedding: WeightMatrix, head: WeightMatrix,
    layers: [DecoderLayer], rotations: Rotations, finalNorm: FloatBuffer
  ) {
    self.configuration = configuration
    self.embedding = embedding
    self.head = head
    headProducts = [
      WeightMatrix.Product(weight: head, outputs: Matrix(finalNorm.base, rows: 0, columns: 0))
    ]
    self.layers = layers
    lowestAdaptedLayer = layers.count
    self.finalNorm = finalNorm
    self.rotations = rotations
    attention = CausalAttention(
      heads: configuration.headCount, keyValueHeads: configuration.keyValueHeadCount,
      headDimension: configuration.headDimension, scale: configuration.attentionScale,
      softCap: configuration.blocks.attentionSoftCap)
  }

  /// The layers that may be adapted, in the model's order.
  public var adaptableLayers: [LoRAConfiguration.Layer] {
    layers.flatMap(\.linears).map {
      LoRAConfiguration.Layer(
        name: $0.name, inputs: $0.weight.columns, outputs: $0.weight.rows, gguf: $0.gguf)
    }
      + (configuration.isTied
        ? []
        : [
          LoRAConfiguration.Layer(
            name: "lm_head", inputs: head.columns, outputs: head.rows, isHead: true)
        ])
  }

  /// Uses `adapter` from now on, or none.
  public func attach(_ adapter: LoRAAdapter?) {
    self.adapter = adapter
    let workspace = LoRAStack.Workspace()
    adapterWorkspace = workspace
    for layer in layers {
      for linear in layer.linears { linear.module = adapter?.module(named: linear.name) }
      for group in layer.groups { group?.attach(workspace) }
    }
    lowestAdaptedLayer = layers.firstIndex(where: \.isAdapted) ?? layers.count
    updateMagnitudes()
    keepActivations(ActivationPlan())
  }

  /// Keeps activations as `plan` says from now on; attaching an adapter goes back to keeping all of them in f32.
  public func keepActivations(_ plan: ActivationPlan) {
    activationPlan = plan
    recordingStore = nil
    plainStore = nil
  }

  /// Computes products with frozen weights in `arithmetic` from now on.
  ///
  /// In integers every linear layer and the head are rounded to 8 bits first, one byte a weight beside the stored ones;
  /// in f32 that memory is given back.
  public func compute(in arithmetic: Arithmetic) {
    self.arithmetic = arithmetic
    planes = arithmetic == .f32 ? nil : ActivationPlanes(arithmetic)
    for weight in layers.flatMap(\.linears).map(\.weight) + [head] {
      arithmetic == .f32 ? weight.dropIntegers() : weight.prepareForIntegers()
    }
  }

  /// Runs `body` in f32, whatever training computes in: what an adapter comes to is judged on the weights as they are.
  public func inF32<Result>(_ body: () throws -> Result) rethrows -> Result {
    let kept = planes
    planes = nil
    defer { planes = kept }
    return try body()
  }

  /// Runs `body` as if no adapter were attached.
  public func withoutAdapter<Result>(_ body: () throws -> Result) rethrows -> Result {
    let groups = layers.flatMap { $0.groups.compactMap { $0 } }
    for group in groups { group.isEnabled = false }
    defer { for group in groups { group.isEnabled = true } }
    return try body()
  }

  /// The frozen weight of the linear layer at a Hugging Face path.
  public func weight(named name: String) -> WeightMatrix? {
    layers.flatMap(\.linears).first { $0.name == name }?.weight
  }

  /// Bytes that all weights take, those of a mapped file included.
  public var weightBytes: Int {
    layers.flatMap(\.linears).reduce(
      embedding.byteCount + (configuration.isTied ? 0 : head.byteCount)
    ) {
      $0 + $1.weight.byteCount
    }
  }

  /// The first block that has an adapter: below it nothing needs a gradient.
  private(set) var lowestAdaptedLayer: Int

  /// Buffers for a pass over `tokens` tokens; what was in them is lost.
  ///
  /// A pass that records nothing takes those of training where they are large enough: between steps they hold nothing.
  func store(tokens: Int, isRecording: Bool) -> ActivationStore {
    if let recordingStore, recordingStore.capacity >= tokens { return recordingStore }
    if !isRecording, let plainStore, plainStore.capacity >= tokens { return plainStore }
    var plan = activationPlan
    plan.tokens = ActivationPlan.capacity(isRecording ? max(tokens, plan.tokens) : tokens)
    // The old buffers go before the new ones come.
    plainStore = nil
    guard isRecording else {
      let store = ActivationStore(model: self, plan: plan, isRecording: false)
      plainStore = store
      return store
    }
    recordingStore = nil
    let store = ActivationStore(model: self, plan: plan, isRecording: true)
    recordingStore = store
    return store
  }
}
