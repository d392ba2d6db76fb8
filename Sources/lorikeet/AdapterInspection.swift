import CausalLM
import LoRA
import ModelFiles
import Quantization
import Serialization

/// What an adapter does to each layer of its base: how far it moves the weight, and in how many directions.
struct AdapterInspection {
  /// One adapted layer.
  struct Layer {
    let name: String
    let rank: Int
    /// ‖ΔW‖, Frobenius.
    let deltaNorm: Double
    /// ‖W‖, Frobenius.
    let weightNorm: Double
    /// e to the entropy of ΔW's singular values.
    let effectiveRank: Double

    /// ‖ΔW‖ / ‖W‖; 0 where the adapter does nothing.
    var relativeNorm: Double { deltaNorm == 0 ? 0 : deltaNorm / weightNorm }
  }

  /// The adapted layers, in the model's order.
  let layers: [Layer]

  /// Reads the adapter at `path` and the weights that it changes.
  ///
  /// - Throws: what reading either throws.
  init(_ path: String, of file: ModelFile, _ console: Console) throws {
    let model = try CausalLM.load(file)
    let adapter = try LoRAAdapter.read(path, for: model.adaptableLayers)
    model.updateMagnitudes(of: adapter)
    let (norms, ranks) = (adapter.deltaNorms(), adapter.effectiveRanks())
    let modules = adapter.modules
    layers = console.stage("measuring", in: .things("layers")) { progress in
      modules.indices.map { index in
        progress(index, modules.count)
        let module = modules[index]
        return Layer(
          name: module.name, rank: module.rank, deltaNorm: norms[index],
          weightNorm: model.weight(named: module.name)?.frobeniusNorm ?? 0,
          effectiveRank: ranks[index])
      }
    }
  }

  func report(_ console: Console) {
    let width = layers.map(\.name.count).max() ?? 0
    func row(_ name: String, _ cells: [String]) -> String {
      let padded = zip(cells, [5, 10, 14]).map { cell, width in
        String(repeating: " ", count: max(0, width - cell.count)) + cell
      }
      let space = String(repeating: " ", count: max(0, width - name.count))
      return "  \(name)\(space)\(padded.joined(separator: "  "))"
    }
    console.print(row("layer", ["r", "‖ΔW‖/‖W‖", "effective rank"]))
    for layer in layers {
      console.print(
        row(
          layer.name,
          [
            "\(layer.rank)", Format.scientific(layer.relativeNorm),
            Format.fixed(layer.effectiveRank, 2),
          ]))
    }
  }

  /// The same for programs.
  var json: JSONValue {
    .array(
      layers.map { layer in
        [
          "name": .string(layer.name), "rank": .integer(layer.rank),
          "delta_norm": .number(layer.deltaNorm), "weight_norm": .number(layer.weightNorm),
          "relative_norm": .number(layer.relativeNorm),
          "effective_rank": .number(layer.effectiveRank),
        ]
      })
  }
}
