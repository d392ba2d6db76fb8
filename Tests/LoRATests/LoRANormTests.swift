import Kernels
import LoRA
import TestSupport
import Testing

@Suite("‖ΔW‖") struct LoRANormTests {
  @Test(
    "through the Gram matrices is that of the product itself",
    arguments: LoRAModuleTests.ranks, [false, true])
  func equalsDirectProduct(_ rank: Int, _ isRankStabilized: Bool) {
    let problem = LoRAModuleTests.Problem(
      rank: rank, tokens: 1, isRankStabilized: isRankStabilized)
    let product = LoRAModuleTests.product(
      problem.b.map(Double.init), problem.a.map(Double.init), inner: rank)
    let expected =
      Double(problem.module.scale) * product.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(expected > 1)
    #expect(abs(problem.module.deltaNorm - expected) < 1e-9 * expected)
    // The modules beside it are zero.
    let norms = problem.adapter.deltaNorms()
    #expect(abs(norms[0] - expected) < 1e-6 * expected)
    #expect(norms.dropFirst().allSatisfy { $0 == 0 })
  }

  @Test("is 0 where the columns of B cancel")
  func cancels() {
    let problem = LoRAModuleTests.Problem(rank: 3, tokens: 1)
    let module = problem.module
    for column in 0..<module.inputs {
      for row in 1..<3 { module.a[row * module.inputs + column] = module.a[column] }
    }
    for row in 0..<module.outputs {
      module.b[row * 3 + 2] = -(module.b[row * 3] + module.b[row * 3 + 1])
    }
    #expect(module.deltaNorm < 1e-5)
  }
}
