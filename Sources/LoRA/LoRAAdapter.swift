public import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// All adapted layers of a model, their numbers in one flat buffer in the model's order.
///
/// The flat buffers are what the optimizer steps, the checkpoint writes and the norm is taken of.
public final class LoRAAdapter: @unchecked Sendable {
  /// The adapted layers, in the model's order.
  public let modules: [LoRAModule]
  /// Every A and B, and after each B the magnitudes where there are some.
  public let parameters: FloatBuffer
  /// Their gradients, in the same places.
  public let gradients: FloatBuffer
  /// The share of a layer's inputs dropped in training.
  public let dropout: Float
  /// Whether the first half of each module's ranks learns and the rest stays as it is, as PiSSA has it.
  public let learnsHalf: Bool
  /// What `adapter_config.json` says beside the tensors.
  public let configuration: LoRAConfiguration
  private let byName: [String: LoRAModule]

  /// Makes an adapter of zeros.
  ///
  /// - Parameter learnsHalf: whether only the first half of each module's ranks, which are even then, is to learn.
  public init(
    shapes: [LoRAModuleShape], configuration: LoRAConfiguration, learnsHalf: Bool = false
  ) {
    precondition(
      !learnsHalf || shapes.allSatisfy { $0.rank % 2 == 0 }, "half of the ranks are whole ones")
    let count = shapes.reduce(0) { $0 + $1.parameterCount }
    let parameters = FloatBuffer(count: count)
    let gradients = FloatBuffer(count: count)
    var offset = 0
    var modules: [LoRAModule] = []
    for shape in shapes {
      modules.append(
        LoRAModule(
          shape: shape, learnsHalf: learnsHalf, parameters: parameters, gradients: gradients,
          offset: offset))
      offset += shape.parameterCount
    }
    self.modules = modules
    self.parameters = parameters
    self.gradients = gradients
    self.configuration = configuration
    self.learnsHalf = learnsHalf
    dropout = Float(configuration.dropout)
    byName = Dictionary(uniqueKeysWithValues: modules.map { ($0.name, $0) })
  }

  /// The adapter of the layer at a Hugging Face path, if it has one.
  public func module(named name: String) -> LoRAModule? { byName[name] }

  /// How an adapter's numbers begin, as PEFT's `init_lora_weights`.
  public enum Initialization: Sendable {
    /// A uniform in ±1/√inputs (Kaiming with a = √5), B zero: `true`.
    case kaimingUniform
    /// A normal with standard deviation 1/rank, B zero: `"gaussian"`.
    case gaussian
  }

  /// Draws every A and clears every B; each matrix's numbers depend on the seed and its name alone.
  public func initialize(_ initialization: Initialization, seed: UInt64) {
    for module in modules {
      let random = CounterRandom(seed: seed, purpose: "lora_A \(module.name)")
      let count = module.rank * module.inputs
      switch initialization {
      case .kaimingUniform:
        let bound = 1 / Float(module.inputs).squareRoot()
        for index in 0..<count { module.a[index] = (2 * random.uniform(UInt64(index)) - 1) * bound }
      case .gaussian:
        for index in 0..<count {
          let w = random.words(UInt64(index))
          let radius = (-2 * log((Double(w.0) + 0.5) * 0x1p-32)).squareRoot()
          let angle = 2 * Double.pi * (Double(w.1) + 0.5) * 0x1p-32
          module.a[index] = Float(radius * cos(angle)) / Float(module.rank)
        }
      }
      module.b.update(repeating: 0, count: module.rank * module.outputs)
    }
  }

  /// Sets every gradient to zero.
  public func clearGradients() { gradients.base.update(repeating: 0, count: gradients.count) }
}
