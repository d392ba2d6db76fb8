import Foundation
import Kernels
import TestSupport
import Testing

@Suite("Numbers kept in bf16") struct BFloat16BufferTests {
  /// The nearest of 8 significant bits, of two the even one.
  private static func rounded(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
    guard below.isFinite, below != value else { return value }
    let above = Float(bitPattern: below.bitPattern + 0x1_0000)
    let (down, up) = (Double(value) - Double(below), Double(above) - Double(value))
    if down.magnitude == up.magnitude { return below.bitPattern >> 16 & 1 == 0 ? below : above }
    return down.magnitude < up.magnitude ? below : above
  }

  @Test("are the nearest, whatever the instructions and the width", arguments: KernelPath.available)
  func roundsToNearest(_ path: KernelPath) {
    var numbers = SeededNumbers(3)
    for (rows, columns) in [(1, 1), (3, 17), (37, 64), (5, 193)] {
      var values = numbers.floats(rows * columns, within: 1_000)
      // Two ties, one to each side; zeros, a denormal, and numbers whose mantissa overflows.
      let special: [Float] = [
        Float(bitPattern: 0x3F80_8000), Float(bitPattern: 0x3F81_8000), 0, -0.0,
        Float(bitPattern: 0x0001_1700),
        Float(bitPattern: 0x3FFF_FFFF), -Float(bitPattern: 0x3FFF_FFFF), .infinity, -.infinity,
      ]
      for (index, value) in special.enumerated() where index < values.count {
        values[index] = value
      }
      let input = FloatBuffer(values)
      let output = FloatBuffer(count: values.count)
      let buffer = BFloat16Buffer(count: values.count)
      buffer.store(input.matrix(rows: rows, columns: columns), path: path)
      buffer.load(into: output.matrix(rows: rows, columns: columns), path: path)
      expectSameBits(output.array, values.map(Self.rounded))
    }
  }

  @Test("that are none stay none", arguments: KernelPath.available)
  func keepsNaN(_ path: KernelPath) {
    let input = FloatBuffer([Float(bitPattern: 0x7F80_0001), .nan, -.nan, 1])
    let output = FloatBuffer(count: 4)
    let buffer = BFloat16Buffer(count: 4)
    #expect(buffer.byteCount == 8)
    buffer.store(input.matrix(rows: 1, columns: 4), path: path)
    buffer.load(into: output.matrix(rows: 1, columns: 4), path: path)
    #expect(output.array.map(\.isNaN) == [true, true, true, false])
  }
}
