internal import Kernels
internal import LoRA
internal import Quantization

/// What DoRA changes of a group's passes. With c and n of `MagnitudeVector`:
///
///     y_i = c_i ∘ (W_i x + scale_i · B_i (A_i x)) + bias_i
///
/// With dropout, d = dropout_i(x), the frozen weight sees what is dropped, too, but unscaled, as in PEFT:
///
///     y_i = W_i (x − d) + c_i ∘ (W_i d + scale_i · B_i (A_i d)) + bias_i
extension LinearGroup {
  /// Scales what the products with the low-rank terms gave.
  func scaleOutputs(_ stack: LoRAStack, _ context: PassContext) {
    context.profile.measure(.adapters) {
      for (index, place) in places.enumerated() {
        guard let place, let magnitude = stack.modules[place].magnitude else { continue }
        let outputs = products[index].outputs
        Elementwise.scaleColumns(outputs, by: magnitude.factors.base, into: outputs)
      }
    }
  }

  /// Writes every layer's output, without bias, where inputs are dropped.
  func forwardDropping(
    _ input: Matrix, _ stack: LoRAStack, down: Matrix, keys: UnsafePointer<UInt64>,
    _ context: PassContext
  ) {
    for (index, place) in places.enumerated() {
      guard let place, let magnitude = stack.modules[place].magnitude else {
        multiply(index, products[index].outputs, term: nil, input, context)
        continue
      }
      let outputs = products[index].outputs
      let dropped = drop(input, stack, place, keys, context)
      context.profile.measure(.adapters) { stack.project(dropped, module: place, into: down) }
      multiply(index, outputs, term: stack.forwardTerm(down, module: place), dropped, context)
      let rest = context.magnitudeScratch(rows: outputs.rows, columns: outputs.columns)
      context.profile.measure(.adapters) {
        Elementwise.scaleColumns(outputs, by: magnitude.factors.base, into: outputs)
        // d − x, whose product is taken off.
        Elementwise.subtract(input, from: dropped)
      }
      multiply(index, rest, term: nil, dropped, context)
      context.profile.measure(.adapters) { Elementwise.subtract(rest, from: outputs) }
    }
  }

  /// Adds the magnitudes' gradients, and makes the products' outputs the gradients of what the magnitudes scale.
  ///
  /// The gradient of the output of a layer that stands alone is one that others go on with, so it is left as it is.
  func backwardThroughMagnitudes(
    _ input: Matrix, _ stack: LoRAStack, down: Matrix, _ context: PassContext
  ) {
    for (index, place) in places.enumerated() {
      guard let place, let magnitude = stack.modules[place].magnitude else { continue }
      let gradOutput = products[index].outputs
      let direction = addMagnitudeGradient(index, place, input, stack, down: down, context)
      let target = linears.count == 1 ? direction : gradOutput
      context.profile.measure(.adapters) {
        Elementwise.scaleColumns(gradOutput, by: magnitude.factors.base, into: target)
      }
      products[index].outputs = target
    }
  }

  /// `backward` where inputs are dropped.
  func backwardDropping(
    _ input: Matrix, _ stack: LoRAStack, down: Matrix, gradInput: Matrix?, accumulate: Bool,
    keys: UnsafePointer<UInt64>, _ context: PassContext
  ) {
    let profile = context.profile
    if let gradInput {
      profile.measure(.weightsBackward) {
        WeightMatrix.backward(
          products, into: gradInput, accumulate: accumulate, planes: context.planes)
      }
    }
    let up = context.up(rows: input.rows, rank: stack.rank)
    for (index, place) in places.enumerated() {
      guard let place, let magnitude = stack.modules[place].magnitude else { continue }
      let gradOutput = products[index].outputs
      let dropped = drop(input, stack, place, keys, context)
      let scaled = addMagnitudeGradient(index, place, dropped, stack, down: down, context)
      profile.measure(.adapters) {
        Elementwise.scaleColumns(gradOutput, by: magnitude.factors.base, into: scaled)
        stack.projectBack(scaled, module: place, into: up)
        stack.addOutputGradient(scaled, module: place, down: down)
        stack.addInputGradients(dropped, modules: place..<place + 1, up: up)
      }
      guard let gradInput else { continue }
      // (c − 1) ∘ ∂y: the frozen weight's own share has been added.
      profile.measure(.adapters) { Elementwise.subtract(gradOutput, from: scaled) }
      single[0] = WeightMatrix.Product(
        weight: linears[index].weight, outputs: scaled,
        term: stack.backwardTerm(up, module: place))
      profile.measure(.weightsBackward) {
        WeightMatrix.backward(single, into: dropped, accumulate: false, planes: context.planes)
      }
      profile.measure(.dropout) {
        Dropout.backward(
          dropped, keys: keys, module: stack.modules[place].dropoutStream,
          probability: context.dropout, gradInput: gradInput)
      }
    }
  }

  /// Adds the gradient of one layer's magnitudes.
  ///
  /// - Returns: `v x`, the layer's output before its magnitudes, in memory that is free to use.
  private func addMagnitudeGradient(
    _ index: Int, _ place: Int, _ input: Matrix, _ stack: LoRAStack, down: Matrix,
    _ context: PassContext
  ) -> Matrix {
    let gradOutput = products[index].outputs
    let direction = context.magnitudeScratch(rows: gradOutput.rows, columns: gradOutput.columns)
    multiply(index, direction, term: stack.forwardTerm(down, module: place), input, context)
    guard let magnitude = stack.modules[place].magnitude else { return direction }
    context.profile.measure(.adapters) {
      Elementwise.addColumnProducts(
        gradOutput, direction, factors: magnitude.inverseNorms.base, to: magnitude.gradients)
    }
    return direction
  }

  /// Writes the product of one layer's frozen weight, with a low-rank term.
  private func multiply(
    _ index: Int, _ outputs: Matrix, term: WeightMatrix.LowRankTerm?, _ input: Matrix,
    _ context: PassContext
  ) {
    let product = WeightMatrix.Product(weight: linears[index].weight, outputs: outputs, term: term)
    if single.isEmpty { single.append(product) } else { single[0] = product }
    context.profile.measure(.weightsForward) {
      WeightMatrix.forward(single, input, planes: context.planes, streams: context.streams)
    }
  }

  /// The input of one module, some of it dropped.
  private func drop(
    _ input: Matrix, _ stack: LoRAStack, _ place: Int, _ keys: UnsafePointer<UInt64>,
    _ context: PassContext
  ) -> Matrix {
    let dropped = context.scratch(rows: input.rows, columns: input.columns)
    context.profile.measure(.dropout) {
      Dropout.forward(
        input, keys: keys, module: stack.modules[place].dropoutStream,
        probability: context.dropout, output: dropped)
    }
    return dropped
  }
}
