import Testing

@testable import Quantization

@Suite("Storage types") struct StorageTypeTests {
  static let blockTypes: [StorageType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0]

  @Test("quantising gives gguf-py's bytes", arguments: blockTypes)
  func quantisesAsReference(_ type: StorageType) throws {
    let values = try numbers("blocks.f32", as: Float.self)
    let expected = try numbers("blocks.\(type.rawValue)", as: UInt8.self)
    expectEqual(bytes(of: values, as: type), expected, period: type.blockBytes)
  }

  @Test("dequantising gives gguf-py's values on every instruction set", arguments: blockTypes)
  func dequantisesAsReference(_ type: StorageType) throws {
    let packed = try numbers("blocks.\(type.rawValue)", as: UInt8.self)
    let expected = try numbers("blocks.\(type.rawValue).f32", as: Float.self)
    for instructions in supportedInstructions {
      let got = values(of: packed, as: type, on: instructions)
      expectEqual(got.map(comparable), expected.map(comparable), period: 32)
    }
  }

  @Test("f16 rounds to nearest even, through subnormals to infinity, as NumPy does")
  func roundsToHalf() throws {
    let values = try numbers("scalars.f32", as: Float.self)
    let expected = try numbers("scalars.f16", as: UInt8.self)
    expectEqual(bytes(of: values, as: .f16), expected, period: 2)
  }

  @Test("bf16 rounds to nearest even as gguf-py does")
  func roundsToBfloat() throws {
    let values = try numbers("scalars.f32", as: Float.self)
    let expected = try numbers("scalars.bf16", as: UInt8.self)
    expectEqual(bytes(of: values, as: .bf16), expected, period: 2)
  }

  @Test("NaN stays NaN, with its sign, in half-width types", arguments: [StorageType.f16, .bf16])
  func keepsNaN(_ type: StorageType) {
    for pattern: UInt32 in [0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF] {
      let value = Float(bitPattern: pattern)
      let back = values(of: bytes(of: [value], as: type), as: type, on: .best)[0]
      #expect(back.isNaN && back.sign == value.sign, "\(String(pattern, radix: 16))")
    }
  }

  @Test("every f16 pattern widens exactly on every instruction set")
  func widensEveryHalf() {
    let patterns = (0...UInt16.max).map { $0 }
    let packed = patterns.withUnsafeBytes { [UInt8]($0) }
    for instructions in supportedInstructions {
      let got = values(of: packed, as: .f16, on: instructions)
      let isWrong = zip(patterns, got).contains { pattern, value in
        let expected = Float(Float16(bitPattern: pattern))
        return value.isNaN
          ? !expected.isNaN || value.bitPattern & 0x0040_0000 == 0
          : value.bitPattern != expected.bitPattern
      }
      #expect(!isWrong)
      // The odd counts go through the loops' remainders.
      let tail = values(of: Array(packed.suffix(2 * 21)), as: .f16, on: instructions)
      #expect(tail.map(\.bitPattern) == got.suffix(21).map(\.bitPattern))
    }
  }

  @Test("every bf16 pattern is the upper half of its float")
  func widensEveryBfloat() {
    let patterns = (0...UInt16.max).map { $0 }
    let packed = patterns.withUnsafeBytes { [UInt8]($0) }
    for instructions in supportedInstructions {
      let got = values(of: packed + packed.prefix(6), as: .bf16, on: instructions)
      #expect(got.map(\.bitPattern) == (patterns + patterns.prefix(3)).map { UInt32($0) << 16 })
    }
  }

  @Test("random bytes dequantise to the same bits on every instruction set", arguments: blockTypes)
  func pathsAgree(_ type: StorageType) {
    var random = SplitMix(state: 11)
    let packed = (0..<type.blockBytes * 257).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let expected = values(of: packed, as: type, on: .portable).map(comparable)
    for instructions in supportedInstructions {
      #expect(values(of: packed, as: type, on: instructions).map(comparable) == expected)
    }
  }

  @Test(
    "a round trip errs by at most half a step",
    arguments: zip(blockTypes, [Float(8), 15, 16, 31, 127]))
  func roundTripIsBounded(_ type: StorageType, _ steps: Float) {
    var random = SplitMix(state: 3)
    let original = (0..<32 * 500).map { _ in Float.random(in: -1...1, using: &random) }
    let back = values(of: bytes(of: original, as: type), as: type, on: .best)
    for start in stride(from: 0, to: original.count, by: 32) {
      let block = original[start..<start + 32]
      let largest = block.map(\.magnitude).max() ?? 0
      let span = (block.max() ?? 0) - (block.min() ?? 0)
      let isAsymmetric = type == .q4_1 || type == .q5_1
      let step = (isAsymmetric ? span : largest) / steps
      // q4_0 and q5_0 clip the far end by up to one whole step; scales carry 11 bits.
      let bound = step * (type == .q4_0 || type == .q5_0 ? 1 : 0.5) + largest * 0.002
      let worst = (start..<start + 32).map { abs(original[$0] - back[$0]) }.max() ?? 0
      #expect(worst <= bound)
    }
  }

  @Test("GGUF's numbers lead back to the type", arguments: StorageType.allCases)
  func numbersAreGGUFs(_ type: StorageType) {
    #expect(StorageType(ggufType: type.ggufType) == type)
    #expect(StorageType(ggufType: 4) == nil)
  }

  @Test("a byte count is refused for partial blocks and for overflow")
  func refusesSizes() {
    #expect(StorageType.q4_1.byteCount(ofElements: 64) == 40)
    #expect(StorageType.q4_1.byteCount(ofElements: 33) == nil)
    #expect(StorageType.f32.byteCount(ofElements: -1) == nil)
    #expect(StorageType.f32.byteCount(ofElements: Int.max) == nil)
    #expect(StorageType.q8_0.byteCount(ofElements: Int.max / 32 * 32) == nil)
  }
}
