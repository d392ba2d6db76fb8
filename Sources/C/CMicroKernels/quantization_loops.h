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
  lk_f32x16 wide;
  for (int i = 0; i < 16; i++) wide[i] = lk_half_to_float(half[i]);
  return wide;
#endif
}

LK_INLINE float LK_PATH(lk_widen_one_half)(uint16_t half) {
#if LK_VECTOR_BITS >= 256
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
#else
  return lk_half_to_float(half);
#endif
}

/// `lk_nf4_values` at sixteen indices, each below 16.
LK_INLINE lk_f32x16 LK_PATH(lk_nf4_lookup)(lk_u32x16 index) {
#if LK_VECTOR_BITS == 512
  return (lk_f32x16)_mm512_permutexvar_ps((__m512i)index, _mm512_loadu_ps(lk_nf4_values));
#elif LK_VECTOR_BITS == 256
  union {
    lk_u32x16 whole;
    __m256i part[2];
  } in = {.whole = index};
  union {
    __m256 part[2];
    lk_f32x16 whole;
  } out;
  const __m256 low = _mm256_loadu_ps(lk_nf4_values), high = _mm256_loadu_ps(lk_nf4_values + 8);
  for (int i = 0; i < 2; i++) {
    // The permutation looks at the lowest three bits; the fourth, moved to the sign, chooses the half.
    __m256 ifLow = _mm256_permutevar8x32_ps(low, in.part[i]);
    __m256 ifHigh = _mm256_permutevar8x32_ps(high, in.part[i]);
    out.part[i] = _mm256_blendv_ps(ifLow, ifHigh, _mm256_castsi256_ps(_mm256_slli_epi32(in.part[i], 28)));
  }
  return out.whole;
#else
  lk_f32x16 values;
  for (int i = 0; i < 16; i++) values[i] = lk_nf4_values[index[i]];
  return values;
#endif
}

// ---- Elements -------------------------------------------------------------------------------------------------

LK_INLINE lk_f32x16 LK_PATH(lk_widen_bfloat)(lk_u16x16 bfloat) {
  return (lk_f32x16)(__builtin_convertvector(bfloat, lk_u32x16) << 16);
}

LK_INLINE void LK_PATH(lk_store)(float *to, lk_f32x16 values) { memcpy(to, &values, sizeof values); }

/// `scale · code`, and where there is a minimum `+ minimum`, each rounded by itself.
LK_INLINE lk_f32x16 LK_PATH(lk_scaled)(int type, lk_i32x16 code, lk_f32x16 scale, lk_f32x16 minimum) {
#pragma clang fp contract(off)
  if (type == LK_Q4_0) code -= 8;
  if (type == LK_Q5_0) code -= 16;
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

// ---- Rows: consecutive elements -------------------------------------------------------------------------------

/// Bytes of a block of 32 elements.
LK_INLINE int64_t LK_PATH(lk_block_bytes)(int type) {
  switch (type) {
  case LK_Q4_0: return 18;
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
    lk_f32x16 scale = LK_PATH(lk_widen_one_half)(half[0]) - (lk_f32x16){0};
    lk_f32x16 minimum = {0};
    if (type == LK_Q4_1 || type == LK_Q5_1) {
      memcpy(half + 1, block + 2, 2);
      // Subtracting zero keeps every value, zero's sign too; it is how C writes a broadcast.
      minimum = LK_PATH(lk_widen_one_half)(half[1]) - (lk_f32x16){0};
      codes += 2;
    }
    if (type == LK_Q8_0) {
      lk_i8x16 code[2];
      memcpy(code, codes, sizeof code);
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

/// Dequantises `count` consecutive elements; for block types a multiple of 32.
static inline LK_TARGET void LK_PATH(lk_dequantize)(int32_t type, const void *from, int64_t count, float *to) {
  const uint8_t *bytes = (const uint8_t *)from;
  int64_t i = 0;
  switch (type) {
  case LK_F32:
    memcpy(to, from, (size_t)count * sizeof(float));
    return;
  case LK_F16:
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
  case LK_Q4_0: LK_PATH(lk_rows_of_blocks)(LK_Q4_0, bytes, count / 32, to); return;
  case LK_Q4_1: LK_PATH(lk_rows_of_blocks)(LK_Q4_1, bytes, count / 32, to); return;
  case LK_Q5_0: LK_PATH(lk_rows_of_blocks)(LK_Q5_0, bytes, count / 32, to); return;
  case LK_Q5_1: LK_PATH(lk_rows_of_blocks)(LK_Q5_1, bytes, count / 32, to); return;
  default: LK_PATH(lk_rows_of_blocks)(LK_Q8_0, bytes, count / 32, to); return;
  }
}

#undef LK_INLINE
