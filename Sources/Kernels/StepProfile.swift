internal import CMicroKernels

/// Where the seconds of a step go, part by part, as the thread that runs the model sees them.
///
/// Always on: reading the clock twice around a part costs some fifty nanoseconds, of parts that take microseconds.
public final class StepProfile {
  /// The parts of a step.
  public enum Part: Int, Sendable, CaseIterable, CustomStringConvertible {
    /// Laying rows out as a micro-batch.
    case batch
    /// Reading the tokens' embeddings.
    case embedding
    /// Reading and writing activations below the adapters.
    case trunk
    /// Norms, forward and backward.
    case norm
    /// Frozen weights, forward, with the adapters' B.
    case weightsForward
    /// Frozen weights, backward, with the adapters' A.
    case weightsBackward
    /// The adapters' other products: z = A x, u = Bᵀ ∂y, and the gradients of A and B.
    case adapters
    /// The gradients of weights that are trained themselves.
    case weightGradients
    /// Dropout's masks.
    case dropout
    /// Rotary embedding, forward and backward.
    case rotary
    /// Attention, forward.
    case attentionForward
    /// Attention, backward.
    case attentionBackward
    /// The MLP's gate, forward and backward.
    case swiglu
    /// Residual sums.
    case residual
    /// Rounding activations that are kept in bf16, and reading them back.
    case keeping
    /// The output head, forward.
    case headForward
    /// The output head, backward.
    case headBackward
    /// Cross-entropy and its gradient.
    case loss
    /// Clipping and AdamW.
    case optimizer

    /// The part's name in reports.
    public var description: String {
      switch self {
      case .batch: "micro-batch"
      case .embedding: "embedding"
      case .trunk: "trunk cache"
      case .norm: "norms"
      case .weightsForward: "frozen weights, forward"
      case .weightsBackward: "frozen weights, backward"
      case .adapters: "adapters' own products"
      case .weightGradients: "gradients of trained weights"
      case .dropout: "dropout"
      case .rotary: "rotary embedding"
      case .attentionForward: "attention, forward"
      case .attentionBackward: "attention, backward"
      case .swiglu: "SwiGLU"
      case .residual: "residual sums"
      case .keeping: "keeping activations"
      case .headForward: "head, forward"
      case .headBackward: "head, backward"
      case .loss: "loss"
      case .optimizer: "optimizer"
      }
    }
  }

  private let nanoseconds: UnsafeMutablePointer<Int>

  /// Begins at zero.
  public init() {
    nanoseconds = .allocate(capacity: Part.allCases.count)
    nanoseconds.initialize(repeating: 0, count: Part.allCases.count)
  }

  deinit { nanoseconds.deallocate() }

  /// Runs `body` and adds its time to a part.
  public func measure<Result>(_ part: Part, _ body: () throws -> Result) rethrows -> Result {
    let began = Int(lk_nanoseconds())
    defer { nanoseconds[part.rawValue] += Int(lk_nanoseconds()) - began }
    return try body()
  }

  /// Seconds of a part so far.
  public subscript(part: Part) -> Double { Double(nanoseconds[part.rawValue]) * 1e-9 }

  /// Seconds of all parts so far.
  public var total: Double { Part.allCases.reduce(0) { $0 + self[$1] } }

  /// Begins at zero again.
  public func reset() { nanoseconds.update(repeating: 0, count: Part.allCases.count) }
}
