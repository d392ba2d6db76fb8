import Testing

@testable import Quantization

@Suite("NF4") struct NF4MatrixTests {
  static let shapes = [(1, 1), (1, 63), (1, 65), (7, 100), (33, 65), (192, 576), (576, 576)]

  @Test(
    "codes, nested codes and magnitudes are bitsandbytes' for odd and real shapes",
    arguments: shapes)
  func quantisesAsReference(_ rows: Int, _ columns: Int) throws {
    let name = "nf4.\(rows)x\(columns)"
    let offset = try numbers("\(name).offset", as: Float.self)[0]
    for instructions in supportedInstructions {
      let matrix = quantised(
        seededValues(rows: rows, columns: columns), rows: rows, columns: columns, offset: offset,
        on: instructions)
      expectEqual(
        matrix.absmaxCodes, try numbers("\(name).absmax_codes", as: UInt8.self), period: 256)
      #expect(matrix.absmaxFloats == (try numbers("\(name).nested_absmax", as: Float.self)))
      #expect(
        fnv1a(matrix.packedCodes) == (try numbers("\(name).packed_fnv1a", as: UInt64.self)[0]))
      let back = values(of: matrix, on: instructions)
      #expect(
        fnv1a(back) == (try numbers("\(name).values_fnv1a", as: UInt64.self)[0]))
    }
  }

  @Test("the offset is within one ulp of bitsandbytes'", arguments: shapes)
  func offsetIsMean(_ rows: Int, _ columns: Int) throws {
    let values = seededValues(rows: rows, columns: columns)
    let expected = try numbers("nf4.\(rows)x\(columns).offset", as: Float.self)[0]
    let offset = quantised(values, rows: rows, columns: columns).offset
    #expect(abs(offset - expected) <= expected.ulp)
  }

  @Test("midpoints, zeros, subnormals, huge values, infinity and NaN get bitsandbytes' codes")
  func quantisesEdgesAsReference() throws {
    for name in ["nf4.edges", "nf4.zeros"] {
      let values =
        name == "nf4.zeros"
        ? [Float](repeating: 0, count: 70)
        : try numbers("\(name).f32", as: Float.self)
      let packed = try numbers("\(name).packed", as: UInt8.self)
      let absmax = try numbers("\(name).absmax", as: Float.self)
      for instructions in supportedInstructions {
        let matrix = quantised(
          values, rows: 1, columns: values.count, doubleQuantized: false, on: instructions)
        expectEqual(matrix.packedCodes, packed, period: 32)
        expectEqual(matrix.absmaxFloats.map(comparable), absmax.map(comparable), period: 1)
      }
    }
  }

  @Test("nested codes follow bitsandbytes' lookup, which is not the nearest code")
  func nestedCodesFollowLookup() throws {
    let magnitudes = try numbers("nf4.magnitudes.f32", as: Float.self)
    var values = [Float](repeating: 0, count: 64 * magnitudes.count)
    for (block, magnitude) in magnitudes.enumerated() { values[64 * block] = magnitude }
    let offset = try numbers("nf4.magnitudes.offset", as: Float.self)[0]
    let matrix = quantised(values, rows: magnitudes.count, columns: 64, offset: offset)
    let expected = try numbers("nf4.magnitudes.absmax_codes", as: UInt8.self)
    expectEqual(matrix.absmaxCodes, expected, period: 256)
    let back = fnv1a(QuantizationTests.values(of: matrix, on: .best))
    #expect(back == (try numbers("nf4.magnitudes.values_fnv1a", as: UInt64.self)[0]))
    let nearest = magnitudes.enumerated().map { block, magnitude in
      let scaled = (magnitude - offset) / matrix.absmaxFloats[block / 256]
      return NF4Matrix.absmaxMap.indices.min {
        abs(NF4Matrix.absmaxMap[$0] - scaled) < abs(NF4Matrix.absmaxMap[$1] - scaled)
      }
    }
    #expect(zip(nearest, expected).contains { $0 != Int($1) })
  }

  @Test("the map of magnitudes is bitsandbytes' dynamic map, bit for bit")
  func mapIsDynamic() throws {
    #expect(NF4Matrix.absmaxMap == (try numbers("nf4.map", as: Float.self)))
  }

  @Test(
    "slabs of any size, in any order, make the same matrix",
    arguments: [(70, 65), (9, 96), (5, 64)])
  func slabsDoNotShow(_ rows: Int, _ columns: Int) {
    let values = seededValues(rows: rows, columns: columns)
    let whole = quantised(values, rows: rows, columns: columns)
    for size in [1, 3, 64, 1000] {
      let quantizer = NF4Quantizer(rows: rows, columns: columns)
      values.withUnsafeBufferPointer { values in
        guard let base = values.baseAddress else { return }
        for slab in quantizer.slabs(ofRows: size).reversed() {
          quantizer.quantize(slab, from: base + slab.lowerBound * columns)
        }
      }
      let matrix = quantizer.finish()
      #expect(matrix.packedCodes == whole.packedCodes)
      #expect(matrix.absmaxCodes == whole.absmaxCodes)
      #expect(matrix.absmaxFloats == whole.absmaxFloats && matrix.offset == whole.offset)
    }
    let streamed = NF4Matrix.quantizing(rows: rows, columns: columns) { slab, to in
      for (i, value) in values[slab.lowerBound * columns..<slab.upperBound * columns].enumerated() {
        to[i] = value
      }
    }
    #expect(streamed.packedCodes == whole.packedCodes && streamed.offset == whole.offset)
  }

  @Test("any run of elements equals the same part of the whole", arguments: [(33, 65), (6, 96)])
  func runsAreParts(_ rows: Int, _ columns: Int) {
    let matrix = quantised(
      seededValues(rows: rows, columns: columns), rows: rows, columns: columns)
    let whole = values(of: matrix, on: .portable)
    for instructions in supportedInstructions {
      for first in [0, 1, 15, 16, 63, 64, 100] {
        for count in [0, 1, 2, 31, 64, 129, 300] {
          var part = [Float](repeating: 0, count: count)
          part.withUnsafeMutableBufferPointer { part in
            guard let base = part.baseAddress else { return }
            matrix.dequantize(from: first, count: count, into: base, on: instructions)
          }
          #expect(part == Array(whole[first..<first + count]))
        }
      }
    }
    var rowsTwoAndThree = [Float](repeating: 0, count: 2 * columns)
    rowsTwoAndThree.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      matrix.dequantizeRows(2..<4, into: base)
    }
    #expect(rowsTwoAndThree == Array(whole[2 * columns..<4 * columns]))
  }

  @Test("every element is its code's value times its block's magnitude", arguments: [true, false])
  func valueIsCodeTimesMagnitude(_ isDoubleQuantized: Bool) {
    let matrix = quantised(
      seededValues(rows: 5, columns: 77), rows: 5, columns: 77, doubleQuantized: isDoubleQuantized)
    let packed = matrix.packedCodes
    for (i, value) in values(of: matrix, on: .best).enumerated() {
      let code = i % 2 == 0 ? packed[i / 2] >> 4 : packed[i / 2] & 15
      #expect(value == NF4Matrix.values[Int(code)] * matrix.absmax(ofBlock: i / 64))
    }
  }

  @Test("normal numbers come back with the error NF4 has, and cost 4.127 bits each")
  func roundTripIsBounded() {
    let original = seededValues(rows: 576, columns: 576)
    let matrix = quantised(original, rows: 576, columns: 576)
    let back = values(of: matrix, on: .best)
    var squaredError = 0.0
    var square = 0.0
    for (x, y) in zip(original, back) {
      squaredError += Double((x - y) * (x - y))
      square += Double(x * x)
    }
    let relative = (squaredError / square).squareRoot()
    #expect(relative > 0.05 && relative < 0.11)
    let bits = 8 * Double(matrix.byteCount) / Double(original.count)
    #expect(bits > 4.12 && bits < 4.128)
    #expect(
      quantised(original, rows: 576, columns: 576, doubleQuantized: false).byteCount
        == 576 * 576 / 2 + 4 * 5184)
  }

  @Test("a matrix without elements is made and read")
  func emptyMatrix() {
    let matrix = NF4Matrix.quantizing(rows: 0, columns: 64) { _, _ in }
    #expect(matrix.byteCount == 4 && matrix.blockCount == 0 && matrix.offset == 0)
    #expect(values(of: matrix, on: .best).isEmpty)
  }
}

/// The numbers `seeded` of the fixture script makes.
func seededValues(rows: Int, columns: Int) -> [Float] {
  var random = SplitMix(state: UInt64(100_000 * rows + columns))
  return (0..<rows * columns).map { i in
    let z = random.next()
    let total = (0..<4).reduce(-131_070) { $0 + Int(z >> (16 * UInt64($1)) & 0xFFFF) }
    return Float(total * (1 + i / columns % 7)) / 2_097_152
  }
}

func quantised(
  _ values: [Float], rows: Int, columns: Int, doubleQuantized: Bool = true, offset: Float? = nil,
  on instructions: InstructionSet = .best
) -> NF4Matrix {
  let quantizer = NF4Quantizer(rows: rows, columns: columns, doubleQuantized: doubleQuantized)
  values.withUnsafeBufferPointer { values in
    guard let base = values.baseAddress else { return }
    quantizer.quantize(0..<rows, from: base, on: instructions)
  }
  return offset.map { quantizer.finish(offset: $0) } ?? quantizer.finish()
}

func values(of matrix: NF4Matrix, on instructions: InstructionSet) -> [Float] {
  [Float](unsafeUninitializedCapacity: matrix.count) { buffer, written in
    if let base = buffer.baseAddress {
      matrix.dequantize(from: 0, count: matrix.count, into: base, on: instructions)
    }
    written = matrix.count
  }
}

func fnv1a(_ values: [Float]) -> UInt64 {
  fnv1a(values.withUnsafeBytes { [UInt8]($0) })
}

func fnv1a(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
