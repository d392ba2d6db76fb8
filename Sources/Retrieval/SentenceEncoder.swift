internal import Kernels
public import ModelFiles
internal import Quantization
internal import Serialization

#if canImport(Glibc)
  internal import Glibc
#endif

/// A BERT encoder that turns a text into a vector of length 1: all-MiniLM-L6-v2 and its kin.
///
/// The vector is the mean of the last layer's rows over the text's tokens, divided by its length; the cosine of two texts
/// is then the product of their vectors.
///
/// - SeeAlso: Reimers and Gurevych 2019, "Sentence-BERT", arXiv:1908.10084; Wang et al. 2020, "MiniLM",
///   arXiv:2002.10957.
public final class SentenceEncoder {
  /// What tells it from other encoders.
  public let identity: EncoderIdentity
  /// How many numbers a vector has.
  public let dimensions: Int
  /// The most tokens of a text; what lies beyond is not read.
  public let maximumTokens: Int
  /// Its tokenizer.
  public let tokenizer: WordPieceTokenizer

  private let file: MappedFile
  private let headCount: Int
  private let epsilon: Float
  private let words: WeightMatrix
  private let positions: FloatBuffer
  private let firstType: FloatBuffer
  private let embeddingNorm: Norm
  private let layers: [Layer]

  private struct Norm {
    let weight: FloatBuffer
    let bias: FloatBuffer
  }

  private struct Linear {
    let weight: WeightMatrix
    let bias: FloatBuffer
  }

  private struct Layer {
    let (query, key, value, output): (Linear, Linear, Linear, Linear)
    let attentionNorm: Norm
    let (intermediate, final): (Linear, Linear)
    let finalNorm: Norm
  }

  /// Reads a Sentence Transformers or Transformers folder: `config.json`, `vocab.txt`, `model.safetensors`, and what there
  /// is of `sentence_bert_config.json`, `tokenizer_config.json` and `1_Pooling/config.json`.
  ///
  /// - Throws: `ModelFileError` where one of the first three is missing or is of another architecture.
  public init(path: String) throws(ModelFileError) {
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    let settings = try EncoderSettings(folder: folder)
    let hidden = settings.hidden
    headCount = settings.headCount
    dimensions = hidden
    epsilon = settings.epsilon
    maximumTokens = settings.maximumTokens
    tokenizer = settings.tokenizer

    let safetensors = try SafetensorsFile(path: "\(folder)/model.safetensors")
    file = safetensors.file
    let loader = Loader(file: safetensors)
    words = try loader.matrix(
      "embeddings.word_embeddings.weight", settings.vocabularySize, hidden)
    positions = try loader.floats(
      "embeddings.position_embeddings.weight", [settings.positions, hidden])
    firstType = try loader.floats(
      "embeddings.token_type_embeddings.weight", [settings.types, hidden])
    func norm(_ name: String) throws(ModelFileError) -> Norm {
      Norm(
        weight: try loader.floats("\(name).weight", [hidden]),
        bias: try loader.floats("\(name).bias", [hidden]))
    }
    func linear(_ name: String, _ rows: Int, _ columns: Int) throws(ModelFileError) -> Linear {
      Linear(
        weight: try loader.matrix("\(name).weight", rows, columns),
        bias: try loader.floats("\(name).bias", [rows]))
    }
    embeddingNorm = try norm("embeddings.LayerNorm")
    let inner = settings.intermediate
    layers = try (0..<settings.layerCount).map { index throws(ModelFileError) in
      let block = "encoder.layer.\(index)"
      return Layer(
        query: try linear("\(block).attention.self.query", hidden, hidden),
        key: try linear("\(block).attention.self.key", hidden, hidden),
        value: try linear("\(block).attention.self.value", hidden, hidden),
        output: try linear("\(block).attention.output.dense", hidden, hidden),
        attentionNorm: try norm("\(block).attention.output.LayerNorm"),
        intermediate: try linear("\(block).intermediate.dense", inner, hidden),
        final: try linear("\(block).output.dense", hidden, inner),
        finalNorm: try norm("\(block).output.LayerNorm"))
    }
    identity = EncoderIdentity(
      name: String(folder.split(separator: "/").last ?? "encoder"),
      fingerprint: Self.fingerprint(of: safetensors, settings.description), dimensions: hidden)
  }

  /// A SHA-256 over settings, vocabulary, the weights' head and a part of the weights spread evenly over them.
  ///
  /// Weights that were trained further differ everywhere; to digest all of them would take longer than a search.
  private static func fingerprint(of weights: SafetensorsFile, _ settings: [UInt8]) -> String {
    let (part, parts) = (1_024, 1_024)
    var hash = SHA256()
    hash.update(settings)
    let bytes = weights.file.bytes
    hash.update(UnsafeRawBufferPointer(rebasing: bytes[..<min(weights.dataOffset, bytes.count)]))
    for index in 0..<parts {
      let start = bytes.count / parts * index
      hash.update(
        UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + part, bytes.count)]))
    }
    return String(hash.hexadecimalDigest().prefix(32))
  }

  /// Finds tensors, with or without the prefix that a file made from a larger model has.
  private struct Loader {
    let file: SafetensorsFile

    func tensor(_ name: String, _ shape: [Int]) throws(ModelFileError) -> TensorDescription {
      guard let tensor = file.tensor(named: name) ?? file.tensor(named: "bert.\(name)") else {
        throw ModelFileError.malformed(
          path: file.file.path, place: "tensor \(name)", problem: "is missing")
      }
      guard tensor.shape == shape, tensor.type.storage == .f32 else {
        throw ModelFileError.malformed(
          path: file.file.path, place: "tensor \(name)",
          problem: "is \(tensor.type) \(tensor.shape), expected F32 \(shape)")
      }
      return tensor
    }

    func floats(_ name: String, _ shape: [Int]) throws(ModelFileError) -> FloatBuffer {
      let tensor = try tensor(name, shape)
      let bytes = UnsafeRawBufferPointer(
        rebasing: file.file.bytes[tensor.byteOffset..<tensor.byteOffset + tensor.byteCount])
      return FloatBuffer(
        (0..<shape.reduce(1, *)).map {
          bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
        })
    }

    func matrix(_ name: String, _ rows: Int, _ columns: Int) throws(ModelFileError) -> WeightMatrix
    {
      let tensor = try tensor(name, [rows, columns])
      return WeightMatrix(
        rows: rows, columns: columns, type: .f32,
        base: file.file.baseAddress + tensor.byteOffset, owner: file.file)
    }
  }

  /// Tokens that are run at once; a longer text stands alone.
  private static let tokensAtOnce = 2_048

  /// The vectors of texts, in their order.
  ///
  /// Texts are run together, end to end and without padding. The bits of a vector depend on its text alone.
  ///
  /// - Parameter progress: hears how many are done.
  public func encode(_ texts: [String], progress: (_ done: Int, _ of: Int) -> Void = { _, _ in })
    -> [[Float]]
  {
    var vectors = [[Float]](repeating: [], count: texts.count)
    var batch: [(index: Int, tokens: [Int32])] = []
    var (tokens, done) = (0, 0)
    func flush() {
      guard !batch.isEmpty else { return }
      for (entry, vector) in zip(batch, run(batch.map(\.tokens))) { vectors[entry.index] = vector }
      done += batch.count
      (batch, tokens) = ([], 0)
      progress(done, texts.count)
    }
    for (index, text) in texts.enumerated() {
      let encoded = tokenizer.encode(text, limit: maximumTokens)
      if tokens + encoded.count > Self.tokensAtOnce { flush() }
      batch.append((index, encoded))
      tokens += encoded.count
    }
    flush()
    return vectors
  }

  private func run(_ sequences: [[Int32]]) -> [[Float]] {
    let count = sequences.reduce(0) { $0 + $1.count }
    func buffer(_ columns: Int) -> (FloatBuffer, Matrix) {
      let buffer = FloatBuffer(count: count * columns)
      return (buffer, buffer.matrix(rows: count, columns: columns))
    }
    let inner = max(dimensions, layers.first?.intermediate.weight.rows ?? 0)
    let (ownedHidden, hidden) = buffer(dimensions)
    let (ownedQuery, query) = buffer(dimensions)
    let (ownedKey, key) = buffer(dimensions)
    let (ownedValue, value) = buffer(dimensions)
    let (ownedInner, middle) = buffer(inner)
    var segments: [Range<Int>] = []
    var row = 0
    for sequence in sequences {
      for (position, token) in sequence.enumerated() {
        let x = hidden.row(row + position)
        words.readRow(Int(token), into: x)
        let place = positions.base + position * dimensions
        for column in 0..<dimensions { x[column] += place[column] + firstType.base[column] }
      }
      segments.append(row..<row + sequence.count)
      row += sequence.count
    }
    normalize(hidden, embeddingNorm)
    withExtendedLifetime((ownedHidden, ownedQuery, ownedKey, ownedValue, ownedInner)) {
      for layer in layers {
        WeightMatrix.forward(
          [
            .init(weight: layer.query.weight, outputs: query),
            .init(weight: layer.key.weight, outputs: key),
            .init(weight: layer.value.weight, outputs: value),
          ], hidden, streams: false)
        Elementwise.addBias(layer.query.bias.base, to: query)
        Elementwise.addBias(layer.key.bias.base, to: key)
        Elementwise.addBias(layer.value.bias.base, to: value)
        let attended = middle.base
        let result = Matrix(attended, rows: count, columns: dimensions)
        BidirectionalAttention.forward(
          queries: query, keys: key, values: value, segments: segments, headCount: headCount,
          output: result)
        add(layer.output, of: result, to: hidden, through: query)
        normalize(hidden, layer.attentionNorm)
        WeightMatrix.forward(
          [.init(weight: layer.intermediate.weight, outputs: middle)], hidden, streams: false)
        GELU.apply(middle, bias: layer.intermediate.bias.base)
        add(layer.final, of: middle, to: hidden, through: query)
        normalize(hidden, layer.finalNorm)
      }
    }
    return segments.map { mean(hidden.rows($0)) }
  }

  private func normalize(_ rows: Matrix, _ norm: Norm) {
    LayerNorm.forward(
      rows, weight: norm.weight.base, bias: norm.bias.base, epsilon: epsilon, output: rows)
  }

  /// `hidden += input · Wᵀ + bias`.
  private func add(_ linear: Linear, of input: Matrix, to hidden: Matrix, through scratch: Matrix) {
    WeightMatrix.forward(
      [.init(weight: linear.weight, outputs: scratch)], input, streams: false)
    Elementwise.addBias(linear.bias.base, to: scratch)
    Elementwise.add(scratch, to: hidden)
  }

  /// The mean of the rows, divided by its length.
  private func mean(_ rows: Matrix) -> [Float] {
    var sums = [Double](repeating: 0, count: dimensions)
    for row in 0..<rows.rows {
      let values = rows.row(row)
      for column in 0..<dimensions { sums[column] += Double(values[column]) }
    }
    let length = max(sums.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
    return sums.map { Float($0 / length) }
  }
}
