import TestSupport
import Testing

@testable import Quantization

@Suite("Storage types") struct StorageTypeTests {
  static let blockTypes: [StorageType] = [.q4_0, .q4_1, .q5_0, .q5_1, .q8_0]
  /// Those whose stored bytes are fixtures, since gguf-py does not write them.
  static let readTypes: [StorageType] = [.q2_k, .q3_k, .q4_k, .q5_k, .q6_k, .iq4_nl]

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

  @Test(
    "stored blocks dequantise to gguf-py's values on every instruction set", arguments: readTypes)
  func dequantisesStoredBlocks(_ type: StorageType) throws {
    let packed = try numbers("stored.\(type.rawValue)", as: UInt8.self)
    let expected = try numbers("stored.\(type.rawValue).f32", as: Float.self)
    #expect(expected.count == packed.count / type.blockBytes * type.blockElements)
    for instructions in supportedInstructions {
      let got = values(of: packed, as: type, on: instructions)
      expectEqual(got.map(comparable), expected.map(comparable), period: type.blockElements)
    }
  }

  @Test(
    "quantising super-blocks gives ggml's bytes on every instruction set",
    arguments: [StorageType.q4_k, .q5_k, .q6_k])
  func quantisesSuperBlocksAsReference(_ type: StorageType) throws {
    let values = try numbers("superblocks.f32", as: Float.self)
    let expected = try numbers("superblocks.\(type.rawValue)", as: UInt8.self)
    for instructions in supportedInstructions {
      let got = bytes(of: values, as: type, on: instructions)
      expectEqual(got, expected, period: type.blockBytes)
    }
  }

  @Test(
    "quantising on all threads gives the same bytes and tells how far they are",
    arguments: StorageType.writable)
  func quantisesInParallel(_ type: StorageType) {
    // More than two shares of 16,384, and a block of numbers that a thread must not take for zero.
    var given = seededValues(rows: 130, columns: 256)
    for i in 0..<256 { given[i] *= 1e-13 }
    let alone = bytes(of: given, as: type)
    let back = values(of: alone, as: type, on: .best)
    let differences = zip(back, given).map { (Double($0) - Double($1)).magnitude }
    let mean = differences.reduce(0, +) / Double(given.count)
    let squares = differences.reduce(0) { $0 + $1 * $1 }
    let size = given.reduce(0.0) { $0 + Double($1) * Double($1) }
    for threads in [1, 3] {
      var together = [UInt8](repeating: 0xAA, count: alone.count + 1)
      var deviation: Deviation? = Deviation()
      ThreadCounts.with(threads) {
        together.withUnsafeMutableBytes { raw in
          guard let start = raw.baseAddress else { return }
          type.quantize(given, count: given.count, into: start, deviation: &deviation)
        }
      }
      #expect(together.dropLast() == alone[...])
      #expect(together.last == 0xAA)
      #expect(deviation?.count == given.count)
      #expect(deviation?.worst == differences.max())
      #expect(abs((deviation?.mean ?? -1) - mean) <= 1e-9 * mean)
      #expect(abs((deviation?.relative ?? -1) - (squares / size).squareRoot()) <= 1e-9)
    }
  }

  @Test("numbers that a type cannot hold leave a deviation that is not finite")
  func deviationOfOverflow() {
    for (value, type) in [(Float(1e6), StorageType.f16), (.nan, .f32), (3e38, .q4_0)] {
      var given = [Float](repeating: 0.5, count: 64)
      given[7] = value
      var stored = [UInt8](repeating: 0, count: 256)
      var deviation: Deviation? = Deviation()
      stored.withUnsafeMutableBytes { raw in
        guard let start = raw.baseAddress else { return }
        type.quantize(given, count: 64, into: start, deviation: &deviation)
      }
      #expect(deviation?.isFinite == false, "\(type)")
    }
  }

  @Test(
    "rows that are no whole blocks take the type llama.cpp falls back to",
    arguments: [
      (StorageType.q4_k, 512, StorageType.q4_k), (.q4_k, 576, .q5_0), (.q5_k, 576, .q5_1),
      (.q6_k, 576, .q8_0), (.q6_k, 40, .f16), (.q8_0, 40, .f16), (.q8_0, 576, .q8_0),
      (.f32, 7, .f32), (.bf16, 1, .bf16), (.q2_k, 32, .q4_0),
    ])
  func fallsBack(_ type: StorageType, _ columns: Int, _ expected: StorageType) {
    #expect(type.fitting(columns: columns) == expected)
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

  @Test(
    "random bytes dequantise to the same bits on every instruction set",
    arguments: blockTypes + readTypes)
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
    #expect(StorageType.q6_k.byteCount(ofElements: 512) == 420)
    #expect(StorageType.q6_k.byteCount(ofElements: 288) == nil)
    #expect(StorageType.f32.byteCount(ofElements: -1) == nil)
    #expect(StorageType.f32.byteCount(ofElements: Int.max) == nil)
    #expect(StorageType.q8_0.byteCount(ofElements: Int.max / 32 * 32) == nil)
  }
}
