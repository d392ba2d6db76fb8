#ifndef LORIKEET_ALLOCATOR_H
#define LORIKEET_ALLOCATOR_H

#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

/// Gives large blocks back to the system when they are freed. Left to itself, glibc raises the size from which it does
/// so to that of the largest block freed so far, up to 32 MiB.
static inline void lk_return_freed_blocks(void) {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

/// Gives back what is free between small blocks.
static inline void lk_trim_heap(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

#endif
