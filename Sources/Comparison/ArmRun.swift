public import Serialization

/// What an arm took beside its answers: `arms/<arm>-<seed>.json`.
public struct ArmRun: Sendable, Equatable {
  /// The arm.
  public var arm: Arm
  /// The seed that it was trained with; the first one for arms that are not trained.
  public var seed: Int
  /// How many questions it answered.
  public var questions: Int
  /// Seconds of its training, steps, validation and checkpoints; nil where nothing was trained.
  public var trainingSeconds: Double?
  /// Largest resident memory while it was trained, bytes, mapped pages included; nil where nothing was trained.
  public var trainingMemoryBytes: Int?
  /// Largest resident memory while it answered, bytes, mapped pages included.
  public var memoryBytes: Int
  /// The loss on retention data before training, nats a token; nil where it was not measured.
  public var retentionLossBefore: Double?
  /// The loss on it after training.
  public var retentionLossAfter: Double?

  /// Describes what an arm took.
  public init(
    arm: Arm, seed: Int, questions: Int, trainingSeconds: Double? = nil,
    trainingMemoryBytes: Int? = nil, memoryBytes: Int, retentionLossBefore: Double? = nil,
    retentionLossAfter: Double? = nil
  ) {
    self.arm = arm
    self.seed = seed
    self.questions = questions
    self.trainingSeconds = trainingSeconds
    self.trainingMemoryBytes = trainingMemoryBytes
    self.memoryBytes = memoryBytes
    self.retentionLossBefore = retentionLossBefore
    self.retentionLossAfter = retentionLossAfter
  }

  /// The record as its file holds it.
  public var json: JSONObject {
    [
      "arm": .string(arm.rawValue), "seed": .integer(seed), "questions": .integer(questions),
      "training_seconds": trainingSeconds.map { .number($0) } ?? .null,
      "training_memory_bytes": trainingMemoryBytes.map { .integer($0) } ?? .null,
      "memory_bytes": .integer(memoryBytes),
      "retention_loss_before": retentionLossBefore.map { .number($0) } ?? .null,
      "retention_loss_after": retentionLossAfter.map { .number($0) } ?? .null,
    ]
  }

  /// Reads what ``json`` wrote; nil where it is something else.
  public init?(json: JSONValue) {
    guard let name = json["arm"]?.stringValue, let arm = Arm(rawValue: name),
      let seed = json["seed"]?.intValue, let questions = json["questions"]?.intValue,
      let memoryBytes = json["memory_bytes"]?.intValue
    else { return nil }
    self.init(
      arm: arm, seed: seed, questions: questions,
      trainingSeconds: json["training_seconds"]?.doubleValue,
      trainingMemoryBytes: json["training_memory_bytes"]?.intValue, memoryBytes: memoryBytes,
      retentionLossBefore: json["retention_loss_before"]?.doubleValue,
      retentionLossAfter: json["retention_loss_after"]?.doubleValue)
  }
}
