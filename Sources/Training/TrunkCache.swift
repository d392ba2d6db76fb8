internal import CausalLM
internal import Datasets
internal import Kernels
internal import ModelFiles
internal import Quantization

#if canImport(Glibc)
  import Glibc
#endif

/// The activations below the lowest adapted block, on disk: computed in the first epoch, read in all others.
///
///     "lorikeet trunk 1\n"            what the file is, and its version
///     64 hexadecimal digits, "\n"     SHA-256 of everything that the activations depend on
///     checks, 8 bytes an example      0 until the example is there
///     from the next 4,096 on:         tokens × hidden f32 of each example, end to end
///
/// An example's check is a hash of its numbers, written after them; an example whose check is not that of what was read
/// counts as missing, so a write that was torn is recognised whenever it happened. Where the examples lie follows from
/// their lengths, and the file has its whole size from the start; what has not been written takes no space.
public final class TrunkCache {
  /// Where a cache is kept, and of which base model.
  public struct Place: Sendable, Equatable {
    /// The file.
    public var path: String
    /// What names the base model's numbers, such as the SHA-256 of its files and the precision of its weights.
    public var base: String

    /// Names a place.
    public init(path: String, base: String) {
      self.path = path
      self.base = base
    }
  }

  /// What is known of an example.
  private enum Entry: UInt8 {
    case missing
    /// From an earlier session, not compared with its check yet.
    case unchecked
    case known
  }

  static let magic = "lorikeet trunk 1\n"

  let path: String
  /// Size of the file.
  let byteCount: Int
  let descriptor: Int32
  /// What made the cache useless; nothing is read or written from then on.
  private(set) var failure: Failure?
  private let hiddenSize: Int
  private let tokenCounts: [Int]
  /// Where each example's numbers begin in the file.
  private let offsets: [Int]
  private let checksOffset: Int
  // What the file begins with: what it is, and of what.
  private let header: String
  private var checks: [UInt64]
  private var entries: [Entry]
  private let scratch: FloatBuffer
  private var isFilled: [Bool] = []
  private static let scratchRows = 64

  /// Opens the cache of an earlier session, or makes one in place of a file that is none or is of something else.
  ///
  /// - Parameters:
  ///   - place: the file and the base model.
  ///   - model: the model with its adapter, which has blocks below its lowest adapted one.
  ///   - sets: the examples, such as those of training and those of validation.
  ///   - reserve: bytes of the disk that are not to be used.
  ///   - freeBytes: the space left where a path is; nil where the system does not tell.
  /// - Throws: `Failure`; nothing is left behind then.
  init(
    _ place: Place, model: CausalLM, sets: [[TokenizedExample]], reserve: Int,
    freeBytes: (_ path: String) -> Int?
  ) throws(Failure) {
    path = place.path
    hiddenSize = model.configuration.hiddenSize
    tokenCounts = sets.joined().map(\.tokens.count)
    scratch = FloatBuffer(count: Self.scratchRows * hiddenSize)
    header = Self.magic + Self.identity(place, model: model, sets: sets) + "\n"
    checksOffset = (header.utf8.count + 7) / 8 * 8
    var end = (checksOffset + 8 * tokenCounts.count + 4095) / 4096 * 4096
    var offsets: [Int] = []
    for count in tokenCounts {
      offsets.append(end)
      end += count * hiddenSize * 4
    }
    self.offsets = offsets
    byteCount = end
    checks = tokenCounts.map { _ in 0 }
    entries = tokenCounts.map { _ in .missing }

    var status = stat()
    let exists = lstat(path, &status) == 0
    guard !exists || status.st_mode & S_IFMT == S_IFREG else {
      descriptor = -1
      throw .unusable(path: path, reason: "is not a regular file")
    }
    let taken = exists ? Int(status.st_blocks) * 512 : 0
    if let free = freeBytes(path), free + taken < byteCount + reserve {
      descriptor = -1
      Self.remove(path)
      throw .tooLarge(path: path, bytes: byteCount, free: max(0, free + taken - reserve))
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw .unusable(path: path, reason: String(cString: strerror(errno)))
    }
    if Int(status.st_size) == byteCount, exists, readHeader(header) {
      entries = checks.map { $0 == 0 ? .missing : .unchecked }
    } else {
      try makeAnew(header)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The SHA-256 of all that the activations depend on.
  private static func identity(_ place: Place, model: CausalLM, sets: [[TokenizedExample]])
    -> String
  {
    var hash = SHA256()
    let c = model.configuration
    hash.update(
      Array(
        "\(place.base)\n\(model.arithmetic.rawValue) \(KernelPath.active) \(model.trunkBlockCount) \(c.hiddenSize)\n"
          .utf8))
    for set in sets {
      for example in set {
        withUnsafeBytes(of: UInt64(example.tokens.count)) { hash.update($0) }
        example.tokens.withUnsafeBytes { hash.update($0) }
      }
    }
    return hash.hexadecimalDigest()
  }

  /// Whether the file begins with `header`; then its checks have been read.
  private func readHeader(_ header: String) -> Bool {
    let expected = Array(header.utf8)
    var found = [UInt8](repeating: 0, count: expected.count)
    let isRead = found.withUnsafeMutableBytes { transfer($0, at: 0, Self.read) }
    guard isRead, found == expected else { return false }
    return checks.withUnsafeMutableBytes { transfer($0, at: checksOffset, Self.read) }
  }

  private func makeAnew(_ header: String) throws(Failure) {
    var bytes = Array(header.utf8)
    // Until it has its size, the file is recognised as unfinished.
    guard ftruncate(descriptor, 0) == 0,
      bytes.withUnsafeMutableBytes({ transfer($0, at: 0, Self.write) }),
      ftruncate(descriptor, byteCount) == 0
    else {
      let reason = String(cString: strerror(errno))
      Self.remove(path)
      throw .unusable(path: path, reason: reason)
    }
  }

  /// How many examples an earlier session has left, as far as is known.
  var keptCount: Int { entries.count { $0 != .missing } }

  /// The first example that an earlier session has left whole, if any.
  func firstKept() -> Int? { entries.indices.first { check($0) } }

  /// Forgets all examples, in the file as well: what this session does not write again must not be found by the next.
  func forget() throws(Failure) {
    for index in entries.indices { entries[index] = .missing }
    try makeAnew(header)
  }

  /// Removes the file; what is not a regular file stays.
  static func remove(_ path: String) {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG { unlink(path) }
  }

  /// The space left to this user where a file is or will be, in bytes; nil where the system does not tell.
  static func freeBytes(_ path: String) -> Int? {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(
        by: UInt64(status.f_frsize)
      ).partialValue)
  }

  /// The examples of one set, numbered from 0.
  struct Section: TrunkSource {
    let cache: TrunkCache
    /// The number of its first example in the cache.
    let first: Int

    func fill(_ rows: Matrix, of batch: MicroBatch) -> Bool { cache.fill(rows, of: batch, first) }
    func keep(_ rows: Matrix, of batch: MicroBatch) { cache.keep(rows, of: batch, first) }
  }

  private func fill(_ rows: Matrix, of batch: MicroBatch, _ first: Int) -> Bool {
    guard failure == nil,
      batch.exampleIndices.allSatisfy({ entries[first + $0] != .missing }),
      batch.exampleIndices.allSatisfy({ check(first + $0) })
    else { return false }
    // What examples share is read once.
    isFilled.removeAll(keepingCapacity: true)
    isFilled.append(contentsOf: repeatElement(false, count: batch.segments.count))
    for (sequence, index) in batch.exampleIndices.enumerated() {
      var next: Int? = batch.layout.lastSegments[sequence]
      while let place = next, !isFilled[place] {
        let segment = batch.segments[place]
        guard
          transfer(
            bytes(rows, segment), at: offset(first + index, segment.positionOffset), Self.read)
        else {
          fail()
          return false
        }
        isFilled[place] = true
        next = segment.parent
      }
    }
    return true
  }

  private func keep(_ rows: Matrix, of batch: MicroBatch, _ first: Int) {
    for (sequence, index) in batch.exampleIndices.enumerated()
    where failure == nil && entries[first + index] == .missing {
      let record = first + index
      var sum: UInt64 = 0
      var next: Int? = batch.layout.lastSegments[sequence]
      while let place = next {
        let segment = batch.segments[place]
        guard
          transfer(bytes(rows, segment), at: offset(record, segment.positionOffset), Self.write)
        else { return fail() }
        for token in 0..<segment.count {
          sum &+= Self.hash(
            rows.row(segment.start + token), count: hiddenSize,
            token: segment.positionOffset + token)
        }
        next = segment.parent
      }
      checks[record] = Self.finish(sum, record)
      let isWritten = withUnsafeMutableBytes(of: &checks[record]) {
        transfer($0, at: checksOffset + 8 * record, Self.write)
      }
      guard isWritten else { return fail() }
      entries[record] = .known
    }
  }

  /// Whether an example's numbers are those that were written; read once for examples of an earlier session.
  private func check(_ record: Int) -> Bool {
    guard entries[record] == .unchecked else { return entries[record] == .known }
    var sum: UInt64 = 0
    for token in stride(from: 0, to: tokenCounts[record], by: Self.scratchRows) {
      let count = min(Self.scratchRows, tokenCounts[record] - token)
      let rows = scratch.matrix(rows: count, columns: hiddenSize)
      guard
        transfer(
          UnsafeMutableRawBufferPointer(start: rows.base, count: count * hiddenSize * 4),
          at: offset(record, token), Self.read)
      else {
        entries[record] = .missing
        return false
      }
      for row in 0..<count {
        sum &+= Self.hash(rows.row(row), count: hiddenSize, token: token + row)
      }
    }
    entries[record] = Self.finish(sum, record) == checks[record] ? .known : .missing
    return entries[record] == .known
  }

  /// Makes the cache useless for what `errno` says, and gives its space back at once, which a checkpoint may need.
  private func fail() {
    failure = .unusable(path: path, reason: String(cString: strerror(errno)))
    ftruncate(descriptor, 0)
    Self.remove(path)
  }

  private func offset(_ record: Int, _ token: Int) -> Int {
    offsets[record] + token * hiddenSize * 4
  }

  private func bytes(_ rows: Matrix, _ segment: Segment) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: rows.row(segment.start), count: segment.count * hiddenSize * 4)
  }

  // MARK: Checks

  /// A hash of one row; those of an example are summed, so that they may come in any order.
  private static func hash(_ row: UnsafePointer<Float>, count: Int, token: Int) -> UInt64 {
    let bytes = UnsafeRawPointer(row)
    var lanes = SIMD8<UInt32>(repeating: 0x811C_9DC5)
    let whole = count / 8 * 8
    for index in stride(from: 0, to: whole, by: 8) {
      let words = bytes.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<UInt32>.self)
      // One to one for each lane, so a single word that differs is always seen.
      lanes = (lanes ^ words) &* 0x0100_0193
      lanes ^= lanes &>> 15
    }
    var hash = CounterRandom.mix(UInt64(token))
    for index in whole..<count { hash = CounterRandom.mix(hash ^ UInt64(row[index].bitPattern)) }
    for lane in 0..<8 { hash = CounterRandom.mix(hash ^ UInt64(lanes[lane])) }
    return hash
  }

  /// An example's check, from the sum of its rows' hashes; never 0.
  private static func finish(_ sum: UInt64, _ record: Int) -> UInt64 {
    CounterRandom.mix(sum ^ CounterRandom.mix(UInt64(record))) | 1
  }

  // MARK: Reading and writing

  private typealias Operation = @Sendable (Int32, UnsafeMutableRawPointer, Int, Int) -> Int
  private static let read: Operation = { pread($0, $1, $2, $3) }
  private static let write: Operation = { pwrite($0, $1, $2, $3) }

  /// Reads or writes all of `bytes`; if that fails, `errno` says why.
  private func transfer(
    _ bytes: UnsafeMutableRawBufferPointer, at offset: Int, _ operation: Operation
  ) -> Bool {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let count = operation(descriptor, base + done, bytes.count - done, offset + done)
      if count < 0, errno == EINTR { continue }
      if count == 0 { errno = EIO }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }
}
