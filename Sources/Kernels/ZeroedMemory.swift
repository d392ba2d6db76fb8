#if canImport(Glibc)
  import Glibc
#endif

/// Memory for buffers: zeros, aligned to a cache line, and in huge pages where it is large.
///
/// Large blocks come straight from the kernel, which hands out zeros when a page is first touched, so that the threads
/// that use a buffer first share the work; and in pages of 2 MiB where it can, so that there are 512 times fewer of
/// those moments and fewer address translations in every product.
enum ZeroedMemory {
  /// Bytes from which on memory is asked of the kernel and not of the allocator.
  private static let largeByteCount = 4 << 20
  private static let hugePage = 2 << 20

  /// Allocates `byteCount` zeroed bytes.
  ///
  /// Ends the process with one sentence where there is no memory left: nothing that was asked for could go on.
  static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    guard byteCount >= largeByteCount else {
      let block = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      memset(block, 0, byteCount)
      return block
    }
    // One huge page more than needed, to begin at a multiple of one; what is not needed goes back.
    let length = mappedCount(byteCount)
    guard
      let mapping = mmap(
        nil, length + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapping != MAP_FAILED
    else { reportExhaustion(byteCount) }
    let before = -Int(bitPattern: mapping) & (hugePage - 1)
    let block = mapping + before
    if before > 0 { munmap(mapping, before) }
    if before < hugePage { munmap(block + length, hugePage - before) }
    // Advice: without it the block is as good, in small pages.
    #if os(Linux)
      madvise(block, length, Int32(MADV_HUGEPAGE))
    #endif
    return block
  }

  /// Frees what `allocate` returned for as many bytes.
  static func deallocate(_ block: UnsafeMutableRawPointer, byteCount: Int) {
    if byteCount >= largeByteCount {
      munmap(block, mappedCount(byteCount))
    } else {
      block.deallocate()
    }
  }

  /// Whole small pages.
  private static func mappedCount(_ byteCount: Int) -> Int { (byteCount + 4_095) & ~4_095 }

  private static func reportExhaustion(_ byteCount: Int) -> Never {
    let sentence =
      "lorikeet: the system has no memory for another \(byteCount / 1_000_000) MB;"
      + " lower training.max_memory, or free memory and start again\n"
    _ = sentence.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    exit(1)
  }
}
