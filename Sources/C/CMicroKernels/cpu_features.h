#ifndef LORIKEET_CPU_FEATURES_H
#define LORIKEET_CPU_FEATURES_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// 1 where CPU and operating system both support AVX2 and FMA.
static inline int32_t lk_cpu_has_avx2_fma(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#else
  return 0;
#endif
}

/// 1 where CPU and operating system both support AVX-512 F, BW, VL and DQ.
static inline int32_t lk_cpu_has_avx512(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return 0;
#endif
}

/// 1 where AVX-512 VNNI is there as well.
static inline int32_t lk_cpu_has_avx512_vnni(void) {
#if defined(__x86_64__)
  return lk_cpu_has_avx512() && __builtin_cpu_supports("avx512vnni");
#else
  return 0;
#endif
}

/// Nanoseconds on a clock that only goes forward.
static inline int64_t lk_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// Tells the core that this thread is only waiting, for some tens of cycles.
static inline void lk_pause(void) {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// The number of CPUs in this process's affinity mask, 0 where the kernel does not say. The raw call, since the
/// wrapper is hidden behind a feature macro that Swift's import of Glibc does not set.
static inline int32_t lk_affinity_count(void) {
  uint64_t mask[128] = {0};
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  int32_t count = 0;
  for (long i = 0; i < bytes / 8; i++) count += __builtin_popcountll(mask[i]);
  return count;
}

/// Treats denormal numbers as zero on this thread and returns how it was before: they slow every kernel many times over
/// and mean nothing there. Elsewhere they are numbers like others, so whoever borrows a thread puts it back.
static inline uint32_t lk_flush_denormals(void) {
#if defined(__x86_64__)
  const uint32_t before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  return before;
#else
  return 0;
#endif
}

/// Treats denormal numbers again as when `lk_flush_denormals` returned `before`.
static inline void lk_restore_denormals(uint32_t before) {
#if defined(__x86_64__)
  _mm_setcsr((_mm_getcsr() & ~0x8040u) | (before & 0x8040u));
#endif
}

#endif
