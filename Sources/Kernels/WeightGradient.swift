/// ∂loss/∂W of weights that are trained themselves.
///
///     y = W x + b                ∂W += ∂yᵀ x,   ∂b += Σ_t ∂y_t
///     y = x · rstd · w           ∂w += Σ_t ∂y_t · x_t · rstd_t
///     y_t = scale · E[token_t]   ∂E[token_t] += scale · ∂y_t
///
/// A frozen weight has none of these; the gradients by inputs are made elsewhere, whether it is frozen or not. Every
/// number is a sum over tokens in their order, made by one task: the same bits on any number of threads.
public enum WeightGradient {
  /// Rows and columns of a linear layer's weight that one task takes: its part of the inputs stays in the cache.
  private static let (outputBlock, inputBlock) = (64, 256)
  /// Elements of a vector, or of embeddings' rows, that one task takes.
  private static let columnBlock = 64

  /// Adds the gradient of a linear layer's weight.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - input: `[tokens, inputs]`.
  ///   - gradient: `[outputs, inputs]`, added to.
  public static func addLinear(
    _ gradOutput: Matrix, input: Matrix, to gradient: UnsafeMutablePointer<Float>,
    path: KernelPath = .active
  ) {
    let (outputs, inputs) = (gradOutput.columns, input.columns)
    let across = (inputs + inputBlock - 1) / inputBlock
    Parallel.run((outputs + outputBlock - 1) / outputBlock * across) { task, _ in
      let (row, column) = (task / across * outputBlock, task % across * inputBlock)
      GEMM.multiply(
        m: min(outputBlock, outputs - row), n: min(inputBlock, inputs - column),
        k: gradOutput.rows, a: gradOutput.base + row, rsa: 1, csa: gradOutput.stride,
        b: input.base + column, ldb: input.stride, c: gradient + row * inputs + column,
        ldc: inputs, accumulate: true, path: path)
    }
  }

  /// Adds the gradient of a bias.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, outputs]`.
  ///   - gradient: `[outputs]`, added to.
  public static func addBias(
    _ gradOutput: Matrix, to gradient: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    inColumns(gradOutput.columns) { first, count, _ in
      for row in 0..<gradOutput.rows {
        VectorMath.add(count, gradOutput.row(row) + first, gradient + first, path)
      }
    }
  }

  /// Adds the gradient of a norm's weight.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, channels]`, ∂loss/∂(the norm's output).
  ///   - input: `[tokens, channels]`.
  ///   - rstd: `[tokens]`, as written by `RMSNorm.forward`.
  ///   - gradient: `[channels]`, added to.
  public static func addNorm(
    _ gradOutput: Matrix, input: Matrix, rstd: UnsafeMutablePointer<Float>,
    to gradient: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    inColumns(gradOutput.columns) { first, count, normed in
      for row in 0..<gradOutput.rows {
        VectorMath.scale(count, rstd[row], input.row(row) + first, normed, path)
        VectorMath.addProduct(
          count, gradOutput.row(row) + first, normed, gradient + first, path)
      }
    }
  }

  /// Adds the gradient of the embeddings of some tokens.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, hidden]`.
  ///   - tokens: whose rows were read; one may occur often.
  ///   - padding: a token whose row gets nothing, as PyTorch's `padding_idx`.
  ///   - scale: what rows were multiplied by.
  ///   - gradient: `[vocabulary, hidden]`, added to.
  public static func addEmbeddings(
    _ gradOutput: Matrix, tokens: [Int32], padding: Int32? = nil, scale: Float,
    to gradient: UnsafeMutablePointer<Float>, path: KernelPath = .active
  ) {
    let columns = gradOutput.columns
    inColumns(columns) { first, count, _ in
      for (row, token) in tokens.enumerated() where token != padding {
        VectorMath.axpy(
          count, scale, gradOutput.row(row) + first, gradient + Int(token) * columns + first, path)
      }
    }
  }

  /// Runs `body(first, count, scratch)` over ranges of columns.
  private static func inColumns(
    _ columns: Int,
    _ body: (_ first: Int, _ count: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    Parallel.run((columns + columnBlock - 1) / columnBlock, scratchCount: columnBlock) {
      task, scratch in
      let first = task * columnBlock
      body(first, min(columnBlock, columns - first), scratch)
    }
  }
}
