#ifndef LORIKEET_QUANTIZATION_H
#define LORIKEET_QUANTIZATION_H

// Reading quantised weights: from blocks to float, in rows or in panels of 32 rows turned on their side.
//
// The loops are written once, in the files named quantization_…_loops.h, over vectors of 16, and compiled three times:
// for any CPU (`_portable`), for AVX2 with F16C (`_avx2`) and for AVX-512 (`_avx512`). All three give the same bits:
// every product and sum is rounded by itself (no fused multiply-add), in the order ggml and bitsandbytes state.

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// How weights are stored; the numbers are GGUF's tensor types.
enum lk_storage {
  LK_F32 = 0,
  LK_F16 = 1,
  LK_Q4_0 = 2,
  LK_Q4_1 = 3,
  LK_Q5_0 = 6,
  LK_Q5_1 = 7,
  LK_Q8_0 = 8,
  LK_Q2_K = 10,
  LK_Q3_K = 11,
  LK_Q4_K = 12,
  LK_Q5_K = 13,
  LK_Q6_K = 14,
  LK_IQ4_NL = 20,
  LK_BF16 = 30,
};

/// One NF4 matrix, as bitsandbytes lays it out. Blocks are 64 consecutive elements of the flattened matrix.
struct lk_nf4 {
  /// Two codes a byte, the even element in the high nibble.
  const uint8_t *packed;
  /// One 8-bit code per block, or NULL where `absmax` holds one float per block.
  const uint8_t *codes;
  /// One float per 256 codes; without codes one float per block.
  const float *absmax;
  /// What the 256 codes stand for.
  const float *map;
  /// Added to every decoded code.
  float offset;
};

/// How much narrower and wider than the plain one the ranges are that scales are fitted to, in tenths of a code: as far as
/// `make_qx_quants` of ggml goes, and further where ends are cut off.
#define LK_FIRST_TRIAL (-9)
#define LK_LAST_TRIAL 24

/// Elements of a super-block, the block of the types named K.
#define LK_SUPER_BLOCK 256

typedef float lk_f32x8 __attribute__((vector_size(32)));
typedef int32_t lk_i32x8 __attribute__((vector_size(32)));
typedef uint32_t lk_u32x4 __attribute__((vector_size(16)));
typedef float lk_f32x16 __attribute__((vector_size(64)));
typedef int32_t lk_i32x16 __attribute__((vector_size(64)));
typedef uint32_t lk_u32x16 __attribute__((vector_size(64)));
typedef uint16_t lk_u16x16 __attribute__((vector_size(32)));
typedef uint8_t lk_u8x16 __attribute__((vector_size(16)));
typedef int8_t lk_i8x16 __attribute__((vector_size(16)));
typedef uint8_t lk_u8x8 __attribute__((vector_size(8)));

/// The sixteen values of NF4: quantiles of a normal distribution, scaled to [-1, 1] (QLoRA, appendix E).
static const float lk_nf4_values[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/// The sixteen values of IQ4_NL, before they are scaled.
///
/// See `kvalues_iq4nl` in ggml-common.h.
static const float lk_iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// Half precision to single, bit for bit as `vcvtph2ps`: exact, and a signalling NaN becomes quiet.
static inline float lk_half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 0x1F;
  uint32_t mantissa = half & 0x3FF;
  uint32_t bits;
  if (exponent == 0x1F) {
    bits = sign | 0x7F800000 | mantissa << 13 | (mantissa != 0 ? 0x00400000 : 0);
  } else if (exponent != 0) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else {
    // A subnormal is an integer count of 2^-24; both factors are exact.
    float magnitude = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= sign;
  }
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

/// Single precision to half, bit for bit as `vcvtps2ph`: to nearest, ties to even; NaN keeps its high bits.
static inline uint16_t lk_float_to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t sign = (bits >> 16) & 0x8000;
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return (uint16_t)(sign | 0x7E00 | ((magnitude >> 13) & 0x3FF));
  if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7C00);
  if (magnitude >= 0x38800000) {
    // Rounding may carry into the exponent, up to infinity, which is what is wanted.
    uint32_t rounded = magnitude - 0x38000000 + 0xFFF + ((magnitude >> 13) & 1);
    return (uint16_t)(sign | rounded >> 13);
  }
  if (magnitude < 0x33000000) return (uint16_t)sign;
  uint32_t shift = 126 - (magnitude >> 23);
  uint32_t mantissa = (magnitude & 0x7FFFFF) | 0x800000;
  uint32_t half = 1u << (shift - 1);
  uint32_t rounded = (mantissa + half - 1 + ((mantissa >> shift) & 1)) >> shift;
  return (uint16_t)(sign | rounded);
}

/// Single precision to bfloat16 as ggml rounds: to nearest, ties to even; NaN becomes quiet.
static inline uint16_t lk_float_to_bfloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 64);
  return (uint16_t)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// bfloat16 to single precision: the upper half of the bits.
static inline float lk_bfloat_to_float(uint16_t bfloat) {
  uint32_t bits = (uint32_t)bfloat << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

#pragma clang diagnostic push
// Vectors of 16 are passed between functions that are always inlined, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

#define LK_PATH(name) name##_portable
#define LK_TARGET
#define LK_VECTOR_BITS 128
#include "quantization_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS

#if defined(__x86_64__)
#define LK_PATH(name) name##_avx2
#define LK_TARGET __attribute__((target("avx2,f16c")))
#define LK_VECTOR_BITS 256
#include "quantization_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS

#define LK_PATH(name) name##_avx512
#define LK_TARGET __attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#define LK_VECTOR_BITS 512
#include "quantization_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS
#endif

#pragma clang diagnostic pop

#endif
