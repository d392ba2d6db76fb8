internal import CausalLM
internal import Configuration
internal import Kernels
internal import LoRA

extension RunConfiguration.Training {
  /// The size of the noise on embeddings, nil where there is none.
  var embeddingNoise: Double? { neftuneNoiseAlpha.flatMap { $0 > 0 ? $0 : nil } }
}

/// What a step does beside the passes: its noise, and the optimizer.
extension FineTuning {
  /// Whether training rows of a micro-batch that begin alike are computed once: not where each gets noise of its own.
  var sharesTrainingPrefixes: Bool { sharesPrefixes && configuration.embeddingNoise == nil }

  /// The noise of a step, if there is any.
  func noise(step: Int) -> EmbeddingNoise? {
    configuration.embeddingNoise.map {
      EmbeddingNoise(alpha: $0, seed: configuration.seed, step: UInt64(step))
    }
  }

  /// Takes the optimizer's step with the gradients that the adapter holds.
  ///
  /// - Parameters:
  ///   - step: its number, from 0.
  ///   - clip: the factor on all gradients.
  func updateParameters(_ step: Int, clip: Double) {
    for group in parameterGroups {
      AdamW.update(
        adapter.parameters, gradients: adapter.gradients, firstMoment: firstMoment,
        secondMoment: secondMoment, step: step + 1,
        settings: AdamW.Settings(
          learningRate: learningRate[step] * group.rateFactor, beta1: configuration.adamBeta1,
          beta2: configuration.adamBeta2, epsilon: configuration.adamEpsilon,
          weightDecay: configuration.weightDecay),
        region: group.region, gradientScale: Float(clip))
    }
    model.updateMagnitudes()
  }
}
