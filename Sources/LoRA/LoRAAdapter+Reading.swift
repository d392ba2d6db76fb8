#if canImport(Glibc)
  import Glibc
#endif

extension LoRAAdapter {
  /// Reads an adapter for a model: a PEFT folder, or a GGUF file as llama.cpp reads it.
  ///
  /// Strict, whichever it is: every tensor is used and every shape fits, before memory is taken.
  ///
  /// - Parameters:
  ///   - path: the folder, or the file.
  ///   - layers: the model's linear layers.
  ///   - weights: all weights of the model, of which an adapter may hold some as a whole.
  /// - Throws: `LoRAError`, or `ModelFileError` for a file that is damaged.
  public static func read(
    _ path: String, for layers: [LoRAConfiguration.Layer], weights: [WholeWeightShape] = []
  ) throws -> LoRAAdapter {
    isFile(path)
      ? try GGUFAdapterFile(path: path).adapter(for: layers)
      : try AdapterFolder.read(path, for: layers, weights: weights)
  }

  /// Whether `path` is to be read as one file: it is one, or is called one and not there.
  public static func isFile(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return path.hasSuffix(".gguf") }
    return status.st_mode & S_IFMT != S_IFDIR
  }
}
