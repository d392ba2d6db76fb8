import Testing

@testable import Quantization

@Suite("Weight storage") struct WeightStorageTests {
  /// One storage with the values every tile of it must show.
  struct Sample {
    let storage: WeightStorage
    let values: [Float]
    let rows: Int
    let columns: Int
    /// Keeps what `storage` points to.
    let memory: [UInt8]
  }

  @Test(
    "a panel is the transpose of the rows, zero where rows are missing",
    arguments: StorageType.allCases)
  func panelIsTranspose(_ type: StorageType) {
    let widths =
      switch type.blockElements {
      case 1: [1, 3, 29, 64, 100]
      case 32: [32, 64, 160]
      default: [256, 768]
      }
    for columns in widths {
      withSample(type, rows: 41, columns: columns) { expectTilesMatch($0) }
    }
  }

  @Test(
    "panels of NF4 are the transpose of the rows wherever blocks begin",
    arguments: [1, 3, 32, 64, 65, 96, 100, 192])
  func panelOfNF4IsTranspose(_ columns: Int) {
    for isDoubleQuantized in [true, false] {
      let matrix = quantised(
        seededValues(rows: 41, columns: columns), rows: 41, columns: columns,
        doubleQuantized: isDoubleQuantized)
      expectTilesMatch(
        Sample(
          storage: .nf4(matrix), values: values(of: matrix, on: .portable), rows: 41,
          columns: columns, memory: []))
    }
  }

  private func withSample(
    _ type: StorageType, rows: Int, columns: Int, body: (Sample) -> Void
  ) {
    let memory = storedBytes(of: seededValues(rows: rows, columns: columns), as: type)
    let expected = values(of: memory, as: type, on: .portable)
    memory.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return }
      body(
        Sample(
          storage: .blocks(type, base: base, columns: columns), values: expected, rows: rows,
          columns: columns, memory: memory))
    }
  }

  private func expectTilesMatch(
    _ sample: Sample, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let columns = sample.columns
    let ends = Set([0, 32, 64, 352, columns].filter { $0 <= columns }).sorted()
    for rowCount in [0, 1, 15, 16, 17, 31, 32] {
      // Scattered, descending, with a repeat.
      let rows = (0..<rowCount).map { Int32(40 - ($0 * 13) % 40) }
      for first in ends {
        for last in ends where last > first {
          for instructions in supportedInstructions {
            let isRight = tileMatches(sample, rows, first..<last, instructions)
            #expect(
              isRight,
              "\(instructions), \(rowCount) rows, columns \(first)..<\(last) of \(columns)",
              sourceLocation: sourceLocation)
          }
        }
      }
    }
  }

  private func tileMatches(
    _ sample: Sample, _ rows: [Int32], _ columns: Range<Int>, _ instructions: InstructionSet
  ) -> Bool {
    // What lies around a tile must stay.
    let guardValue: Float = -77
    let width = columns.count
    var panel = [Float](repeating: guardValue, count: width * 32 + 16)
    var flat = [Float](repeating: guardValue, count: rows.count * (width + 5) + 1)
    rows.withUnsafeBufferPointer { rows in
      // An empty array may have no address; the function never reads it then.
      let start = rows.baseAddress ?? UnsafePointer(bitPattern: 4)
      guard let start else { return }
      panel.withUnsafeMutableBufferPointer { panel in
        guard let panel = panel.baseAddress else { return }
        sample.storage.readPanel(
          rows: start, rowCount: rows.count, columns: columns, into: panel, on: instructions)
      }
      flat.withUnsafeMutableBufferPointer { flat in
        guard let flat = flat.baseAddress else { return }
        sample.storage.readRows(
          rows: start, rowCount: rows.count, columns: columns, into: flat,
          leadingDimension: width + 5, on: instructions)
      }
    }
    for k in 0..<width {
      for j in 0..<32 {
        let isThere = j < rows.count
        let expected: Float =
          isThere ? sample.values[Int(rows[j]) * sample.columns + columns.lowerBound + k] : 0
        if panel[k * 32 + j].bitPattern != expected.bitPattern { return false }
        if isThere, flat[j * (width + 5) + k].bitPattern != expected.bitPattern { return false }
      }
    }
    let isGapUntouched = rows.indices.allSatisfy { j in
      (width..<width + 5).allSatisfy { flat[j * (width + 5) + $0] == guardValue }
    }
    return isGapUntouched && panel.suffix(16).allSatisfy { $0 == guardValue }
  }
}
