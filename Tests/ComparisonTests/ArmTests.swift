import Comparison
import Testing

@Suite("Arm") struct ArmTests {
  @Test func `The table goes from the cheap arm to the dear one`() {
    #expect(Arm.allCases.shuffled().sorted() == Arm.allCases)
    #expect(Arm.allCases.filter(\.retrieves) == [.retrieval, .tunedRetrieval])
    #expect(Arm.allCases.filter(\.isTrained) == [.tuned, .tunedRetrieval])
  }
}
