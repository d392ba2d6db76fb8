import Kernels
import Quantization
import Testing

@Suite("ProductRate") struct ProductRateTests {
  @Test("a rate names the shape it was measured at and is a positive number")
  func namesItsShape() {
    let values = FloatBuffer([Float](repeating: 0.5, count: 33 * 17))
    let weight = WeightMatrix(
      rows: 33, columns: 17, type: .f32, base: UnsafeRawPointer(values.base), owner: values)
    let rate = ProductRate.measure(weight, tokens: 5, repeats: 1)
    #expect(rate.rows == 33 && rate.columns == 17 && rate.tokens == 5)
    #expect(rate.forward > 0 && rate.forward.isFinite)
    #expect(rate.backward > 0 && rate.backward.isFinite)
  }
}
