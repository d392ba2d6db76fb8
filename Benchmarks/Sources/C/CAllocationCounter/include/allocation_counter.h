#ifndef LORIKEET_ALLOCATION_COUNTER_H
#define LORIKEET_ALLOCATION_COUNTER_H

#include <stdint.h>

// Calls of malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign on any thread of the process, counted
// between a start and a stop. Works with glibc, whose own entry points stay reachable under other names; elsewhere
// nothing is replaced and `lk_allocations_are_counted` says so.

/// What was asked for since the count was started.
typedef struct {
  /// Calls.
  int64_t calls;
  /// Bytes asked for.
  int64_t bytes;
} lk_allocation_count;

/// 1 where allocations are counted.
int32_t lk_allocations_are_counted(void);

/// Starts a count from zero.
void lk_allocation_count_start(void);

/// Ends the count.
lk_allocation_count lk_allocation_count_stop(void);

#endif
