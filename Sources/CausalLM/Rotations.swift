internal import Kernels
internal import ModelFiles

/// The rotations that a model's blocks have: one, or two where blocks with a window have a base of their own.
struct Rotations {
  let all: RotaryEmbedding
  let local: RotaryEmbedding?

  init(_ c: ModelConfiguration) {
    let scaling = c.blocks.ropeScaling
    all = RotaryEmbedding(
      frequencies: scaling.frequencies(headSize: c.headDimension, theta: c.ropeTheta),
      attentionFactor: scaling.attentionFactor)
    local = c.blocks.localRopeTheta.map {
      RotaryEmbedding(headDimension: c.headDimension, base: $0)
    }
  }

  /// How block `index` rotates; nil where it does not.
  func rotary(ofBlock index: Int, _ blocks: BlockSettings) -> RotaryEmbedding? {
    guard blocks.rotates(block: index) else { return nil }
    return blocks.rotatesLocally(block: index) ? local : all
  }

  /// Makes sure the tables reach `count` positions.
  func reserve(positions count: Int) {
    all.reserve(positions: count)
    local?.reserve(positions: count)
  }

  /// Bytes of tables that reach `count` positions.
  static func byteCount(positions count: Int, _ c: ModelConfiguration) -> Int {
    let tables = c.blocks.localRopeTheta == nil ? 1 : 2
    return tables * 2 * max(256, 2 * count) * c.headDimension / 2 * 4
  }
}
