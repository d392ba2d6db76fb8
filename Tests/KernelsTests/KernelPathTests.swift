import Kernels
import Testing

@Suite("KernelPath") struct KernelPathTests {
  @Test("offers the baseline first and the best last")
  func available() {
    #expect(KernelPath.available.first == .baseline)
    #expect(KernelPath.available.last == KernelPath.best)
    #expect(KernelPath.available == KernelPath.available.sorted())
    #expect(KernelPath.available.contains(KernelPath.active))
  }

  @Test("is named as LORIKEET_KERNELS names it")
  func names() {
    #expect(KernelPath.allCases.map(\.description) == ["baseline", "avx2", "avx512"])
  }
}
