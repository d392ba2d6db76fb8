internal import Kernels
public import Quantization

/// A weight of the model that is trained as a whole, in place of the frozen one.
///
/// Its values begin as the model's own, in f32, whatever the file keeps them as. Values and gradient are stretches of
/// the adapter's flat buffers, so that clipping, the optimizer and checkpoints treat them as they do A and B.
public final class WholeWeight: @unchecked Sendable {
  /// What it looks like.
  public let shape: WholeWeightShape
  /// Its numbers as Hugging Face keeps them, row-major.
  public let values: UnsafeMutablePointer<Float>
  /// ∂loss/∂values.
  public let gradients: UnsafeMutablePointer<Float>
  /// The values as products read them; nil for a vector.
  public let matrix: WeightMatrix?

  // Own the memory, for a weight that outlives its adapter.
  private let owners: [FloatBuffer]

  /// The tensor's Hugging Face name, such as `lm_head.weight`.
  public var name: String { shape.name }
  /// How many numbers there are.
  public var count: Int { shape.parameterCount }

  /// Makes the weight that begins at `offset` of an adapter's flat buffers.
  init(
    _ shape: WholeWeightShape, parameters: FloatBuffer, gradients: FloatBuffer, offset: Int
  ) {
    self.shape = shape
    owners = [parameters, gradients]
    values = parameters.base + offset
    self.gradients = gradients.base + offset
    matrix =
      shape.dimensions.count == 2
      ? WeightMatrix(
        rows: shape.dimensions[0], columns: shape.dimensions[1], type: .f32,
        base: UnsafeRawPointer(values), owner: parameters) : nil
  }
}

extension WholeWeight {
  /// Writes rows of a matrix, or the one row that a vector is, to `values`.
  public func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    let columns = shape.dimensions.last ?? 1
    values.update(from: self.values + rows.lowerBound * columns, count: rows.count * columns)
  }
}

/// What a weight that may be trained as a whole looks like, before there is memory for it.
public struct WholeWeightShape: Sendable, Equatable {
  /// The path of the module that it belongs to, such as `model.layers.0.self_attn.q_proj`.
  public var module: String
  /// What the module calls it: `weight` or `bias`.
  public var part: String
  /// Row-major; `[outputs, inputs]`, `[vocabulary, hidden]`, or one number.
  public var dimensions: [Int]

  /// Describes a weight.
  public init(module: String, part: String = "weight", dimensions: [Int]) {
    self.module = module
    self.part = part
    self.dimensions = dimensions
  }

  /// The tensor's Hugging Face name.
  public var name: String { "\(module).\(part)" }
  /// How many numbers there are.
  public var parameterCount: Int { dimensions.reduce(1, *) }

  /// Whether AdamW's weight decay applies to it.
  ///
  /// Not to biases and norms, as in Transformers' `Trainer.get_decay_parameter_names`.
  public var decays: Bool { dimensions.count > 1 }
}

extension LoRAConfiguration {
  /// The weights of the modules that `modules_to_save` names.
  ///
  /// A module is meant where its path ends with a name, as PEFT has it: `norm` means every norm.
  ///
  /// - Parameter weights: all weights of the model.
  /// - Throws: `LoRAError.noSuchModule` for a name that means none.
  public func wholeShapes(
    of weights: [WholeWeightShape]
  ) throws(LoRAError) -> [WholeWeightShape] {
    for name in wholeModules where !weights.contains(where: { $0.module.hasSuffix(name) }) {
      var known: [String] = []
      for weight in weights {
        let last = String(weight.module.split(separator: ".").last ?? "")
        if !known.contains(last) { known.append(last) }
      }
      throw .noSuchModule(name: name, known: known)
    }
    return weights.filter { isWhole($0.module) }
  }

  /// Whether the module at a Hugging Face path is trained as a whole.
  func isWhole(_ module: String) -> Bool { wholeModules.contains { module.hasSuffix($0) } }
}
