import Foundation
import Kernels
import TestSupport
import Testing

@Suite("GeGLU") struct GeGLUTests {
  static func gelu(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  @Test("gives PyTorch's output and gradients", arguments: KernelPath.available)
  func equalsPyTorch(_ path: KernelPath) throws {
    let fixture = try TensorFixture("kernels/geglu.safetensors")
    #expect(fixture.cases.count == 4)
    for name in fixture.cases {
      let shape = fixture.shape("\(name).gate")
      func matrix(_ role: String) -> GuardedMatrix {
        GuardedMatrix(rows: shape[0], columns: shape[1], fixture.floats("\(name).\(role)"))
      }
      func empty() -> GuardedMatrix { GuardedMatrix(rows: shape[0], columns: shape[1]) }
      let (gate, up, gradOutput) = (matrix("gate"), matrix("up"), matrix("grad_output"))
      let (output, gradGate, gradUp) = (empty(), empty(), empty())
      GeGLU.forward(gate: gate.matrix, up: up.matrix, output: output.matrix, path: path)
      GeGLU.backward(
        gradOutput.matrix, gate: gate.matrix, up: up.matrix, gradGate: gradGate.matrix,
        gradUp: gradUp.matrix, path: path)
      for (got, role) in [(output, "output"), (gradGate, "grad_gate"), (gradUp, "grad_up")] {
        // A gate far below zero passes nothing: what is left is below 10⁻³⁰ and need not be exact.
        expectClose(
          got.values, fixture.floats("\(name).\(role)"), relative: 1e-6, absolute: 1e-6,
          "\(name).\(role)")
      }
      for matrix in [gate, up, gradOutput, output, gradGate, gradUp] { #expect(matrix.isIntact) }
    }
  }

  @Test(
    "backward is the central difference of forward", arguments: KernelPath.available,
    [1, 7, 16, 33])
  func backwardEqualsCentralDifference(_ path: KernelPath, _ columns: Int) {
    var numbers = SeededNumbers(4)
    let (g, u) = (numbers.floats(2 * columns, within: 6), numbers.floats(2 * columns, within: 2))
    let dy = numbers.floats(2 * columns)
    let (gate, up, gradOutput) = (
      GuardedMatrix(rows: 2, columns: columns, g), GuardedMatrix(rows: 2, columns: columns, u),
      GuardedMatrix(rows: 2, columns: columns, dy)
    )
    let (gradGate, gradUp) = (
      GuardedMatrix(rows: 2, columns: columns), GuardedMatrix(rows: 2, columns: columns)
    )
    GeGLU.backward(
      gradOutput.matrix, gate: gate.matrix, up: up.matrix, gradGate: gradGate.matrix,
      gradUp: gradUp.matrix, path: path)
    #expect(gate.isIntact && up.isIntact && gradOutput.isIntact)
    expectGradient(gradGate.values, at: g, "gate") { g in
      g.indices.reduce(0) { $0 + Double(dy[$1]) * Self.gelu(g[$1]) * Double(u[$1]) }
    }
    expectGradient(gradUp.values, at: u, "up") { u in
      u.indices.reduce(0) { $0 + Double(dy[$1]) * Self.gelu(Double(g[$1])) * u[$1] }
    }
  }

  @Test("is as exact as a Float from −4 to 80", arguments: KernelPath.available)
  func isExact(_ path: KernelPath) {
    // Below, 1 + tanh is a difference of numbers that are nearly equal, in double too.
    let gates = (-64...1280).map { Float($0) / 16 + 0.003 }
    let (gate, one) = (
      GuardedMatrix(gates), GuardedMatrix([Float](repeating: 1, count: gates.count))
    )
    let output = GuardedMatrix(rows: 1, columns: gates.count)
    GeGLU.forward(gate: gate.matrix, up: one.matrix, output: output.matrix, path: path)
    #expect(gate.isIntact && one.isIntact)
    expectClose(
      output.values, gates.map { Self.gelu(Double($0)) }, relative: 1e-6, absolute: 1e-36)
  }

  @Test("saturates, without NaN, far from zero", arguments: KernelPath.available)
  func saturates(_ path: KernelPath) {
    let gates: [Float] = [-1e30, -1e4, -100, -12, 0, 12, 100, 1e4, 1e30]
    let ones = [Float](repeating: 1, count: gates.count)
    let (output, gradGate, gradUp) = (
      GuardedMatrix(rows: 1, columns: gates.count), GuardedMatrix(rows: 1, columns: gates.count),
      GuardedMatrix(rows: 1, columns: gates.count)
    )
    let (gate, one) = (GuardedMatrix(gates), GuardedMatrix(ones))
    GeGLU.forward(gate: gate.matrix, up: one.matrix, output: output.matrix, path: path)
    GeGLU.backward(
      one.matrix, gate: gate.matrix, up: one.matrix, gradGate: gradGate.matrix,
      gradUp: gradUp.matrix, path: path)
    // σ is not below 10⁻³⁸ here, so a gate of −10³⁰ still passes 10⁻⁸ of itself to nobody's harm.
    expectClose(output.values, gates.map { max(0, $0) }, absolute: 1e-7)
    expectClose(gradUp.values, gates.map { max(0, $0) }, absolute: 1e-7)
    expectClose(gradGate.values, [0, 0, 0, 0, 0.5, 1, 1, 1, 1] as [Float], absolute: 1e-7)
  }

  @Test("backward may overwrite its inputs", arguments: KernelPath.available)
  func backwardInPlace(_ path: KernelPath) {
    var numbers = SeededNumbers(5)
    let (g, u, dy) = (numbers.floats(3 * 37), numbers.floats(3 * 37), numbers.floats(3 * 37))
    func matrix(_ values: [Float]? = nil) -> GuardedMatrix {
      GuardedMatrix(rows: 3, columns: 37, values)
    }
    let (gate, up, gradOutput, gradGate, gradUp) = (
      matrix(g), matrix(u), matrix(dy), matrix(), matrix()
    )
    GeGLU.backward(
      gradOutput.matrix, gate: gate.matrix, up: up.matrix, gradGate: gradGate.matrix,
      gradUp: gradUp.matrix, path: path)
    GeGLU.backward(
      gradOutput.matrix, gate: gate.matrix, up: up.matrix, gradGate: gate.matrix,
      gradUp: up.matrix, path: path)
    expectSameBits(gate.values, gradGate.values)
    expectSameBits(up.values, gradUp.values)
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    var numbers = SeededNumbers(6)
    let matrices = (0..<3).map { _ in
      GuardedMatrix(rows: 35, columns: 19, numbers.floats(35 * 19, within: 4))
    }
    expectSameBitsOnAnyThreads {
      let results = (0..<3).map { _ in GuardedMatrix(rows: 35, columns: 19) }
      GeGLU.forward(
        gate: matrices[0].matrix, up: matrices[1].matrix, output: results[0].matrix, path: path)
      GeGLU.backward(
        matrices[2].matrix, gate: matrices[0].matrix, up: matrices[1].matrix,
        gradGate: results[1].matrix, gradUp: results[2].matrix, path: path)
      return results.flatMap(\.values)
    }
  }
}
