#ifndef LORIKEET_FMA_PEAK_H
#define LORIKEET_FMA_PEAK_H

#include <stdint.h>

// Fused multiply-adds on registers alone: no load, no store, enough independent sums to hide their latency. What a
// matrix product reaches is judged against this figure.
//
// The sums converge to a fixed point (s = s · x + y with |x| < 1), so no number is ever denormal or infinite, and the
// operands come from outside so that nothing can be computed at compile time.

#define LK_PEAK_BODY(VECTOR, SUMS, STEP)                                              \
  VECTOR sums[SUMS];                                                                  \
  _Pragma("clang loop unroll(full)") for (int s = 0; s < SUMS; s++) sums[s] = start * (float)(s + 1); \
  for (int64_t i = 0; i < iterations; i++) {                                          \
    _Pragma("clang loop unroll(full)") for (int s = 0; s < SUMS; s++) { STEP; }       \
  }                                                                                   \
  float total = 0;                                                                    \
  for (int s = 0; s < SUMS; s++)                                                      \
    for (unsigned lane = 0; lane < sizeof(VECTOR) / 4; lane++) total += sums[s][lane]; \
  return total;

typedef float lk_f32x4 __attribute__((vector_size(16)));
typedef float lk_f32x8 __attribute__((vector_size(32)));
typedef float lk_f32x16 __attribute__((vector_size(64)));

#if defined(__x86_64__)

// Sixteen sums of sixteen: latency 4, two units, so eight would do; more leave room for a slower start.
__attribute__((target("avx512f"), noinline)) static float lk_peak_avx512(int64_t iterations, float x0, float y0) {
#pragma clang fp contract(fast)
  const lk_f32x16 x = (lk_f32x16){} + x0, y = (lk_f32x16){} + y0, start = y;
  LK_PEAK_BODY(lk_f32x16, 16, sums[s] = sums[s] * x + y)
}

// Twelve sums and two operands fill fourteen of the sixteen registers.
__attribute__((target("avx2,fma"), noinline)) static float lk_peak_avx2(int64_t iterations, float x0, float y0) {
#pragma clang fp contract(fast)
  const lk_f32x8 x = (lk_f32x8){} + x0, y = (lk_f32x8){} + y0, start = y;
  LK_PEAK_BODY(lk_f32x8, 12, sums[s] = sums[s] * x + y)
}

#endif

// What the build's target has: fused on arm64, a product and a sum on an x86-64 without FMA.
__attribute__((noinline)) static float lk_peak_baseline(int64_t iterations, float x0, float y0) {
#pragma clang fp contract(fast)
  const lk_f32x4 x = (lk_f32x4){} + x0, y = (lk_f32x4){} + y0, start = y;
  LK_PEAK_BODY(lk_f32x4, 12, sums[s] = sums[s] * x + y)
}

/// The widest vectors of this CPU that the loop knows: 512, 256 or 128 bits.
static inline int32_t lk_peak_vector_bits(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return 512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 256;
#endif
  return 128;
}

/// Floating-point operations of one iteration of `lk_peak_run`.
static inline int64_t lk_peak_flop_per_iteration(void) {
  switch (lk_peak_vector_bits()) {
    case 512: return 16 * 16 * 2;
    case 256: return 12 * 8 * 2;
    default: return 12 * 4 * 2;
  }
}

/// Runs `iterations` iterations on this thread; the sum it returns keeps the compiler from leaving them out.
static inline float lk_peak_run(int64_t iterations, float x, float y) {
#if defined(__x86_64__)
  switch (lk_peak_vector_bits()) {
    case 512: return lk_peak_avx512(iterations, x, y);
    case 256: return lk_peak_avx2(iterations, x, y);
  }
#endif
  return lk_peak_baseline(iterations, x, y);
}

#endif
