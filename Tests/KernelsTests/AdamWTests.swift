import Foundation
import Kernels
import TestSupport
import Testing

@Suite("AdamW") struct AdamWTests {
  @Test(
    "follows PyTorch for five steps", arguments: KernelPath.available, ["decay", "plain"])
  func equalsPyTorch(_ path: KernelPath, _ name: String) throws {
    let fixture = try TensorFixture("kernels/adamw.safetensors")
    let count = 37
    let gradients = fixture.floats("\(name).gradients")
    let after = fixture.floats("\(name).parameters_after")
    let parameters = FloatBuffer(fixture.floats("\(name).initial"))
    let (first, second) = (FloatBuffer(count: count), FloatBuffer(count: count))
    for (index, rate) in fixture.floats("\(name).learning_rates").enumerated() {
      let stretch = index * count..<(index + 1) * count
      AdamW.update(
        parameters, gradients: FloatBuffer(Array(gradients[stretch])), firstMoment: first,
        secondMoment: second, step: index + 1,
        settings: AdamW.Settings(
          learningRate: Double(rate), beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
          weightDecay: Double(fixture.floats("\(name).weight_decay")[0])), path: path)
      expectClose(
        parameters.array, Array(after[stretch]), relative: 2e-7, absolute: 2e-9,
        "step \(index + 1)")
    }
    expectClose(first.array, fixture.floats("\(name).first_moment"), relative: 1e-6, absolute: 5e-8)
    expectClose(second.array, fixture.floats("\(name).second_moment"), relative: 1e-6)
  }

  @Test("scales gradients as if they had been scaled before", arguments: KernelPath.available)
  func gradientScale(_ path: KernelPath) {
    var numbers = SeededNumbers(13)
    let (initial, gradient) = (numbers.floats(131), numbers.floats(131))
    let settings = AdamW.Settings(
      learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1)
    func step(_ gradient: [Float], scale: Float) -> [Float] {
      let parameters = FloatBuffer(initial)
      let (first, second) = (FloatBuffer(count: 131), FloatBuffer(count: 131))
      AdamW.update(
        parameters, gradients: FloatBuffer(gradient), firstMoment: first, secondMoment: second,
        step: 3, settings: settings, gradientScale: scale, path: path)
      return parameters.array + first.array + second.array
    }
    expectSameBits(step(gradient, scale: 0.3), step(gradient.map { $0 * 0.3 }, scale: 1))
  }

  @Test("of a region updates that and nothing else", arguments: KernelPath.available)
  func regions(_ path: KernelPath) {
    var numbers = SeededNumbers(15)
    let (initial, gradient) = (numbers.floats(131), numbers.floats(131))
    let settings = AdamW.Settings(
      learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1)
    func step(_ region: AdamW.Region?) -> [Float] {
      let parameters = FloatBuffer(initial)
      let (first, second) = (FloatBuffer(count: 131), FloatBuffer(count: 131))
      AdamW.update(
        parameters, gradients: FloatBuffer(gradient), firstMoment: first, secondMoment: second,
        step: 3, settings: settings, region: region, path: path)
      return parameters.array
    }
    let all = step(nil)
    for region in [
      AdamW.Region(offset: 7, columns: 101),
      AdamW.Region(offset: 3, rows: 5, columns: 3, stride: 19),
    ] {
      var expected = initial
      for row in 0..<region.rows {
        let from = region.offset + row * region.stride
        for index in from..<from + region.columns { expected[index] = all[index] }
      }
      let found = step(region)
      expectClose(found, expected, relative: 2e-7, absolute: 1e-9)
      for index in 0..<131 where expected[index] == initial[index] {
        #expect(found[index] == initial[index])
      }
    }
  }

  @Test("without a gradient only decays", arguments: KernelPath.available)
  func decays(_ path: KernelPath) {
    let parameters = FloatBuffer([1, -2, 3])
    AdamW.update(
      parameters, gradients: FloatBuffer(count: 3), firstMoment: FloatBuffer(count: 3),
      secondMoment: FloatBuffer(count: 3), step: 1,
      settings: AdamW.Settings(
        learningRate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.5), path: path)
    #expect(parameters.array == [0.75, -1.5, 2.25])
  }

  @Test("the norm is PyTorch's, over several matrices as over one")
  func norm() throws {
    let fixture = try TensorFixture("kernels/gradient_clipping.safetensors")
    for name in ["above", "below"] {
      let first = fixture.floats("\(name).first")
      let gradients = first + fixture.floats("\(name).second")
      let norm = AdamW.norm(FloatBuffer(gradients))
      expectClose([Float(norm)], fixture.floats("\(name).norm"), relative: 2e-7, name)
      // What the trainer makes of it, as torch's clip_grad_norm_ with a limit of 1.
      let clip = Float(min(1, 1 / (norm + 1e-6)))
      let clipped =
        fixture.floats("\(name).clipped_first") + fixture.floats("\(name).clipped_second")
      expectClose(gradients.map { $0 * clip }, clipped, relative: 3e-7, name)
    }
    #expect(AdamW.norm(FloatBuffer(count: 0)) == 0)
  }

  @Test("the norm neither overflows nor depends on the number of threads")
  func normIsStable() {
    var numbers = SeededNumbers(14)
    let values = FloatBuffer(numbers.floats(70_001, within: 1e30))
    let square = values.array.reduce(0) { $0 + Double($1) * Double($1) }
    let norm = AdamW.norm(values)
    #expect((norm / square.squareRoot() - 1).magnitude < 1e-12)
    expectSameBitsOnAnyThreads { [Float(AdamW.norm(values) / norm)] }
  }

  @Test("does not depend on the number of threads", arguments: KernelPath.available)
  func threads(_ path: KernelPath) {
    var numbers = SeededNumbers(15)
    let count = 40_001
    let (initial, gradients) = (numbers.floats(count), FloatBuffer(numbers.floats(count)))
    expectSameBitsOnAnyThreads {
      let parameters = FloatBuffer(initial)
      AdamW.update(
        parameters, gradients: gradients, firstMoment: FloatBuffer(count: count),
        secondMoment: FloatBuffer(count: count), step: 1,
        settings: AdamW.Settings(
          learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01),
        path: path)
      return parameters.array
    }
  }
}
