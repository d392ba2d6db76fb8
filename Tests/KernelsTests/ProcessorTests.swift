import Kernels
import Testing

@Suite("Processor") struct ProcessorTests {
  @Test("features are single words, whatever the CPU")
  func featuresAreWords() {
    #expect(Processor.features.allSatisfy { !$0.isEmpty && !$0.contains { $0.isWhitespace } })
    #expect(Processor.modelName?.isEmpty != true)
  }

  #if arch(x86_64)
    @Test("the kernels in use need no feature that the system does not list")
    func kernelsAreAmongFeatures() {
      let features = Set(Processor.features)
      #expect(KernelPath.active < .avx2 || features.isSuperset(of: ["avx2", "fma"]))
      #expect(KernelPath.active < .avx512 || features.contains("avx512f"))
    }
  #endif
}
