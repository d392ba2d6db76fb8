import ModelFiles
import Quantization

/// The types that `--type` chooses between, and what commands say of them.
enum WeightTypes {
  /// The types only GGUF has, for help.
  static var blockNames: String {
    StorageType.writable.filter { $0.blockElements > 1 }.map(\.rawValue).joined(separator: ", ")
  }

  /// The type that `name` names.
  ///
  /// - Throws: `UsageError`, with the types that there are.
  static func type(_ name: String, of command: any Command.Type) throws -> StorageType {
    if let type = StorageType(rawValue: name), type.isWritable { return type }
    let names = StorageType.writable.map(\.rawValue)
    throw UsageError(
      command: command,
      "--type: expected one of \(names.joined(separator: ", ")), found \"\(name)\""
    )
  }

  /// Path, size and types of what was written.
  static func summary(of written: WrittenModel) -> String {
    let types = written.typeCounts.map { "\($0.count) \($0.type.rawValue)" }.joined(separator: ", ")
    return "\(written.path): \(Format.bytes(written.byteCount)), tensors \(types)"
  }

  /// Says which tensors could not have the type asked for, and what they have instead.
  static func noteFallbacks(of written: WrittenModel, wanted: StorageType, _ console: Console) {
    var columns: [StorageType: Set<Int>] = [:]
    var counts: [StorageType: Int] = [:]
    for tensor in written.tensors where tensor.isFallback {
      columns[tensor.type, default: []].insert(tensor.shape.last ?? 0)
      counts[tensor.type, default: 0] += 1
    }
    for type in StorageType.allCases {
      guard let count = counts[type], let widths = columns[type] else { continue }
      let rows = widths.sorted().map(String.init).joined(separator: ", ")
      console.note(
        "\(count) tensors are \(type.rawValue), since \(wanted.rawValue) needs rows of a multiple of \(wanted.blockElements) and theirs have \(rows)"
      )
    }
  }
}
