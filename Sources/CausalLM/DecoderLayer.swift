import Kernels

/// One block of the Llama family.
///
///     h = x + o_proj(attention(rope(q_proj(n)), rope(k_proj(n)), v_proj(n))),   n = norm(x)
///     y = h + down_proj(silu(gate_proj(m)) · up_proj(m)),                        m = norm(h)
final class DecoderLayer: @unchecked Sendable {
  let inputNorm: FloatBuffer
  let postAttentionNorm: FloatBuffer
  let query, key, value, output: Linear
  let gate, up, down: Linear

  init(
    inputNorm: FloatBuffer, postAttentionNorm: FloatBuffer, query: Linear, key: Linear,
    value: Linear,
    output: Linear, gate: Linear, up: Linear, down: Linear
  ) {
    self.inputNorm = inputNorm
    self.postAttentionNorm = postAttentionNorm
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.gate = gate
    self.up = up
    self.down = down
  }

  /// The linear layers in the order of Hugging Face's module tree.
  var linears: [Linear] { [query, key, value, output, gate, up, down] }

  /// Whether any of them is adapted.
  var isAdapted: Bool { linears.contains { $0.module != nil } }
}
