internal import CausalLM
internal import Datasets
internal import Kernels
internal import LoRA

/// What a run says of numbers that went wrong.
extension FineTuning {
  /// Steps after which a layer that has learnt nothing is reported.
  private static let stepsUntilDead = 10
  /// Rows that a spike is put down to.
  private static let namedRows = 3

  /// Finds the rows and the place at which a step stopped being finite.
  ///
  /// - Parameters:
  ///   - step: the step that was being taken, from 0.
  ///   - window: its examples.
  ///   - loss: the window's loss.
  func explainNonFinite(_ step: Int, _ window: [Int], loss: Double, _ dropout: DropoutSeed)
    -> TrainingError
  {
    let noise = noise(step: step)
    func sources(_ indices: [Int]) -> [String] {
      indices.map { examples[$0].source.description }
    }
    guard !loss.isFinite else {
      // The backward pass goes from the last layer to the first: where it began is what comes last in the model.
      let module = adapter.modules.last { !$0.hasFiniteGradient }
      return .notFinite(
        step: step + 1, quantity: "gradient", place: module?.name, examples: sources(window),
        checkpointStep: checkpointStep)
    }
    var place: String?
    var faulty: [Int] = []
    for index in window {
      let batch = MicroBatch(examples, indices: [index], sharesPrefixes: false)
      guard let found = model.firstNonFinite(batch, dropout: dropout, noise: noise) else {
        continue
      }
      faulty.append(index)
      place = place ?? found.description
    }
    return .notFinite(
      step: step + 1, quantity: "loss", place: place,
      examples: sources(faulty.isEmpty ? window : faulty), checkpointStep: checkpointStep)
  }

  /// The rows of a window that the model finds hardest, hardest first.
  func rowsOfHighestLoss(_ window: [Int]) -> [String] {
    let losses = window.map { index in
      (
        index, loss: model.loss(MicroBatch(examples, indices: [index], sharesPrefixes: false)).mean
      )
    }
    return losses.sorted { $0.loss > $1.loss }.prefix(Self.namedRows).map {
      examples[$0.0].source.description
    }
  }

  /// Layers whose B has not left zero, where it is time to look.
  func deadModules(after step: Int) -> TrainingEvent? {
    guard step == min(Self.stepsUntilDead, totalSteps) else { return nil }
    let dead = adapter.modules.filter { module in
      (0..<module.outputs * module.rank).allSatisfy { module.b[$0] == 0 }
    }
    return dead.isEmpty ? nil : .deadModules(step: step, names: dead.map(\.name))
  }
}

extension LoRAModule {
  fileprivate var hasFiniteGradient: Bool {
    (0..<rank * inputs).allSatisfy { gradA[$0].isFinite }
      && (0..<rank * outputs).allSatisfy { gradB[$0].isFinite }
      && (magnitude.map { magnitude in
        (0..<outputs).allSatisfy { magnitude.gradients[$0].isFinite }
      } ?? true)
  }
}
