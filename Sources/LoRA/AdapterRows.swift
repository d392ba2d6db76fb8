internal import ModelFiles
internal import Quantization

/// Rows of a matrix in memory for a writer, each number multiplied by a factor.
struct AdapterRows {
  private let values: UnsafePointer<Float>
  private let columns: Int
  private let factor: Float
  private let type: StorageType
  private let path: String

  /// The largest number of f16; what is beyond it would be written as infinity.
  private static let largestHalf: Float = 65_504

  /// - Parameters:
  ///   - type: what the file will store.
  ///   - path: the file, for messages.
  init(
    _ values: UnsafePointer<Float>, columns: Int, factor: Float = 1, type: StorageType,
    path: String
  ) {
    self.values = values
    self.columns = columns
    self.factor = factor
    self.type = type
    self.path = path
  }

  /// Gives a writer the rows it asks for.
  ///
  /// - Throws: `LoRAError.inexpressible` where f16 cannot hold a number.
  func rows(
    _ tensor: String, _ range: Range<Int>, _ target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let source = values + range.lowerBound * columns
    for index in 0..<range.count * columns {
      let value = factor == 1 ? source[index] : source[index] * factor
      guard type != .f16 || value.magnitude <= Self.largestHalf || !source[index].isFinite else {
        throw LoRAError.inexpressible(
          path: path, reason: "\(tensor) holds \(value), which f16 cannot; write f32 or bf16")
      }
      target[index] = value
    }
  }
}
