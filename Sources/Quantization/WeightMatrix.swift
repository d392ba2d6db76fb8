public import Kernels

/// An owner of memory that can be let go and comes back when it is read, such as a mapped file.
public protocol PageOwner: AnyObject {
  /// Lets the whole pages among `count` bytes from `address` on go.
  func releasePages(at address: UnsafeRawPointer, count: Int)
}

/// A frozen weight of a linear layer: a storage, and the two products that training needs of it.
///
///     forward    Y  = X · Wᵀ        X: [tokens, columns],  Y:  [tokens, rows]
///     backward   ∂X = ∂Y · W        ∂Y: [tokens, rows],    ∂X: [tokens, columns]
///
/// There is no gradient of W: it is frozen. Nothing ever holds W in f32: a task unpacks the 32 rows, or 64 columns, that
/// its results need into a cache-resident panel and multiplies by it.
///
/// Unchecked: immutable once prepared; the bytes behind a mapped storage live as long as `owner`.
public final class WeightMatrix: @unchecked Sendable {
  /// Output features.
  public let rows: Int
  /// Input features.
  public let columns: Int
  /// How the numbers are kept.
  public let storage: WeightStorage
  // Keeps a mapped file alive.
  private let owner: AnyObject?
  // Stored row of each row: GGUF keeps q and k in another order.
  let rowOrder: [Int32]
  /// The same weight in 8 bits, where products are computed in integers.
  public private(set) var integer: IntegerMatrix?

  /// Rounds the weight to 8 bits for products in integers; before training, on one thread.
  ///
  /// The pages of a mapped weight are let go behind it: products do not read them any more.
  public func prepareForIntegers() {
    guard integer == nil else { return }
    integer = IntegerMatrix(self)
    releaseStoredPages()
  }

  /// Gives the memory of ``integer`` back.
  public func dropIntegers() { integer = nil }

  /// Lets the pages of a mapped weight go; they come back when they are read.
  public func releaseStoredPages() {
    if case .blocks(_, let base, _) = storage, let owner = owner as? any PageOwner {
      owner.releasePages(at: base, count: byteCount)
    }
  }

  /// Makes a view of stored blocks.
  ///
  /// - Parameters:
  ///   - rows: output features.
  ///   - columns: input features, a multiple of the type's block.
  ///   - type: how the blocks are made.
  ///   - base: `rows · columns` elements of `type`.
  ///   - rowOrder: the stored row of each row, where a file keeps them in another order.
  ///   - owner: what keeps `base` alive.
  public init(
    rows: Int, columns: Int, type: StorageType, base: UnsafeRawPointer, rowOrder: [Int32]? = nil,
    owner: AnyObject?
  ) {
    self.rows = rows
    self.columns = columns
    storage = .blocks(type, base: base, columns: columns)
    self.owner = owner
    self.rowOrder = rowOrder ?? (0..<Int32(rows)).map { $0 }
  }

  /// Wraps a quantised matrix, whose rows are in canonical order.
  public init(_ matrix: NF4Matrix) {
    rows = matrix.rows
    columns = matrix.columns
    storage = .nf4(matrix)
    owner = nil
    rowOrder = (0..<Int32(matrix.rows)).map { $0 }
  }

  /// Bytes that the storage takes.
  public var byteCount: Int {
    switch storage {
    case .blocks(let type, _, _): type.byteCount(ofElements: rows * columns) ?? 0
    case .nf4(let matrix): matrix.byteCount
    }
  }

  /// The name of the precision: a storage type, or `nf4`.
  public var precision: String {
    switch storage {
    case .blocks(let type, _, _): type.rawValue
    case .nf4: "nf4"
    }
  }

  /// Writes row `row` as f32 to `values`, `[columns]`.
  public func readRow(_ row: Int, into values: UnsafeMutablePointer<Float>) {
    read(row..<row + 1, into: values)
  }

  /// Writes rows as f32 to `values`, `[range.count, columns]`.
  public func read(_ range: Range<Int>, into values: UnsafeMutablePointer<Float>) {
    rowOrder.withUnsafeBufferPointer { order in
      guard let order = order.baseAddress else { return }
      storage.readRows(
        rows: order + range.lowerBound, rowCount: range.count, columns: 0..<columns, into: values,
        leadingDimension: columns)
    }
  }

  /// A low-rank addition to the product: `scale · left · right`.
  public struct LowRankTerm {
    /// `[tokens, rank]`.
    public let left: Matrix
    /// B, `[rows, rank]`, going forward; A, `[rank, columns]`, going back.
    public let right: UnsafeMutablePointer<Float>
    /// The factor on the product.
    public let scale: Float

    /// Makes a term.
    public init(left: Matrix, right: UnsafeMutablePointer<Float>, scale: Float) {
      self.left = left
      self.right = right
      self.scale = scale
    }
  }

  /// Rows of W that one task of the backward product unpacks at a time.
  static let slabRows = 640

  /// Writes `input · Wᵀ`, plus `scale · left · Bᵀ` of a low-rank term, to `output`.
  ///
  /// A row's bits depend neither on the threads nor on the other rows, except that up to `streamedRows` rows are summed
  /// in another order than more of them.
  ///
  /// - Parameters:
  ///   - input: `[tokens, columns]`.
  ///   - output: `[tokens, rows]`, overwritten.
  public func forward(_ input: Matrix, into output: Matrix, adding term: LowRankTerm? = nil) {
    WeightMatrix.forward([Product(weight: self, outputs: output, term: term)], input)
  }

  /// Writes or adds `gradOutput · W`, plus `scale · left · A` of a low-rank term, to `gradInput`.
  ///
  /// - Parameters:
  ///   - gradOutput: `[tokens, rows]`.
  ///   - gradInput: `[tokens, columns]`; added to where `accumulate`, else overwritten.
  public func backward(
    _ gradOutput: Matrix, into gradInput: Matrix, accumulate: Bool, adding term: LowRankTerm? = nil
  ) {
    WeightMatrix.backward(
      [Product(weight: self, outputs: gradOutput, term: term)], into: gradInput,
      accumulate: accumulate)
  }

  /// Unpacks panel `index`, 32 rows or what is left, to `panel[k · 32 + j]`, missing rows as zero.
  func readPanel(_ index: Int, into panel: UnsafeMutablePointer<Float>) {
    let first = index * GEMM.panelWidth
    rowOrder.withUnsafeBufferPointer { order in
      guard let order = order.baseAddress else { return }
      storage.readPanel(
        rows: order + first, rowCount: min(GEMM.panelWidth, rows - first), columns: 0..<columns,
        into: panel)
    }
  }

  /// Unpacks a rectangle to `slab`, `leadingDimension` numbers a row.
  func readSlab(
    _ rowRange: Range<Int>, _ columnRange: Range<Int>, into slab: UnsafeMutablePointer<Float>,
    leadingDimension: Int
  ) {
    rowOrder.withUnsafeBufferPointer { order in
      guard let order = order.baseAddress else { return }
      storage.readRows(
        rows: order + rowRange.lowerBound, rowCount: rowRange.count, columns: columnRange,
        into: slab, leadingDimension: leadingDimension)
    }
  }
}
