internal import Kernels

/// What stands between the projections of queries and keys and attention: a norm of each head, and the rotation.
extension CausalLM {
  /// Writes the normalised heads, where the model has such norms, beside what they are made from.
  ///
  /// - Parameter isRepetition: makes them again, with the same bits, in the backward pass.
  func normalizeHeads(_ layer: DecoderLayer, _ v: LayerViews, isRepetition: Bool = false) {
    guard let queryNorm = layer.queryNorm, let keyNorm = layer.keyNorm else { return }
    func normalize(
      _ input: Matrix, _ output: Matrix, _ weight: FloatBuffer, _ rstd: FloatBuffer
    ) {
      let heads = input.split(columns: configuration.headDimension)
      let normed = output.split(columns: configuration.headDimension)
      if isRepetition {
        RMSNorm.recompute(heads, weight: weight.base, rstd: rstd.base, output: normed)
      } else {
        RMSNorm.forward(
          heads, weight: weight.base, epsilon: configuration.rmsNormEpsilon, output: normed,
          rstd: rstd.base)
      }
    }
    profile.measure(.norm) {
      normalize(v.query, v.finalQuery, queryNorm, v.kept.queryRstd)
      normalize(v.key, v.finalKey, keyNorm, v.kept.keyRstd)
    }
  }

  /// Turns queries and keys by their positions, in place, where the block does.
  func rotate(_ layer: DecoderLayer, _ v: LayerViews) {
    guard let rotary = layer.rotary else { return }
    profile.measure(.rotary) {
      rotary.rotate(v.finalQuery, positions: v.queryPositions)
      rotary.rotate(v.finalKey, positions: v.positions)
    }
  }

  /// Carries the gradients of what attention reads back to the projections' outputs.
  ///
  /// - Parameters:
  ///   - gradQuery: ∂loss/∂finalQuery; overwritten.
  ///   - gradKey: ∂loss/∂finalKey; overwritten.
  /// - Returns: ∂loss/∂query and ∂loss/∂key, in these matrices or where attention's inputs were.
  func backwardOfQueriesAndKeys(
    _ gradQuery: Matrix, _ gradKey: Matrix, _ layer: DecoderLayer, _ v: LayerViews
  ) -> (query: Matrix, key: Matrix) {
    if let rotary = layer.rotary {
      profile.measure(.rotary) {
        rotary.rotate(gradQuery, positions: v.queryPositions, inverse: true)
        rotary.rotate(gradKey, positions: v.positions, inverse: true)
      }
    }
    guard let queryNorm = layer.queryNorm, let keyNorm = layer.keyNorm else {
      return (gradQuery, gradKey)
    }
    func carryBack(
      _ grad: Matrix, _ input: Matrix, _ weight: FloatBuffer, _ rstd: FloatBuffer,
      to target: Matrix
    ) {
      let d = configuration.headDimension
      // Nothing reads attention's inputs any more; the norm's backward pass adds.
      Elementwise.clear(target)
      RMSNorm.backward(
        grad.split(columns: d), input: input.split(columns: d), weight: weight.base,
        rstd: rstd.base, gradInput: target.split(columns: d))
    }
    profile.measure(.norm) {
      carryBack(gradQuery, v.query, queryNorm, v.kept.queryRstd, to: v.finalQuery)
      carryBack(gradKey, v.key, keyNorm, v.kept.keyRstd, to: v.finalKey)
    }
    return (v.finalQuery, v.finalKey)
  }
}
