import Datasets
import Inference
import LoRA
import ModelFiles
import Quantization
import Serialization

/// A merge to a quantised type: tried in the ways that its policy allows, and the best of them kept.
struct MeasuredMerge {
  /// What was tried, in the order of the ways.
  let trials: [MergeTrial]
  /// What was taken.
  let taken: MergeTrial
  /// Where it is.
  let output: String
  /// Where the adapter is, if it was kept apart.
  let adapterOutput: String?
  private let type: StorageType
  private let policy: MergePolicy

  /// Tries, chooses, and leaves the chosen file at `output`.
  ///
  /// Files are made in a hidden folder beside the output, of which nothing is left.
  ///
  /// - Throws: `ModelFileError` where there is such a file already or it cannot be written.
  init(
    _ merge: ModelMerge, as type: StorageType, by policy: MergePolicy, to output: String,
    texts: [TokenizedExample], _ console: Console
  ) throws {
    let staged = try StagedFolder(path: output)
    let adapterName = "\(output.dropLast(5)).adapter.gguf"
    if policy == .closest || policy == .apart {
      // Known now rather than when all is done.
      _ = try StagedFolder(path: adapterName)
    }
    // GGUF has no place for DoRA's magnitudes, so that such an adapter is kept apart only where that is asked for, and
    // then refused.
    let hasMagnitudes = merge.adapter?.hasMagnitudes ?? false
    let ways = policy.ways(for: type).filter {
      $0 != .apart || !hasMagnitudes || policy == .apart
    }
    let trials = try ways.map { way in
      try MergeTrial(
        merge, way, as: type, in: staged.stagingPath, texts: texts,
        writing: { try console.stage("\(way.rawValue): writing", in: .bytes, $0) },
        comparing: { try console.stage("\(way.rawValue): comparing", in: .things("texts"), $0) })
    }
    let index = policy.choice(
      among: trials.map { ($0.way, $0.distance.divergence, $0.byteCount) })
    let taken = trials[index ?? 0]
    let adapterOutput = taken.adapterPath.map { _ in adapterName }
    if let adapterOutput { try staged.take("adapter.gguf", as: adapterOutput) }
    try staged.take("\(taken.way.rawValue).gguf", as: output)
    self.trials = trials
    self.taken = taken
    self.output = output
    self.adapterOutput = adapterOutput
    self.type = type
    self.policy = policy
  }

  /// Says what was tried, what was taken and what is where.
  func report(_ console: Console) {
    let distance = taken.distance
    console.print(
      "\(type.rawValue) against base + adapter on \(distance.positions) positions, perplexity \(Format.fixed(distance.referencePerplexity, 3)):"
    )
    console.print("  way         size   KL, nats   same top-1  perplexity")
    for trial in trials {
      let cells = [
        Format.bytes(trial.byteCount), Format.scientific(trial.distance.divergence),
        Format.percent(trial.distance.agreement), Format.fixed(trial.distance.perplexity, 3),
      ]
      let padded = zip(cells, [10, 9, 11, 10]).map { cell, width in
        String(repeating: " ", count: max(0, width - cell.count)) + cell
      }
      let name = trial.way.rawValue
      console.print(
        "  \(name)\(String(repeating: " ", count: 6 - name.count))\(padded.joined(separator: "  "))"
      )
    }
    console.print(
      "taken: \(taken.way.rawValue), \(Self.meaning(of: taken.way)) (--policy \(policy.rawValue))")
    noteNearer(console)
    let types = taken.model.typeCounts.map { "\($0.count) \($0.type.rawValue)" }
    console.print(
      "wrote \(output): \(Format.bytes(taken.model.byteCount)), tensors \(types.joined(separator: ", "))"
    )
    if let adapterOutput {
      console.print(
        "wrote \(adapterOutput): the adapter, to be named beside the model (llama.cpp: --lora)")
    }
    WeightTypes.noteFallbacks(of: taken.model, wanted: type, console)
  }

  /// Says so where what the policy left out is far nearer: weights that lie on a type's grid already are rounded back to
  /// it, and with them goes what a small adapter changed.
  private func noteNearer(_ console: Console) {
    let measured = trials.filter { $0.distance.divergence < 0.5 * taken.distance.divergence }
    guard let nearest = measured.min(by: { $0.distance.divergence < $1.distance.divergence })
    else { return }
    console.note(
      "note: \(nearest.way.rawValue), \(Self.meaning(of: nearest.way)), is far nearer; --policy closest takes it"
    )
  }

  private static func meaning(of way: MergeWay) -> String {
    switch way {
    case .plain: "the merged weights quantised as they are"
    case .refit: "the merged weights with each block's scale fitted"
    case .apart: "the base quantised and the adapter beside it"
    }
  }

  /// The same for programs.
  var json: JSONObject {
    var json = WrittenMerge.json(taken.model, taken.distance)
    json["output"] = .string(output)
    json["adapter_output"] = adapterOutput.map { .string($0) } ?? .null
    json["policy"] = .string(policy.rawValue)
    json["way"] = .string(taken.way.rawValue)
    json["trials"] = .array(
      trials.map { trial in
        var object = JSONObject()
        object["way"] = .string(trial.way.rawValue)
        object["bytes"] = .integer(trial.byteCount)
        for (key, value) in WrittenMerge.figures(of: trial.distance) { object[key] = value }
        return .object(object)
      })
    return json
  }
}
