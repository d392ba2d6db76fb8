/// What time is worth.
public struct CostBasis: Sendable, Equatable {
  /// Price of a core for an hour, in any currency; nil where none was stated.
  public var pricePerCoreHour: Double?
  /// Cores that were used.
  public var cores: Int

  /// States a price.
  public init(pricePerCoreHour: Double? = nil, cores: Int) {
    self.pricePerCoreHour = pricePerCoreHour
    self.cores = cores
  }
}
