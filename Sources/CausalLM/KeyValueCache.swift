internal import Kernels

/// The rotated keys and the values of one sequence, layer by layer, as far as it has been read.
public final class KeyValueCache: @unchecked Sendable {
  private let width: Int
  private var capacity: Int
  private var keys: [FloatBuffer]
  private var values: [FloatBuffer]
  private var counts: [Int]

  /// Tokens read so far.
  public var count: Int { counts.last ?? 0 }

  /// Makes an empty cache for `model` with room for `capacity` tokens; it grows where they do not suffice.
  public init(_ model: CausalLM, capacity: Int = 256) {
    width = model.configuration.keyValueWidth
    self.capacity = max(1, capacity)
    let layers = model.configuration.layerCount
    keys = (0..<layers).map { [capacity = self.capacity, width] _ in
      FloatBuffer(count: capacity * width)
    }
    values = (0..<layers).map { [capacity = self.capacity, width] _ in
      FloatBuffer(count: capacity * width)
    }
    counts = [Int](repeating: 0, count: layers)
  }

  /// Makes a copy of `other` with room for `capacity` tokens, for a sequence that goes on from there.
  public init(copying other: KeyValueCache, capacity: Int) {
    width = other.width
    self.capacity = other.capacity
    keys = other.keys
    values = other.values
    counts = other.counts
    // New buffers: the old ones are shared with `other` until here.
    grow(to: max(1, capacity, other.counts.max() ?? 0))
  }

  func append(keys newKeys: Matrix, values newValues: Matrix, layer: Int) {
    let needed = counts[layer] + newKeys.rows
    if needed > capacity { grow(to: max(needed, 2 * capacity)) }
    for row in 0..<newKeys.rows {
      let offset = (counts[layer] + row) * width
      (keys[layer].base + offset).update(from: newKeys.row(row), count: width)
      (values[layer].base + offset).update(from: newValues.row(row), count: width)
    }
    counts[layer] = needed
  }

  func sequence(layer: Int) -> CausalAttention.CachedSequence {
    CausalAttention.CachedSequence(
      keys: keys[layer].matrix(rows: counts[layer], columns: width),
      values: values[layer].matrix(rows: counts[layer], columns: width))
  }

  private func grow(to newCapacity: Int) {
    for layer in keys.indices {
      let (newKeys, newValues) = (
        FloatBuffer(count: newCapacity * width), FloatBuffer(count: newCapacity * width)
      )
      newKeys.base.update(from: keys[layer].base, count: counts[layer] * width)
      newValues.base.update(from: values[layer].base, count: counts[layer] * width)
      keys[layer] = newKeys
      values[layer] = newValues
    }
    capacity = newCapacity
  }
}
