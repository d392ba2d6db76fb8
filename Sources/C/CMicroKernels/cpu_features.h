#ifndef LORIKEET_CPU_FEATURES_H
#define LORIKEET_CPU_FEATURES_H

#include <stdint.h>

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

#endif
