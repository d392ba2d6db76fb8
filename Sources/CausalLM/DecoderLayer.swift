import Kernels

/// One block of a Llama, or of a family that differs from it in settings.
///
///     h = x + o_proj(attention(rope(q_proj(n)), rope(k_proj(n)), v_proj(n))),   n = norm(x)
///     y = h + down_proj(silu(gate_proj(m)) · up_proj(m)),                        m = norm(h)
///
/// Linear layers may have biases, heads of queries and keys may be normalised before rope, rope may be left out or have
/// a base of its own, attention may see a window of tokens, the gate may be another function, and what is added to x and
/// to h may be normalised before.
final class DecoderLayer: @unchecked Sendable {
  /// Weights of the norms before attention and before the MLP, `[hidden]`.
  let inputNorm, mlpNorm: FloatBuffer
  /// Weights of the norms behind them, `[hidden]`; nil where there are none.
  let attentionOutputNorm, mlpOutputNorm: FloatBuffer?
  let query, key, value, output: Linear
  let gate, up, down: Linear
  /// Weights of the norms of each head of queries and keys, `[headDimension]`; nil where there are none.
  let queryNorm, keyNorm: FloatBuffer?
  /// How queries and keys are rotated; nil where they are not.
  let rotary: RotaryEmbedding?
  /// Tokens that attention sees, the asking one included; nil for all before it.
  let window: Int?

  /// Queries; in every block but the last together with keys and values.
  let queryGroup: LinearGroup
  /// Keys and values of the last block, whose queries are fewer: only outputs that the loss looks at are computed there.
  let keyValueGroup: LinearGroup?
  let outputGroup, gateGroup, downGroup: LinearGroup

  init(
    inputNorm: FloatBuffer, mlpNorm: FloatBuffer,
    outputNorms: (attention: FloatBuffer, mlp: FloatBuffer)?, query: Linear, key: Linear,
    value: Linear, output: Linear, gate: Linear, up: Linear, down: Linear,
    headNorms: (query: FloatBuffer, key: FloatBuffer)?, rotary: RotaryEmbedding?, window: Int?,
    isLast: Bool
  ) {
    self.inputNorm = inputNorm
    self.mlpNorm = mlpNorm
    attentionOutputNorm = outputNorms?.attention
    mlpOutputNorm = outputNorms?.mlp
    self.query = query
    self.key = key
    self.value = value
    self.output = output
    self.gate = gate
    self.up = up
    self.down = down
    queryNorm = headNorms?.query
    keyNorm = headNorms?.key
    self.rotary = rotary
    self.window = window
    queryGroup = LinearGroup(isLast ? [query] : [query, key, value])
    keyValueGroup = isLast ? LinearGroup([key, value]) : nil
    outputGroup = LinearGroup([output])
    gateGroup = LinearGroup([gate, up])
    downGroup = LinearGroup([down])
  }

  /// The linear layers in the order of Hugging Face's module tree.
  var linears: [Linear] { [query, key, value, output, gate, up, down] }

  /// The groups they run in, in a fixed order; nil for one that this block does not have.
  var groups: [LinearGroup?] { [queryGroup, keyValueGroup, outputGroup, gateGroup, downGroup] }

  /// Whether any of them is adapted.
  var isAdapted: Bool { linears.contains { $0.module != nil } }
}
