internal import CMicroKernels

/// How the C library's allocator holds on to memory that was freed.
public enum SystemAllocator {
  /// Gives large blocks back to the system as soon as they are freed, from now on; for a program's first line.
  ///
  /// What was needed to read a model and its data then does not add to what training needs.
  public static func returnFreedBlocks() { lk_return_freed_blocks() }

  /// Gives back what is free between small blocks now.
  public static func trim() { lk_trim_heap() }
}
