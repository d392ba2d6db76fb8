public final class NF4Matrix: @unchecked Sendable {
  public let rows = 0
  public let columns = 0
  public let byteCount = 0
  public func dequantizeRows(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>) {}
}
