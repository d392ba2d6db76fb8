public import Kernels

/// Numbers of an adapter that the optimizer steps alike.
public struct ParameterGroup: Sendable, Equatable {
  /// Where they are in the flat buffers.
  public var region: AdamW.Region
  /// What the learning rate is multiplied by.
  public var rateFactor: Double
}

extension LoRAAdapter {
  /// What the optimizer steps, and at which rate: everything at one rate, or under LoRA+ B at another than A; of a PiSSA
  /// adapter what learns.
  ///
  /// DoRA's magnitudes go with B, as in PEFT.
  ///
  /// - Parameter outputRateRatio: B's learning rate over A's.
  /// - SeeAlso: Hayou et al. 2024, "LoRA+: Efficient Low Rank Adaptation of Large Models", arXiv:2402.12354.
  public func parameterGroups(outputRateRatio: Double = 1) -> [ParameterGroup] {
    guard outputRateRatio != 1 || learnsHalf else {
      return [
        ParameterGroup(
          region: AdamW.Region(offset: 0, columns: parameters.count), rateFactor: 1)
      ]
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
