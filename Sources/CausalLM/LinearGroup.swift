internal import Kernels
internal import LoRA
internal import Quantization

/// Linear layers that read the same input: q, k and v; gate and up; or one alone.
///
/// Their frozen products run as one job, and so do their adapters' products with the input.
///
///     y_i = W_i x + bias_i + scale_i · B_i (A_i dropout_i(x))
///
/// What DoRA's magnitudes change of that is in `LinearGroup+Magnitudes`.
final class LinearGroup {
  let linears: [Linear]
  /// The adapters, as the linear layers have them; nil where none is adapted.
  private(set) var stack: LoRAStack?
  /// Off while the base is asked for.
  var isEnabled = true
  // For each linear layer, its place in the stack.
  private(set) var places: [Int?]
  var products: [WeightMatrix.Product] = []
  // The product of one linear layer alone.
  var single: [WeightMatrix.Product] = []

  init(_ linears: [Linear]) {
    self.linears = linears
    places = linears.map { _ in nil }
  }

  /// Takes up the adapters that the linear layers now have.
  ///
  /// - Parameter workspace: memory of the products with them, which all groups share.
  func attach(_ workspace: LoRAStack.Workspace) {
    let modules = linears.compactMap(\.module)
    stack = modules.isEmpty ? nil : LoRAStack(modules, workspace: workspace)
    var next = 0
    places = linears.map { linear in
      guard linear.module != nil else { return nil }
      defer { next += 1 }
      return next
    }
  }

  /// Columns of z, 0 where nothing is adapted.
  var rank: Int { stack?.rank ?? 0 }

  var activeStack: LoRAStack? { isEnabled ? stack : nil }

  /// Whether the backward pass looks at the input.
  var readsInput: Bool { activeStack != nil }

  private func setProducts(_ first: Matrix, _ second: Matrix?, _ third: Matrix?) {
    for (index, linear) in linears.enumerated() {
      guard let outputs = index == 0 ? first : index == 1 ? second : third else {
        preconditionFailure("every linear layer of a group has an output")
      }
      let product = WeightMatrix.Product(weight: linear.weight, outputs: outputs)
      if index < products.count { products[index] = product } else { products.append(product) }
    }
  }

  /// Writes every layer's output, keeping `z` in `down`.
  ///
  /// - Parameters:
  ///   - input: `[tokens, inputs]`.
  ///   - first: the first layer's output, `[tokens, outputs]`, and so on.
  ///   - down: `[tokens, rank]`, where anything is adapted.
  ///   - keys: the rows' dropout keys.
  func forward(
    _ input: Matrix, into first: Matrix, _ second: Matrix? = nil, _ third: Matrix? = nil,
    down: Matrix?, keys: UnsafePointer<UInt64>? = nil, _ context: PassContext
  ) {
    setProducts(first, second, third)
    if let stack = activeStack, let down, let keys, context.dropout > 0, stack.hasMagnitudes {
      forwardDropping(input, stack, down: down, keys: keys, context)
      addBiases(context)
      return
    }
    if let stack = activeStack, let down {
      project(input, into: down, keys: keys, context)
      for (index, place) in places.enumerated() {
        products[index].term = place.map { stack.forwardTerm(down, module: $0) }
      }
    }
    context.profile.measure(.weightsForward) {
      WeightMatrix.forward(
        products, input, planes: context.planes, streams: context.streams)
    }
    if let stack = activeStack, stack.hasMagnitudes { scaleOutputs(stack, context) }
    addBiases(context)
  }

  private func addBiases(_ context: PassContext) {
    for (index, linear) in linears.enumerated() {
      guard let bias = linear.bias else { continue }
      context.profile.measure(.residual) {
        Elementwise.addBias(bias.base, to: products[index].outputs)
      }
    }
  }

  /// Writes `z` of the adapters alone, `[tokens, rank]`.
  func project(
    _ input: Matrix, into down: Matrix, keys: UnsafePointer<UInt64>?, _ context: PassContext
  ) {
    guard let stack = activeStack else { return }
    guard let keys, context.dropout > 0 else {
      context.profile.measure(.adapters) {
        stack.project(input, into: down, streams: context.streams)
      }
      return
    }
    for index in stack.modules.indices {
      let dropped = context.scratch(rows: input.rows, columns: input.columns)
      context.profile.measure(.dropout) {
        Dropout.forward(
          input, keys: keys, module: stack.modules[index].dropoutStream,
          probability: context.dropout, output: dropped)
      }
      context.profile.measure(.adapters) { stack.project(dropped, module: index, into: down) }
    }
  }

  /// Adds the adapters' gradients and, where `gradInput` is given, writes or adds ∂loss/∂input.
  ///
  /// - Parameters:
  ///   - first: ∂loss/∂output of the first layer, `[tokens, outputs]`, and so on.
  ///   - input: the layers' input, made again by the caller; only an adapted group looks at it.
  ///   - down: `z` of the forward pass.
  ///   - keys: the rows' dropout keys.
  func backward(
    _ first: Matrix, _ second: Matrix? = nil, _ third: Matrix? = nil, input: Matrix, down: Matrix?,
    gradInput: Matrix?, accumulate: Bool = false, keys: UnsafePointer<UInt64>? = nil,
    _ context: PassContext
  ) {
    setProducts(first, second, third)
    let profile = context.profile
    guard let stack = activeStack, let down else {
      if let gradInput {
        profile.measure(.weightsBackward) {
          WeightMatrix.backward(
            products, into: gradInput, accumulate: accumulate, planes: context.planes)
        }
      }
      return
    }
    let drops = keys != nil && context.dropout > 0
    if stack.hasMagnitudes {
      if drops, let keys {
        backwardDropping(
          input, stack, down: down, gradInput: gradInput, accumulate: accumulate, keys: keys,
          context)
        return
      }
      backwardThroughMagnitudes(input, stack, down: down, context)
    }
    let up = context.up(rows: input.rows, rank: stack.rank)
    profile.measure(.adapters) {
      for (index, place) in places.enumerated() {
        guard let place else { continue }
        stack.projectBack(products[index].outputs, module: place, into: up)
        stack.addOutputGradient(products[index].outputs, module: place, down: down)
      }
    }
    if !drops {
      profile.measure(.adapters) {
        stack.addInputGradients(input, modules: stack.modules.indices, up: up)
      }
      for (index, place) in places.enumerated() {
        products[index].term = place.map { stack.backwardTerm(up, module: $0) }
      }
    }
    if let gradInput {
      profile.measure(.weightsBackward) {
        WeightMatrix.backward(
          products, into: gradInput, accumulate: accumulate, planes: context.planes)
      }
    }
    guard drops, let keys else { return }
    let scratch = context.scratch(rows: input.rows, columns: input.columns)
    for index in stack.modules.indices {
      let module = stack.modules[index].dropoutStream
      profile.measure(.dropout) {
        Dropout.forward(
          input, keys: keys, module: module, probability: context.dropout, output: scratch)
      }
      profile.measure(.adapters) {
        stack.addInputGradients(scratch, modules: index..<index + 1, up: up)
      }
      guard let gradInput else { continue }
      profile.measure(.adapters) {
        stack.projectInputGradient(up, module: index, into: scratch)
      }
      profile.measure(.dropout) {
        Dropout.backward(
          scratch, keys: keys, module: module, probability: context.dropout, gradInput: gradInput)
      }
    }
  }
}

/// What all layers of one pass share.
struct PassContext {
  /// Share of an adapter's inputs that is dropped; 0 outside training.
  let dropout: Float
  /// Whether few rows read the weights as they are stored: in decoding.
  let streams: Bool
  /// Where activations are quantised, for products in integers.
  let planes: ActivationPlanes?
  /// Where the time goes.
  let profile: StepProfile
  let scratchBuffer: FloatBuffer
  let upBuffer: FloatBuffer
  let magnitudeBuffer: FloatBuffer

  func scratch(rows: Int, columns: Int) -> Matrix {
    scratchBuffer.matrix(rows: rows, columns: columns)
  }
  func magnitudeScratch(rows: Int, columns: Int) -> Matrix {
    magnitudeBuffer.matrix(rows: rows, columns: columns)
  }
  func up(rows: Int, rank: Int) -> Matrix { upBuffer.matrix(rows: rows, columns: rank) }
}
