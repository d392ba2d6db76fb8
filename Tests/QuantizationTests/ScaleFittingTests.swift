import Kernels
import Testing

@testable import Quantization

@Suite("Fitted scales") struct ScaleFittingTests {
  private static let fittable: [StorageType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0]

  private static func normal(_ count: Int) -> [Float] {
    let random = CounterRandom(seed: 2, purpose: "scales")
    // A sum of uniform numbers, near enough to a normal distribution.
    return (0..<count).map { index in
      (0..<6).reduce(Float(0)) { $0 + random.uniform(UInt64(6 * index + $1)) - 0.5 } * 0.05
    }
  }

  private static func stored(
    _ values: [Float], _ type: StorageType, _ fitting: ScaleFitting
  ) -> (bytes: [UInt8], values: [Float]) {
    var bytes = [UInt8](repeating: 0, count: values.count / type.blockElements * type.blockBytes)
    var decoded = [Float](repeating: 0, count: values.count)
    bytes.withUnsafeMutableBytes { target in
      guard let base = target.baseAddress else { return }
      type.quantize(values, count: values.count, into: base, fitting: fitting)
      type.dequantize(base, count: values.count, into: &decoded)
    }
    return (bytes, decoded)
  }

  private static func errors(_ values: [Float], _ decoded: [Float]) -> [Double] {
    stride(from: 0, to: values.count, by: 32).map { start in
      (start..<start + 32).reduce(0.0) { sum, i in
        let difference = Double(values[i]) - Double(decoded[i])
        return sum + difference * difference
      }
    }
  }

  @Test("leave less error than plain ones in no block more, in most less", arguments: fittable)
  func lessError(_ type: StorageType) {
    let values = Self.normal(32 * 400)
    let plain = Self.errors(values, Self.stored(values, type, .plain).values)
    let fitted = Self.errors(values, Self.stored(values, type, .leastSquares).values)
    for (block, (before, after)) in zip(plain, fitted).enumerated() {
      #expect(after <= before * 1.000_01, "block \(block)")
    }
    #expect(zip(plain, fitted).count { $1 < $0 } > 300)
    let (before, after) = (plain.reduce(0, +), fitted.reduce(0, +))
    // Of four bits a good part of the error was the scale's; of eight next to nothing is.
    let bound = type == .q8_0 ? 1.0 : type == .q4_0 || type == .q4_1 ? 0.9 : 0.95
    #expect(after < bound * before, "\(after / before)")
  }

  @Test("are the same bytes on every set of instructions", arguments: fittable)
  func sameBytes(_ type: StorageType) {
    let values = Self.normal(32 * 41)
    let all = supportedInstructions.map { instructions in
      var bytes = [UInt8](repeating: 0, count: 41 * type.blockBytes)
      bytes.withUnsafeMutableBytes { target in
        guard let base = target.baseAddress else { return }
        type.quantize(
          values, count: values.count, into: base, fitting: .leastSquares, on: instructions)
      }
      return bytes
    }
    #expect(all.allSatisfy { $0 == all[0] })
    #expect(all[0] != Self.stored(values, type, .plain).bytes)
  }

  @Test(
    "change nothing of what is exact, is no block type, or holds no numbers", arguments: fittable)
  func changesNothing(_ type: StorageType) {
    for values in [
      [Float](repeating: 0, count: 32),
      [Float](repeating: .nan, count: 32), [.infinity] + [Float](repeating: 1, count: 31),
      [Float](repeating: 1e30, count: 32),
      [Float(bitPattern: 700)] + [Float](repeating: 0, count: 31),
    ] {
      let plain = Self.stored(values, type, .plain)
      #expect(Self.stored(values, type, .leastSquares).bytes == plain.bytes, "\(values[0])")
    }
    let values = Self.normal(256)
    for type in [StorageType.f16, .q4_k, .q6_k] {
      #expect(!type.isFittable)
      #expect(
        Self.stored(values, type, .leastSquares).bytes == Self.stored(values, type, .plain).bytes)
    }
  }
}
