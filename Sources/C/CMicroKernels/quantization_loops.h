// The loops of quantization.h, included once per instruction set with LK_PATH, LK_TARGET and LK_VECTOR_BITS set.
// No include guard: that is the point.

#define LK_INLINE static inline LK_TARGET __attribute__((always_inline))

// ---- What the instruction sets do differently -----------------------------------------------------------------

LK_INLINE lk_f32x16 LK_PATH(lk_widen_half)(lk_u16x16 half) {
#if LK_VECTOR_BITS == 512
  return (lk_f32x16)_mm512_cvtph_ps((__m256i)half);
#elif LK_VECTOR_BITS == 256
  union {
    __m256 part[2];
    lk_f32x16 whole;
  } wide;
  wide.part[0] = _mm256_cvtph_ps(_mm256_castsi256_si128((__m256i)half));
  wide.part[1] = _mm256_cvtph_ps(_mm256_extracti128_si256((__m256i)half, 1));
  return wide.whole;
#else
  // lk_half_to_float, with all three cases computed and one chosen.
  const lk_u32x16 bits = __builtin_convertvector(half, lk_u32x16);
  const lk_u32x16 magnitude = bits & 0x7FFF;
  const lk_u32x16 normal = (magnitude << 13) + (112u << 23);
  const lk_u32x16 subnormal = (lk_u32x16)(__builtin_convertvector((lk_i32x16)magnitude, lk_f32x16) * 0x1p-24f);
  const lk_u32x16 isSubnormal = (lk_u32x16)((lk_i32x16)magnitude < 0x400);
  const lk_u32x16 isSpecial = (lk_u32x16)((lk_i32x16)magnitude >= 0x7C00);
  const lk_u32x16 isNaN = (lk_u32x16)((lk_i32x16)magnitude > 0x7C00);
  lk_u32x16 wide = (normal & ~isSubnormal) | (subnormal & isSubnormal);
  wide |= (isSpecial & 0x7F800000) | (isNaN & 0x00400000);
  return (lk_f32x16)(wide | (bits & 0x8000) << 16);
#endif
}

LK_INLINE float LK_PATH(lk_widen_one_half)(uint16_t half) {
#if LK_VECTOR_BITS >= 256
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
#else
  return lk_half_to_float(half);
#endif
}

/// One half in all lanes, widened.
LK_INLINE lk_f32x16 LK_PATH(lk_broadcast_half)(uint16_t half) {
#if LK_VECTOR_BITS >= 256
  // Broadcasting first loads and spreads in one instruction, without waiting for what was in the register.
  return LK_PATH(lk_widen_half)((lk_u16x16){0} + half);
#else
  // Subtracting zero keeps every value, zero's sign too; it is how C writes a broadcast.
  return lk_half_to_float(half) - (lk_f32x16){0};
#endif
}

/// The sixteen values of a table at sixteen indices, each below 16.
LK_INLINE lk_f32x16 LK_PATH(lk_lookup)(const float *table, lk_u32x16 index) {
#if LK_VECTOR_BITS == 512
  return (lk_f32x16)_mm512_permutexvar_ps((__m512i)index, _mm512_loadu_ps(table));
#elif LK_VECTOR_BITS == 256
  union {
    lk_u32x16 whole;
    __m256i part[2];
  } in = {.whole = index};
  union {
    __m256 part[2];
    lk_f32x16 whole;
  } out;
  const __m256 low = _mm256_loadu_ps(table), high = _mm256_loadu_ps(table + 8);
  for (int i = 0; i < 2; i++) {
    // The permutation looks at the lowest three bits; the fourth, moved to the sign, chooses the half.
    __m256 ifLow = _mm256_permutevar8x32_ps(low, in.part[i]);
    __m256 ifHigh = _mm256_permutevar8x32_ps(high, in.part[i]);
    out.part[i] = _mm256_blendv_ps(ifLow, ifHigh, _mm256_castsi256_ps(_mm256_slli_epi32(in.part[i], 28)));
  }
  return out.whole;
#else
  lk_f32x16 values;
  for (int i = 0; i < 16; i++) values[i] = table[index[i]];
  return values;
#endif
}

/// `lk_nf4_values` at sixteen indices, each below 16.
LK_INLINE lk_f32x16 LK_PATH(lk_nf4_lookup)(lk_u32x16 index) { return LK_PATH(lk_lookup)(lk_nf4_values, index); }

// ---- Elements -------------------------------------------------------------------------------------------------

LK_INLINE lk_f32x16 LK_PATH(lk_widen_bfloat)(lk_u16x16 bfloat) {
  return (lk_f32x16)(__builtin_convertvector(bfloat, lk_u32x16) << 16);
}

LK_INLINE void LK_PATH(lk_store)(float *to, lk_f32x16 values) { memcpy(to, &values, sizeof values); }

/// `scale · code`, and where there is a minimum `+ minimum`.
///
/// The product of an 11-bit scale and a code of at most 8 bits is exact, so only the sum is rounded.
LK_INLINE lk_f32x16 LK_PATH(lk_scaled)(int type, lk_i32x16 code, lk_f32x16 scale, lk_f32x16 minimum) {
#pragma clang fp contract(off)
  if (type == LK_Q4_0) code -= 8;
  if (type == LK_Q5_0) code -= 16;
  if (type == LK_IQ4_NL) return scale * LK_PATH(lk_lookup)(lk_iq4_nl_values, (lk_u32x16)code);
  lk_f32x16 product = scale * __builtin_convertvector(code, lk_f32x16);
  if (type == LK_Q4_1 || type == LK_Q5_1) product = product + minimum;
  return product;
}

/// Block `b` of an NF4 matrix: the largest magnitude it stands for.
LK_INLINE float LK_PATH(lk_nf4_absmax)(const struct lk_nf4 *matrix, int64_t block) {
#pragma clang fp contract(off)
  if (!matrix->codes) return matrix->absmax[block];
  float product = matrix->map[matrix->codes[block]] * matrix->absmax[block >> 8];
  return product + matrix->offset;
}

/// The sixteen codes in eight bytes, the even element in the high nibble.
LK_INLINE lk_u32x16 LK_PATH(lk_nf4_codes)(const uint8_t *packed) {
  lk_u8x8 pairs;
  memcpy(&pairs, packed, sizeof pairs);
  lk_u8x16 twice =
      __builtin_shufflevector(pairs, pairs, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  const lk_u32x16 shift = {4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0};
  return __builtin_convertvector(twice, lk_u32x16) >> shift & 15;
}

// ---- Rows: consecutive elements -------------------------------------------------------------------------------

/// Bytes of a block of 32 elements.
LK_INLINE int64_t LK_PATH(lk_block_bytes)(int type) {
  switch (type) {
  case LK_Q4_0:
  case LK_IQ4_NL: return 18;
  case LK_Q4_1: return 20;
  case LK_Q5_0: return 22;
  case LK_Q5_1: return 24;
  default: return 34;
  }
}

LK_INLINE void LK_PATH(lk_rows_of_blocks)(int type, const uint8_t *block, int64_t blocks, float *to) {
  for (int64_t b = 0; b < blocks; b++, block += LK_PATH(lk_block_bytes)(type), to += 32) {
    uint16_t half[2];
    const uint8_t *codes = block + 2;
    memcpy(half, block, 2);
    lk_f32x16 scale = LK_PATH(lk_broadcast_half)(half[0]);
    lk_f32x16 minimum = {0};
    if (type == LK_Q4_1 || type == LK_Q5_1) {
      memcpy(half + 1, block + 2, 2);
      minimum = LK_PATH(lk_broadcast_half)(half[1]);
      codes += 2;
    }
    if (type == LK_Q8_0) {
      lk_i8x16 code[2];
      memcpy(code, codes, sizeof code);
#pragma clang loop unroll(full)
      for (int h = 0; h < 2; h++)
        LK_PATH(lk_store)(
            to + 16 * h,
            LK_PATH(lk_scaled)(type, __builtin_convertvector(code[h], lk_i32x16), scale, minimum));
      continue;
    }
    lk_u32x16 low = {0}, high = {0};
    if (type == LK_Q5_0 || type == LK_Q5_1) {
      uint32_t fifth;
      memcpy(&fifth, codes, 4);
      codes += 4;
      const lk_u32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
      low = ((((lk_u32x16){0} + fifth) >> lane) & 1) << 4;
      high = ((((lk_u32x16){0} + (fifth >> 16)) >> lane) & 1) << 4;
    }
    lk_u8x16 pair;
    memcpy(&pair, codes, sizeof pair);
    lk_u32x16 wide = __builtin_convertvector(pair, lk_u32x16);
    low |= wide & 15;
    high |= wide >> 4;
    LK_PATH(lk_store)(to, LK_PATH(lk_scaled)(type, (lk_i32x16)low, scale, minimum));
    LK_PATH(lk_store)(to + 16, LK_PATH(lk_scaled)(type, (lk_i32x16)high, scale, minimum));
  }
}

#include "quantization_super_block_loops.h"

/// Dequantises the elements `first ..< first + count` of a row; for block types multiples of 32.
static inline LK_TARGET void LK_PATH(lk_dequantize)(
    int32_t type, const void *from, int64_t first, int64_t count, float *to) {
  const uint8_t *bytes = (const uint8_t *)from;
  int64_t i = 0;
  switch (type) {
  case LK_F32:
    memcpy(to, bytes + 4 * first, (size_t)count * sizeof(float));
    return;
  case LK_F16:
    bytes += 2 * first;
    for (; i + 16 <= count; i += 16) {
      lk_u16x16 half;
      memcpy(&half, bytes + 2 * i, sizeof half);
      LK_PATH(lk_store)(to + i, LK_PATH(lk_widen_half)(half));
    }
    for (; i < count; i++) {
      uint16_t half;
      memcpy(&half, bytes + 2 * i, sizeof half);
      to[i] = LK_PATH(lk_widen_one_half)(half);
    }
    return;
  case LK_BF16:
    bytes += 2 * first;
    for (; i + 16 <= count; i += 16) {
      lk_u16x16 bfloat;
      memcpy(&bfloat, bytes + 2 * i, sizeof bfloat);
      LK_PATH(lk_store)(to + i, LK_PATH(lk_widen_bfloat)(bfloat));
    }
    for (; i < count; i++) {
      uint16_t bfloat;
      memcpy(&bfloat, bytes + 2 * i, sizeof bfloat);
      to[i] = lk_bfloat_to_float(bfloat);
    }
    return;
  case LK_Q2_K: LK_PATH(lk_rows_of_super_blocks)(LK_Q2_K, bytes, first / 32, count / 32, to); return;
  case LK_Q3_K: LK_PATH(lk_rows_of_super_blocks)(LK_Q3_K, bytes, first / 32, count / 32, to); return;
  case LK_Q4_K: LK_PATH(lk_rows_of_super_blocks)(LK_Q4_K, bytes, first / 32, count / 32, to); return;
  case LK_Q5_K: LK_PATH(lk_rows_of_super_blocks)(LK_Q5_K, bytes, first / 32, count / 32, to); return;
  case LK_Q6_K: LK_PATH(lk_rows_of_super_blocks)(LK_Q6_K, bytes, first / 32, count / 32, to); return;
  }
  bytes += first / 32 * LK_PATH(lk_block_bytes)(type);
  switch (type) {
  case LK_Q4_0: LK_PATH(lk_rows_of_blocks)(LK_Q4_0, bytes, count / 32, to); return;
  case LK_Q4_1: LK_PATH(lk_rows_of_blocks)(LK_Q4_1, bytes, count / 32, to); return;
  case LK_Q5_0: LK_PATH(lk_rows_of_blocks)(LK_Q5_0, bytes, count / 32, to); return;
  case LK_Q5_1: LK_PATH(lk_rows_of_blocks)(LK_Q5_1, bytes, count / 32, to); return;
  case LK_IQ4_NL: LK_PATH(lk_rows_of_blocks)(LK_IQ4_NL, bytes, count / 32, to); return;
  default: LK_PATH(lk_rows_of_blocks)(LK_Q8_0, bytes, count / 32, to); return;
  }
}

/// Dequantises the elements `first ..< first + count` of the flattened matrix.
static inline LK_TARGET void LK_PATH(lk_nf4_dequantize)(
    const struct lk_nf4 *matrix, int64_t first, int64_t count, float *to) {
  const int64_t end = first + count;
  to -= first;
  for (int64_t i = first; i < end;) {
    const float absmax = LK_PATH(lk_nf4_absmax)(matrix, i >> 6);
    const int64_t blockEnd = (i | 63) + 1 < end ? (i | 63) + 1 : end;
    if (i & 1) {
      to[i] = lk_nf4_values[matrix->packed[i >> 1] & 15] * absmax;
      i++;
    }
    for (; i + 16 <= blockEnd; i += 16)
      LK_PATH(lk_store)(to + i, LK_PATH(lk_nf4_lookup)(LK_PATH(lk_nf4_codes)(matrix->packed + (i >> 1))) * absmax);
    for (; i < blockEnd; i++)
      to[i] = lk_nf4_values[matrix->packed[i >> 1] >> (i & 1 ? 0 : 4) & 15] * absmax;
  }
}

/// `count` elements of each of some rows, from element `first` on, written `stride` floats apart.
static inline LK_TARGET void LK_PATH(lk_dequantize_rows)(
    int32_t type, const void *base, int64_t row_bytes, int64_t columns, int64_t first, const int32_t *rows,
    int64_t row_count, int64_t count, float *to, int64_t stride) {
  const uint8_t *bytes = (const uint8_t *)base;
  const int64_t offset = first * row_bytes / columns;
  for (int64_t j = 0; j < row_count; j++) {
    // A slab takes a little of each row, which no prefetcher foresees.
    if (j + 8 < row_count) __builtin_prefetch(bytes + rows[j + 8] * row_bytes + offset);
    LK_PATH(lk_dequantize)(type, bytes + rows[j] * row_bytes, first, count, to + j * stride);
  }
}

/// `count` elements of each of some rows of an NF4 matrix of `columns` columns, from the column `first` on.
static inline LK_TARGET void LK_PATH(lk_nf4_dequantize_rows)(
    const struct lk_nf4 *matrix, int64_t columns, int64_t first, const int32_t *rows, int64_t row_count, int64_t count,
    float *to, int64_t stride) {
  for (int64_t j = 0; j < row_count; j++) {
    if (j + 8 < row_count) __builtin_prefetch(matrix->packed + ((rows[j + 8] * columns + first) >> 1));
    const int64_t start = rows[j] * columns + first;
    if (count != 32 || start % 32 != 0) {
      LK_PATH(lk_nf4_dequantize)(matrix, start, count, to + j * stride);
      continue;
    }
    // Half a block: one magnitude.
    const float absmax = LK_PATH(lk_nf4_absmax)(matrix, start >> 6);
    const uint8_t *codes = matrix->packed + (start >> 1);
    LK_PATH(lk_store)(to + j * stride, LK_PATH(lk_nf4_lookup)(LK_PATH(lk_nf4_codes)(codes)) * absmax);
    LK_PATH(lk_store)(to + j * stride + 16, LK_PATH(lk_nf4_lookup)(LK_PATH(lk_nf4_codes)(codes + 8)) * absmax);
  }
}

#include "quantization_panel_loops.h"

// ---- Quantising to NF4 ----------------------------------------------------------------------------------------

/// The codes of sixteen scaled values: how many of the 15 midpoints between neighbours are below.
///
/// A value on a midpoint gets the lower code. NaN is not at or below any midpoint, and gets 15.
LK_INLINE lk_u8x16 LK_PATH(lk_nf4_nearest)(lk_f32x16 value) {
  // Comparing true is -1.
  lk_i32x16 code = (lk_i32x16){0} + 15;
#pragma clang loop unroll(full)
  for (int i = 0; i < 15; i++) {
    const float midpoint = (lk_nf4_values[i] + lk_nf4_values[i + 1]) / 2;
    code += value <= midpoint;
  }
  return __builtin_convertvector(code, lk_u8x16);
}

/// Quantises `count` elements that begin at a block of 64: `(count + 1) / 2` bytes of codes and one magnitude per
/// begun block.
///
/// As bitsandbytes 0.50 on the CPU: a whole block multiplies by the reciprocal of its magnitude, a short last one
/// divides by it; and only of the short one a magnitude below 1e-38 is stored as 1e-38.
static inline LK_TARGET void LK_PATH(lk_nf4_quantize)(
    const float *values, int64_t count, uint8_t *packed, float *absmax) {
  const float smallest = 1e-38f;
  for (int64_t start = 0; start < count; start += 64) {
    // Beyond the end stand zeros, which change no magnitude; their code fills up an odd last byte.
    float block[64] = {0};
    const int64_t width = count - start < 64 ? count - start : 64;
    memcpy(block, values + start, (size_t)width * sizeof(float));
    lk_f32x16 x[4], magnitude = {0};
    lk_i32x16 isNaN = {0};
    memcpy(x, block, sizeof block);
    for (int i = 0; i < 4; i++) {
      lk_f32x16 positive = (lk_f32x16)((lk_i32x16)x[i] & 0x7FFFFFFF);
      lk_i32x16 larger = positive > magnitude;
      magnitude = (lk_f32x16)(((lk_i32x16)positive & larger) | ((lk_i32x16)magnitude & ~larger));
      isNaN |= x[i] != x[i];
    }
    float largest = 0;
    for (int i = 0; i < 16; i++) largest = magnitude[i] > largest ? magnitude[i] : largest;
    for (int i = 0; i < 16; i++) largest = isNaN[i] ? __builtin_nanf("") : largest;
    const float divisor = largest < smallest ? smallest : largest;
    absmax[start >> 6] = width == 64 ? largest : divisor;
    const float inverse = 1 / divisor;
    uint8_t bytes[32];
    for (int i = 0; i < 4; i++) {
      lk_f32x16 scaled = width == 64 ? x[i] * inverse : x[i] / divisor;
      // Clamping to [-1, 1] would change no code: the outermost midpoints lie within.
      lk_u8x16 codes = LK_PATH(lk_nf4_nearest)(scaled);
      lk_u8x8 even = __builtin_shufflevector(codes, codes, 0, 2, 4, 6, 8, 10, 12, 14);
      lk_u8x8 odd = __builtin_shufflevector(codes, codes, 1, 3, 5, 7, 9, 11, 13, 15);
      lk_u8x8 pairs = even << 4 | odd;
      memcpy(bytes + 8 * i, &pairs, sizeof pairs);
    }
    memcpy(packed + (start >> 1), bytes, (size_t)(width + 1) / 2);
  }
}

#include "quantization_k_quantizer_loops.h"

#include "quantization_fitting_loops.h"

#undef LK_INLINE
