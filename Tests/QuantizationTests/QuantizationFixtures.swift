import TestSupport
import Testing

@testable import Quantization

/// The instruction sets of the machine that runs the tests.
let supportedInstructions = InstructionSet.allCases.filter(\.isSupported)

/// The fixture `name` as raw little-endian numbers.
func numbers<Number>(_ name: String, as type: Number.Type) throws -> [Number] {
  let bytes = try Fixture.bytes("quantization/" + name)
  return bytes.withUnsafeBytes { raw in
    (0..<raw.count / MemoryLayout<Number>.stride).map {
      raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.stride, as: type)
    }
  }
}

func bytes(
  of values: [Float], as type: StorageType, on instructions: InstructionSet = .best
) -> [UInt8] {
  let count = type.byteCount(ofElements: values.count) ?? 0
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
    guard let base = buffer.baseAddress else { return }
    values.withUnsafeBufferPointer { source in
      guard let source = source.baseAddress else { return }
      type.quantize(source, count: values.count, into: base, on: instructions)
    }
    written = count
  }
}

/// Bytes of the numbers, or for a type that is only read as many random ones with scales of a usual size.
func storedBytes(of values: [Float], as type: StorageType) -> [UInt8] {
  guard !type.isWritable else { return bytes(of: values, as: type) }
  var random = SplitMix(state: UInt64(values.count))
  let count = type.byteCount(ofElements: values.count) ?? 0
  var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  let halves: [Int] =
    switch type {
    case .q2_k: [80, 82]
    case .q3_k: [108]
    default: [0]
    }
  for start in stride(from: 0, to: count, by: type.blockBytes) {
    // A magnitude of 2^-6 to 2^-5, of either sign.
    for place in halves { bytes[start + place + 1] = 0x24 | bytes[start + place + 1] & 0x87 }
  }
  return bytes
}

func values(
  of bytes: [UInt8], as type: StorageType, on instructions: InstructionSet
) -> [Float] {
  let count = bytes.count / type.blockBytes * type.blockElements
  return [Float](unsafeUninitializedCapacity: count) { buffer, written in
    guard let base = buffer.baseAddress else { return }
    bytes.withUnsafeBytes { source in
      guard let source = source.baseAddress else { return }
      type.dequantize(source, count: count, into: base, on: instructions)
    }
    written = count
  }
}

/// Bits to compare by; all NaN are one, since their payload is nobody's promise.
func comparable(_ value: Float) -> UInt32 {
  value.isNaN ? 0x7FC0_0000 : value.bitPattern
}

/// Fails once, naming the first differing element and its block of `period` elements.
func expectEqual<Element: Equatable>(
  _ got: [Element], _ expected: [Element], period: Int,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(got.count == expected.count, sourceLocation: sourceLocation)
  guard let i = zip(got, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
    return
  }
  Issue.record(
    "element \(i % period) of block \(i / period) is \(got[i]), expected \(expected[i])",
    sourceLocation: sourceLocation)
}

/// A small seeded generator, so that failures repeat.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
