public import Kernels

/// Numbers of an adapter that the optimizer steps alike.
public struct ParameterGroup: Sendable, Equatable {
  /// Where they are in the flat buffers.
  public var region: AdamW.Region
  /// What the learning rate is multiplied by.
  public var rateFactor: Double
  /// Whether weight decay applies to them.
  public var decays = true
}

extension LoRAAdapter {
  /// What the optimizer steps, and at which rate: everything at one rate, or under LoRA+ B at another than A; of a PiSSA
  /// adapter what learns.
  ///
  /// DoRA's magnitudes go with B, as in PEFT. Of whole weights matrices have A's rate and vectors B's, and biases and
  /// norms do not decay, as in PEFT and Transformers.
  ///
  /// - Parameter outputRateRatio: B's learning rate over A's.
  /// - SeeAlso: Hayou et al. 2024, "LoRA+: Efficient Low Rank Adaptation of Large Models", arXiv:2402.12354.
  public func parameterGroups(outputRateRatio: Double = 1) -> [ParameterGroup] {
    moduleGroups(outputRateRatio: outputRateRatio)
      + wholeWeights.map { weight in
        ParameterGroup(
          region: AdamW.Region(offset: weight.values - parameters.base, columns: weight.count),
          rateFactor: weight.shape.dimensions.count > 1 ? 1 : outputRateRatio,
          decays: weight.shape.decays)
      }
  }

  private func moduleGroups(outputRateRatio: Double) -> [ParameterGroup] {
    guard outputRateRatio != 1 || learnsHalf else {
      let count = wholeWeights.reduce(parameters.count) { $0 - $1.count }
      return count == 0
        ? []
        : [ParameterGroup(region: AdamW.Region(offset: 0, columns: count), rateFactor: 1)]
    }
    return modules.flatMap { module in
      var groups = [
        ParameterGroup(
          region: AdamW.Region(
            offset: module.a - parameters.base, columns: module.learningRank * module.inputs),
          rateFactor: 1),
        ParameterGroup(
          region: AdamW.Region(
            offset: module.b - parameters.base, rows: module.outputs, columns: module.learningRank,
            stride: module.rank),
          rateFactor: outputRateRatio),
      ]
      if let magnitude = module.magnitude {
        groups.append(
          ParameterGroup(
            region: AdamW.Region(
              offset: magnitude.values - parameters.base, columns: module.outputs),
            rateFactor: outputRateRatio))
      }
      return groups
    }
  }
}
