/// What tells encoders apart, so that vectors of different ones are never compared.
public struct EncoderIdentity: Sendable, Equatable {
  /// What it is called, for messages: its folder's name.
  public let name: String
  /// What follows from its weights, vocabulary and settings.
  public let fingerprint: String
  /// How many numbers a vector has.
  public let dimensions: Int

  /// Describes an encoder.
  public init(name: String, fingerprint: String, dimensions: Int) {
    self.name = name
    self.fingerprint = fingerprint
    self.dimensions = dimensions
  }

  /// Whether both give a text the same vector, whatever they are called.
  func isSame(as other: EncoderIdentity) -> Bool {
    fingerprint == other.fingerprint && dimensions == other.dimensions
  }
}
