internal import Kernels

/// How several adapters of one model become one, as PEFT's `add_weighted_adapter` defines it.
///
/// Each adapter `i` has a weight `w_i`, and each layer it adapts a scale `s_i`; a layer is combined from those adapters
/// that have it. The result's own scale is 1: `alpha` is the rank.
///
/// - SeeAlso: PEFT 0.21, `LoraModel.add_weighted_adapter` and `peft.utils.merge_utils`.
public enum AdapterCombination: Sendable, Equatable {
  /// `ΔW = Σ w_i s_i B_i A_i`, exact: the matrices side by side, ranks added.
  ///
  ///     A = [w_1 s_1 A_1; w_2 s_2 A_2; …],   B = [B_1, B_2, …]
  case cat
  /// The matrices' own weighted sums, a rough stand-in for the sum of products; all ranks must be equal.
  ///
  ///     A = Σ sign(w_i s_i) √|w_i s_i| A_i,   B = Σ √|w_i s_i| B_i
  case linear
  /// The best approximation of `cat`'s ΔW by one of rank `rank`, or of the largest rank given: A is Vᵀ, B is U Σ.
  case svd(rank: Int?)
  /// As `linear`, of what is left when in each matrix all but the `density` · count numbers of largest magnitude are 0,
  /// and for each place the adapters whose sign is not the sum's; then the mean over the others.
  ///
  /// - SeeAlso: Yadav et al. 2023, "TIES-Merging: Resolving Interference When Merging Models", arXiv:2306.01708.
  case ties(density: Double)

  /// Makes one adapter of several.
  ///
  /// - Parameters:
  ///   - adapters: one or more adapters of the same model, with their weights.
  ///   - layers: the model's linear layers.
  /// - Throws: `LoRAError.notCombinable` where ranks differ that must not.
  public func combined(
    _ adapters: [(adapter: LoRAAdapter, weight: Double)], of layers: [LoRAConfiguration.Layer]
  ) throws(LoRAError) -> LoRAAdapter {
    var shapes: [LoRAModuleShape] = []
    var sources: [[(module: LoRAModule, factor: Double)]] = []
    for layer in layers {
      let found = adapters.compactMap { adapter, weight in
        adapter.module(named: layer.name).map { ($0, weight * Double($0.scale)) }
      }
      guard !found.isEmpty else { continue }
      let rank = try rank(of: found.map(\.0.rank), layer)
      shapes.append(
        LoRAModuleShape(
          name: layer.name, inputs: layer.inputs, outputs: layer.outputs, rank: rank,
          alpha: Double(rank), isRankStabilized: false))
      sources.append(found)
    }
    let result = LoRAAdapter(
      shapes: shapes, configuration: LoRAConfiguration(describing: shapes, of: layers))
    Parallel.run(result.modules.count) { index, _ in
      combine(sources[index], into: result.modules[index])
    }
    return result
  }

  /// The rank of a combined layer.
  private func rank(of ranks: [Int], _ layer: LoRAConfiguration.Layer) throws(LoRAError) -> Int {
    switch self {
    case .cat: return ranks.reduce(0, +)
    case .svd(let rank):
      return min(rank ?? ranks.max() ?? 1, ranks.reduce(0, +), layer.inputs, layer.outputs)
    case .linear, .ties:
      guard let first = ranks.first, ranks.allSatisfy({ $0 == first }) else {
        throw .notCombinable(layer: layer.name, ranks: ranks)
      }
      return first
    }
  }

  private func combine(_ sources: [(module: LoRAModule, factor: Double)], into target: LoRAModule) {
    switch self {
    case .cat: Self.concatenate(sources, into: target)
    case .svd: Self.decompose(sources, into: target)
    case .linear:
      Self.addMatrices(sources, into: target) { matrices, sum in
        for (values, weight) in matrices {
          for i in sum.indices { sum[i] += weight * values[i] }
        }
      }
    case .ties(let density):
      Self.addMatrices(sources, into: target) { Self.elect($0, density: density, into: $1) }
    }
  }

  private static func concatenate(
    _ sources: [(module: LoRAModule, factor: Double)], into target: LoRAModule
  ) {
    var first = 0
    for (module, factor) in sources {
      let factor = Float(factor)
      let a = target.a + first * target.inputs
      for i in 0..<module.rank * module.inputs { a[i] = factor * module.a[i] }
      for row in 0..<module.outputs {
        (target.b + row * target.rank + first).update(
          from: module.b + row * module.rank, count: module.rank)
      }
      first += module.rank
    }
  }

  private static func decompose(
    _ sources: [(module: LoRAModule, factor: Double)], into target: LoRAModule
  ) {
    let parts = LowRankDecomposition(
      columns: sources.flatMap { $0.module.columnsOfB(times: $0.factor) },
      rows: sources.flatMap { $0.module.rowsOfA })
    for k in 0..<target.rank {
      for i in 0..<target.inputs { target.a[k * target.inputs + i] = Float(parts.right[k][i]) }
      for row in 0..<target.outputs {
        target.b[row * target.rank + k] = Float(parts.left[k][row] * parts.values[k])
      }
    }
  }

  private typealias Weighted = (values: UnsafeMutableBufferPointer<Float>, weight: Float)

  /// Gives `add` the As with their weights and the target's A, then the Bs and the target's B.
  ///
  /// The sign of a weight goes to A alone, or it would be lost in the product.
  private static func addMatrices(
    _ sources: [(module: LoRAModule, factor: Double)], into target: LoRAModule,
    _ add: (_ matrices: [Weighted], _ sum: UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    func buffer(_ base: UnsafeMutablePointer<Float>, _ count: Int)
      -> UnsafeMutableBufferPointer<Float>
    {
      UnsafeMutableBufferPointer(start: base, count: count)
    }
    let (countA, countB) = (target.rank * target.inputs, target.outputs * target.rank)
    add(
      sources.map { module, factor in
        let root = factor.magnitude.squareRoot()
        return (buffer(module.a, countA), Float(factor < 0 ? -root : root))
      }, buffer(target.a, countA))
    add(
      sources.map { module, factor in
        (buffer(module.b, countB), Float(factor.magnitude.squareRoot()))
      }, buffer(target.b, countB))
  }

  /// TIES: trim, elect a sign for each place, and take the mean of those that have it.
  private static func elect(
    _ matrices: [Weighted], density: Double, into sum: UnsafeMutableBufferPointer<Float>
  ) {
    let kept = matrices.map { isKept($0.values, density: density) }
    for place in sum.indices {
      var total: Float = 0
      for (index, matrix) in matrices.enumerated() where kept[index][place] {
        total += matrix.values[place]
      }
      var (mixed, count): (Float, Float) = (0, 0)
      for (index, matrix) in matrices.enumerated() where kept[index][place] {
        let value = matrix.values[place]
        guard total >= 0 ? value > 0 : value < 0 else { continue }
        mixed += matrix.weight * value
        count += 1
      }
      sum[place] = mixed / max(1, count)
    }
  }

  /// Which of the numbers are among the `density` · count of largest magnitude; of equal ones the first.
  private static func isKept(
    _ values: UnsafeMutableBufferPointer<Float>, density: Double
  ) -> [Bool] {
    guard density < 1 else { return [Bool](repeating: true, count: values.count) }
    let count = Int(density * Double(values.count))
    var isKept = [Bool](repeating: false, count: values.count)
    let order = values.indices.sorted {
      (values[$0].magnitude, $1) > (values[$1].magnitude, $0)
    }
    for index in order.prefix(count) { isKept[index] = true }
    return isKept
  }
}
