import Kernels
import LoRA
import TestSupport
import Testing

@Suite("LoRAAdapter") struct LoRAAdapterTests {
  static func shape(_ name: String, inputs: Int = 100, rank: Int = 16) -> LoRAModuleShape {
    LoRAModuleShape(
      name: name, inputs: inputs, outputs: 30, rank: rank, alpha: 16, isRankStabilized: false)
  }

  static func adapter(_ shapes: [LoRAModuleShape]) -> LoRAAdapter {
    LoRAAdapter(shapes: shapes, configuration: LoRAConfiguration(dropout: 0.125))
  }

  static func a(_ adapter: LoRAAdapter, _ name: String) -> [Float] {
    guard let module = adapter.module(named: name) else { return [] }
    return Array(UnsafeBufferPointer(start: module.a, count: module.rank * module.inputs))
  }

  static func b(_ adapter: LoRAAdapter, _ name: String) -> [Float] {
    guard let module = adapter.module(named: name) else { return [] }
    return Array(UnsafeBufferPointer(start: module.b, count: module.rank * module.outputs))
  }

  @Test("modules lie end to end in the flat buffers, found by name")
  func layout() {
    let adapter = Self.adapter([Self.shape("x", inputs: 5, rank: 2), Self.shape("y", rank: 1)])
    #expect(adapter.parameters.count == 2 * 35 + 130)
    #expect(adapter.gradients.count == adapter.parameters.count)
    #expect(adapter.modules.map(\.name) == ["x", "y"])
    #expect(adapter.module(named: "z") == nil)
    #expect(adapter.dropout == 0.125)
    for index in 0..<adapter.parameters.count {
      adapter.parameters.base[index] = Float(index)
      adapter.gradients.base[index] = -Float(index)
    }
    #expect(Self.a(adapter, "x") == (0..<10).map { Float($0) })
    #expect(Self.b(adapter, "x") == (10..<70).map { Float($0) })
    #expect(Self.a(adapter, "y") == (70..<170).map { Float($0) })
    #expect(adapter.modules[1].gradB[29] == -199)
  }

  @Test("A begins uniform within 1/√inputs and B at zero", arguments: [1, 17, 100])
  func kaiming(_ inputs: Int) {
    let adapter = Self.adapter([Self.shape("x", inputs: inputs, rank: 64)])
    for index in 0..<adapter.parameters.count { adapter.parameters.base[index] = 7 }
    adapter.initialize(.kaimingUniform, seed: 3)
    let (a, bound) = (Self.a(adapter, "x"), 1 / Double(inputs).squareRoot())
    #expect(Self.b(adapter, "x").allSatisfy { $0 == 0 })
    #expect(a.allSatisfy { Double($0.magnitude) <= bound * 1.000_001 })
    // Mean 0 and variance bound²/3, to five standard deviations.
    let count = Double(a.count)
    let mean = a.reduce(0) { $0 + Double($1) } / count
    let square = a.reduce(0) { $0 + Double($1) * Double($1) } / count
    #expect(mean.magnitude < 5 * bound / (3 * count).squareRoot())
    #expect((square / (bound * bound) - 1.0 / 3).magnitude < 5 * 0.3 / count.squareRoot())
    #expect(largestMagnitude(a) > 0.9 * bound)
  }

  @Test("gaussian A has standard deviation 1/rank", arguments: [1, 8, 16])
  func gaussian(_ rank: Int) {
    let adapter = Self.adapter([Self.shape("x", inputs: 1_500, rank: rank)])
    adapter.initialize(.gaussian, seed: 3)
    #expect(Self.b(adapter, "x").allSatisfy { $0 == 0 })
    let a = Self.a(adapter, "x").map { Double($0) * Double(rank) }
    let count = Double(a.count)
    func moment(_ power: Int) -> Double {
      a.reduce(0) { sum, x in sum + (0..<power).reduce(1) { product, _ in product * x } } / count
    }
    #expect(moment(1).magnitude < 5 / count.squareRoot())
    #expect((moment(2) - 1).magnitude < 5 * (2 / count).squareRoot())
    #expect(moment(3).magnitude < 5 * (15 / count).squareRoot())
    #expect((moment(4) - 3).magnitude < 5 * (96 / count).squareRoot())
  }

  @Test("a module's numbers follow from seed and name, not from the modules beside it")
  func independence() {
    for kind in [LoRAAdapter.Initialization.kaimingUniform, .gaussian] {
      let adapters = [["x", "y"], ["y", "z", "x"]].map { Self.adapter($0.map { Self.shape($0) }) }
      for adapter in adapters { adapter.initialize(kind, seed: 42) }
      for name in ["x", "y"] {
        expectSameBits(Self.a(adapters[0], name), Self.a(adapters[1], name), name)
      }
      #expect(Self.a(adapters[0], "x") != Self.a(adapters[0], "y"))
      let first = Self.a(adapters[0], "x")
      adapters[0].initialize(kind, seed: 43)
      #expect(Self.a(adapters[0], "x") != first)
    }
  }

  @Test("each module has dropout masks of its own")
  func dropoutStreams() {
    let adapter = Self.adapter(["x", "y", "z"].map { Self.shape($0) })
    #expect(Set(adapter.modules.map(\.dropoutStream)).count == 3)
  }
}
