public import LoRA

extension CausalLM {
  /// Makes the norms of a DoRA adapter those of its present numbers; to be called when they have changed.
  ///
  /// Nothing for other adapters. Costs a product of the frozen weights with as many rows as the adapter has ranks.
  public func updateMagnitudes() {
    if let adapter { updateMagnitudes(of: adapter) }
  }

  /// `updateMagnitudes` of an adapter that need not be attached.
  ///
  /// - Parameter initializing: sets the magnitudes, too: to what changes nothing.
  public func updateMagnitudes(of adapter: LoRAAdapter, initializing: Bool = false) {
    guard adapter.hasMagnitudes else { return }
    for linear in layers.flatMap(\.linears) {
      adapter.module(named: linear.name)?.updateMagnitude(
        weight: linear.weight, initializing: initializing, magnitudeWorkspace)
    }
  }
}
