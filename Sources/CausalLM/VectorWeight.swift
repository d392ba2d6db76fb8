import Kernels
import LoRA

/// A vector of the model, a norm's weight or a bias; or in its place the one that is trained.
///
/// Unchecked: changed between passes, on the thread that runs the model.
final class VectorWeight: @unchecked Sendable {
  /// The tensor's Hugging Face name.
  let name: String
  /// Its numbers as Hugging Face keeps them.
  let stored: FloatBuffer
  // What is added to them before they are used: 1 for Gemma's norms.
  private let offset: Float
  private let shifted: FloatBuffer?
  private var shiftedWhole: FloatBuffer?

  /// What is trained in its place.
  var whole: WholeWeight? {
    didSet {
      shiftedWhole = whole != nil && offset != 0 ? FloatBuffer(count: count) : nil
      refresh()
    }
  }
  /// Off while the base is asked for.
  var isEnabled = true

  init(name: String, _ stored: FloatBuffer, offset: Float = 0) {
    self.name = name
    self.stored = stored
    self.offset = offset
    shifted =
      offset == 0 ? nil : Self.sum(stored.base, offset, into: FloatBuffer(count: stored.count))
  }

  /// How many numbers there are.
  var count: Int { stored.count }

  /// What is computed with.
  var base: UnsafeMutablePointer<Float> {
    guard isEnabled, let whole else { return (shifted ?? stored).base }
    return shiftedWhole?.base ?? whole.values
  }

  /// What takes the gradient, if anything does.
  var trained: WholeWeight? { isEnabled ? whole : nil }

  /// Takes up the present numbers of what is trained.
  func refresh() {
    if let whole, let shiftedWhole { _ = Self.sum(whole.values, offset, into: shiftedWhole) }
  }

  private static func sum(
    _ values: UnsafeMutablePointer<Float>, _ offset: Float, into target: FloatBuffer
  ) -> FloatBuffer {
    for index in 0..<target.count { target.base[index] = values[index] + offset }
    return target
  }
}
