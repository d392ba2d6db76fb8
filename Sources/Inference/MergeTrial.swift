internal import CausalLM
public import Datasets
internal import LoRA
public import ModelFiles
public import Quantization

/// A model and its adapter, written in one way and compared with what they were.
public struct MergeTrial: Sendable {
  /// The way.
  public let way: MergeWay
  /// The model file that was written.
  public let model: WrittenModel
  /// The adapter file beside it, where there is one.
  public let adapterPath: String?
  /// Bytes of all that was written.
  public let byteCount: Int
  /// How far it is from base and adapter.
  public let distance: ModelDistance

  /// Hears how far a stage is.
  public typealias Progress = (_ done: Int, _ of: Int) -> Void

  /// Writes `merge` as GGUF into a folder, reads it back and compares.
  ///
  /// - Parameters:
  ///   - merge: its model has the adapter attached.
  ///   - folder: where files named for the way are written.
  ///   - texts: what base and adapter are compared with it on.
  ///   - writing: runs the work of writing, which says how many bytes are written.
  ///   - comparing: runs that of comparing, which says how many texts are compared.
  /// - Throws: `ModelFileError`, `LoRAError`, `ModelError`.
  public init(
    _ merge: ModelMerge, _ way: MergeWay, as type: StorageType, in folder: String,
    texts: [TokenizedExample],
    writing: (_ work: (_ progress: Progress) throws -> WrittenModel) throws -> WrittenModel,
    comparing: (_ work: (_ progress: Progress) throws -> ModelDistance) throws -> ModelDistance
  ) throws {
    let file = merge.chat.file
    let path = "\(folder)/\(way.rawValue).gguf"
    let model = try writing { progress in
      switch way {
      case .plain, .refit:
        return try GGUFModelWriter.write(
          file, to: path, as: type, fitting: way == .refit ? .leastSquares : .plain,
          rows: merge.rows, progress: progress)
      case .apart where merge.chat.precision == .stored:
        // What has the type already is copied, so the adapter meets the very base it was made for.
        return try GGUFModelWriter.quantize(file, to: path, as: type, progress: progress)
      case .apart:
        return try GGUFModelWriter.write(
          file, to: path, as: type, rows: ModelMerge(merge.chat, adapter: nil).rows,
          progress: progress)
      }
    }
    let written = try CausalLM.load(ModelFile.open(path))
    var adapterPath: String?
    var byteCount = model.byteCount
    if way == .apart, let adapter = merge.adapter {
      let path = "\(folder)/adapter.gguf"
      let layers = merge.chat.model.adaptableLayers
      byteCount += try GGUFAdapterFile.write(
        adapter, to: path, for: layers, name: "\(file.displayName) adapter"
      ).byteCount
      written.attach(try LoRAAdapter.read(path, for: layers))
      adapterPath = path
    }
    self.way = way
    self.model = model
    self.adapterPath = adapterPath
    self.byteCount = byteCount
    distance = try comparing {
      ModelDistance(from: merge.chat.model, to: written, on: texts, progress: $0)
    }
  }
}
