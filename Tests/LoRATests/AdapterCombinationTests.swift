import Kernels
import LoRA
import ModelFiles
import TestSupport
import Testing

@Suite("Several adapters") struct AdapterCombinationTests {
  private static let layers: [LoRAConfiguration.Layer] = (0..<2).flatMap { block in
    [("q_proj", 64), ("k_proj", 32), ("v_proj", 32), ("o_proj", 64)].map { name, outputs in
      LoRAConfiguration.Layer(
        name: "model.layers.\(block).self_attn.\(name)", inputs: 64, outputs: outputs)
    }
  }

  private static func adapters(_ weights: [(String, Double)]) throws -> [(
    adapter: LoRAAdapter, weight: Double
  )] {
    try weights.map { name, weight in
      (try LoRAAdapter.read(Fixture.path("combination/\(name)"), for: layers), weight)
    }
  }

  private static let two = [("left", 0.7), ("right", -0.4)]
  private static let three = [("left", 0.7), ("right", -0.4), ("narrow", 1.5)]

  private static func values(_ file: SafetensorsFile, _ name: String) throws -> (
    shape: [Int], values: [Float]
  ) {
    let tensor = try #require(file.tensor(named: name))
    let bytes = UnsafeRawBufferPointer(
      rebasing: file.file.bytes[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount])
    return (
      tensor.shape,
      (0..<tensor.elementCount).map {
        bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
      }
    )
  }

  /// `B A` of matrices that lie row by row.
  private static func product(_ b: [Float], _ a: [Float], rank: Int) -> [Double] {
    let (rows, columns) = (b.count / rank, a.count / rank)
    var result = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for k in 0..<rank {
        for column in 0..<columns {
          result[row * columns + column] +=
            Double(b[row * rank + k]) * Double(a[k * columns + column])
        }
      }
    }
    return result
  }

  @Test(
    "become the one that PEFT makes of them, number by number",
    arguments: [AdapterCombination.linear, .ties(density: 0.45)])
  func matricesArePEFTs(_ method: AdapterCombination) throws {
    let name = method == .linear ? "linear" : "ties"
    let file = try SafetensorsFile(path: Fixture.path("combination/\(name).safetensors"))
    let combined = try method.combined(Self.adapters(Self.two), of: Self.layers)
    #expect(combined.modules.count == 6)
    #expect(file.tensors.count == 12)
    for module in combined.modules {
      #expect(module.scale == 1)
      for (half, found) in [
        ("lora_A", GGUFAdapterFileTests.a(module)), ("lora_B", GGUFAdapterFileTests.b(module)),
      ] {
        let wanted = try Self.values(file, "\(module.name).\(half)").values
        #expect(wanted.count == found.count)
        #expect(zip(wanted, found).allSatisfy { abs($0 - $1) <= 1e-6 }, "\(module.name).\(half)")
        // TIES leaves places empty that the plain sum fills.
        let zeros = wanted.count { $0 == 0 }
        #expect(name == "linear" ? zeros == 0 : zeros > wanted.count / 10)
      }
    }
  }

  @Test(
    "have the product that PEFT's have, whatever their ranks",
    arguments: [
      ("cat", AdapterCombination.cat, three), ("svd", .svd(rank: nil), three),
      ("svd-3", .svd(rank: 3), [("left", 0.7), ("right", 0.4)]),
    ])
  func productsArePEFTs(
    _ name: String, _ method: AdapterCombination, _ weights: [(String, Double)]
  ) throws {
    let file = try SafetensorsFile(path: Fixture.path("combination/\(name).safetensors"))
    let combined = try method.combined(Self.adapters(weights), of: Self.layers)
    #expect(combined.modules.count == 6)
    for module in combined.modules {
      let a = try Self.values(file, "\(module.name).lora_A")
      let b = try Self.values(file, "\(module.name).lora_B")
      // PEFT gives every layer one rank, filled up with zeros.
      #expect(module.rank <= a.shape[0] && module.scale == 1)
      let wanted = Self.product(b.values, a.values, rank: a.shape[0])
      let found = Self.product(
        GGUFAdapterFileTests.b(module), GGUFAdapterFileTests.a(module), rank: module.rank)
      #expect(zip(wanted, found).allSatisfy { abs($0 - $1) < 1e-5 }, "\(module.name)")
      #expect(wanted.contains { abs($0) > 0.1 })
    }
  }

  @Test("have the sum of ranks where they stand side by side, and the largest where decomposed")
  func ranks() throws {
    let adapters = try Self.adapters(Self.three)
    func ranks(_ method: AdapterCombination) throws -> [Int] {
      try method.combined(adapters, of: Self.layers).modules.map(\.rank)
    }
    // q of all three, v of two, o of one; twice.
    #expect(try ranks(.cat) == [10, 6, 4, 10, 6, 4])
    #expect(try ranks(.svd(rank: nil)) == [4, 4, 4, 4, 4, 4])
    #expect(try ranks(.svd(rank: 100)) == [10, 6, 4, 10, 6, 4])
  }

  @Test("of unequal ranks are refused where their matrices would have to be added")
  func refused() throws {
    let adapters = try Self.adapters(Self.three)
    for method in [AdapterCombination.linear, .ties(density: 0.5)] {
      #expect(
        throws: LoRAError.notCombinable(
          layer: "model.layers.0.self_attn.q_proj", ranks: [4, 4, 2])
      ) {
        _ = try method.combined(adapters, of: Self.layers)
      }
    }
  }

  @Test("can be written and read again as PEFT's folder")
  func readAgain() throws {
    let combined = try AdapterCombination.cat.combined(Self.adapters(Self.three), of: Self.layers)
    let scratch = try GGUFAdapterFileTests.ScratchFile()
    let folder = "\(scratch.folder)/combined"
    try AdapterFolder.save(combined, as: folder, baseModel: "tiny-tied")
    let read = try LoRAAdapter.read(folder, for: Self.layers)
    #expect(read.parameters.array == combined.parameters.array)
    #expect(read.modules.map(\.scale) == combined.modules.map(\.scale))
  }

  @Test("of a layer: its effective rank is at most its rank, and its values make up ‖ΔW‖")
  func singularValues() throws {
    for module in try Self.adapters([("left", 1)])[0].adapter.modules {
      let values = module.deltaSingularValues
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - module.deltaNorm) < 1e-6 * norm)
      #expect(module.effectiveRank > 1 && module.effectiveRank < 4)
    }
  }
}
