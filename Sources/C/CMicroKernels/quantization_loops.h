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

// ---- Panels: 32 rows side by side -----------------------------------------------------------------------------
//
// A panel is [columns][32]: the values of one column of 32 rows lie together, as the product kernel wants them.
// Codes are turned on their side while they are still narrow, then widened with one row in each lane.

/// Transposes within each 16-byte lane. `LK_ZIP` interleaves the lower or the upper halves of two vectors' lanes;
/// as many rounds as the count of vectors has bits make the transpose.
#define LK_TRANSPOSE(name, vector, count, rounds, LOWER, UPPER)                                                    \
  LK_INLINE void LK_PATH(name)(vector * v) {                                                                       \
    _Pragma("clang loop unroll(full)") for (int round = 0; round < rounds; round++) {                              \
      vector mixed[count];                                                                                         \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < count / 2; i++) {                                     \
        mixed[2 * i] = __builtin_shufflevector(v[i], v[i + count / 2], LOWER);                                     \
        mixed[2 * i + 1] = __builtin_shufflevector(v[i], v[i + count / 2], UPPER);                                 \
      }                                                                                                            \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < count; i++) v[i] = mixed[i];                          \
    }                                                                                                              \
  }

#define LK_BYTES_LOWER 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define LK_BYTES_UPPER 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LK_WORDS_LOWER 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27
#define LK_WORDS_UPPER 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31
#define LK_FLOATS_LOWER 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define LK_FLOATS_UPPER 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31

LK_TRANSPOSE(lk_transpose_bytes, lk_u8x16, 16, 4, LK_BYTES_LOWER, LK_BYTES_UPPER)
LK_TRANSPOSE(lk_transpose_words, lk_u16x16, 8, 3, LK_WORDS_LOWER, LK_WORDS_UPPER)
LK_TRANSPOSE(lk_transpose_floats, lk_f32x16, 4, 2, LK_FLOATS_LOWER, LK_FLOATS_UPPER)

#undef LK_TRANSPOSE
#undef LK_BYTES_LOWER
#undef LK_BYTES_UPPER
#undef LK_WORDS_LOWER
#undef LK_WORDS_UPPER
#undef LK_FLOATS_LOWER
#undef LK_FLOATS_UPPER

/// Stores one column of 16 rows; rows that are not there are zero.
LK_INLINE void LK_PATH(lk_store_column)(float *panel, int64_t column, lk_f32x16 values, lk_i32x16 present) {
  LK_PATH(lk_store)(panel + column * 32, (lk_f32x16)((lk_i32x16)values & present));
}

/// The 16-bit number at `offset` of each row.
LK_INLINE lk_u16x16 LK_PATH(lk_gather_words)(const uint8_t *const *rows, int64_t offset) {
  lk_u16x16 words;
#pragma clang loop unroll(full)
  for (int r = 0; r < 16; r++) {
    uint16_t word;
    memcpy(&word, rows[r] + offset, sizeof word);
    words[r] = word;
  }
  return words;
}

/// Blocks `[first, last)` of 16 rows.
LK_INLINE void LK_PATH(lk_panel_of_blocks)(
    int type, const uint8_t *const *rows, lk_i32x16 present, int64_t first, int64_t last, float *panel) {
  for (int64_t b = first; b < last; b++, panel += 32 * 32) {
    int64_t offset = b * LK_PATH(lk_block_bytes)(type);
    lk_f32x16 scale = LK_PATH(lk_widen_half)(LK_PATH(lk_gather_words)(rows, offset)), minimum = {0};
    offset += 2;
    if (type == LK_Q4_1 || type == LK_Q5_1) {
      minimum = LK_PATH(lk_widen_half)(LK_PATH(lk_gather_words)(rows, offset));
      offset += 2;
    }
    lk_u32x16 fifth = {0};
    if (type == LK_Q5_0 || type == LK_Q5_1) {
#pragma clang loop unroll(full)
      for (int r = 0; r < 16; r++) {
        uint32_t bits;
        memcpy(&bits, rows[r] + offset, sizeof bits);
        fifth[r] = bits;
      }
      offset += 4;
    }
    for (int64_t half = 0; half < (type == LK_Q8_0 ? 2 : 1); half++) {
      lk_u8x16 codes[16];
#pragma clang loop unroll(full)
      for (int r = 0; r < 16; r++) memcpy(codes + r, rows[r] + offset + 16 * half, sizeof codes[r]);
      LK_PATH(lk_transpose_bytes)(codes);
#pragma clang loop unroll(full)
      for (int c = 0; c < 16; c++) {
        if (type == LK_Q8_0) {
          lk_i32x16 wide = __builtin_convertvector((lk_i8x16)codes[c], lk_i32x16);
          LK_PATH(lk_store_column)(panel, 16 * half + c, LK_PATH(lk_scaled)(type, wide, scale, minimum), present);
          continue;
        }
        lk_u32x16 wide = __builtin_convertvector(codes[c], lk_u32x16);
        lk_u32x16 low = wide & 15, high = wide >> 4;
        if (type == LK_Q5_0 || type == LK_Q5_1) {
          low |= (fifth >> c & 1) << 4;
          high |= (fifth >> (c + 16) & 1) << 4;
        }
        LK_PATH(lk_store_column)(panel, c, LK_PATH(lk_scaled)(type, (lk_i32x16)low, scale, minimum), present);
        LK_PATH(lk_store_column)(panel, c + 16, LK_PATH(lk_scaled)(type, (lk_i32x16)high, scale, minimum), present);
      }
    }
  }
}

/// Columns `[first, last)` of 16 rows of f16 or bf16.
LK_INLINE void LK_PATH(lk_panel_of_words)(
    int type, const uint8_t *const *rows, lk_i32x16 present, int64_t first, int64_t last, float *panel) {
  int64_t k = first;
  for (; k + 8 <= last; k += 8, panel += 8 * 32) {
    lk_u16x16 words[8];
#pragma clang loop unroll(full)
    for (int r = 0; r < 8; r++) {
      memcpy(words + r, rows[r] + 2 * k, 16);
      memcpy((uint8_t *)(words + r) + 16, rows[r + 8] + 2 * k, 16);
    }
    LK_PATH(lk_transpose_words)(words);
#pragma clang loop unroll(full)
    for (int c = 0; c < 8; c++)
      LK_PATH(lk_store_column)(
          panel, c, type == LK_F16 ? LK_PATH(lk_widen_half)(words[c]) : LK_PATH(lk_widen_bfloat)(words[c]), present);
  }
  for (; k < last; k++, panel += 32) {
    lk_u16x16 words = LK_PATH(lk_gather_words)(rows, 2 * k);
    LK_PATH(lk_store_column)(
        panel, 0, type == LK_F16 ? LK_PATH(lk_widen_half)(words) : LK_PATH(lk_widen_bfloat)(words), present);
  }
}

/// Columns `[first, last)` of 16 rows of floats.
LK_INLINE void LK_PATH(lk_panel_of_floats)(
    const uint8_t *const *rows, lk_i32x16 present, int64_t first, int64_t last, float *panel) {
  int64_t k = first;
  for (; k + 4 <= last; k += 4, panel += 4 * 32) {
    lk_f32x16 columns[4];
#pragma clang loop unroll(full)
    for (int r = 0; r < 4; r++) {
#pragma clang loop unroll(full)
      for (int lane = 0; lane < 4; lane++) memcpy((float *)(columns + r) + 4 * lane, rows[r + 4 * lane] + 4 * k, 16);
    }
    LK_PATH(lk_transpose_floats)(columns);
#pragma clang loop unroll(full)
    for (int c = 0; c < 4; c++) LK_PATH(lk_store_column)(panel, c, columns[c], present);
  }
  for (; k < last; k++, panel += 32) {
    lk_f32x16 column;
    for (int r = 0; r < 16; r++) memcpy((float *)&column + r, rows[r] + 4 * k, sizeof(float));
    LK_PATH(lk_store_column)(panel, 0, column, present);
  }
}

/// All ones in the first `count` lanes.
LK_INLINE lk_i32x16 LK_PATH(lk_lanes_below)(int32_t count) {
  const lk_i32x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane < count;
}

/// Writes zero to one half of a panel of which no row is there.
LK_INLINE void LK_PATH(lk_clear_rows)(int64_t columns, float *half) {
  for (int64_t k = 0; k < columns; k++) LK_PATH(lk_store)(half + k * 32, (lk_f32x16){0});
}

/// Reads the columns `[first, last)` of up to 32 rows into `panel`, `[last - first][32]`, with zero for rows
/// beyond `count`. For block types `first` and `last` are multiples of 32.
static inline LK_TARGET void LK_PATH(lk_panel)(
    int32_t type, const void *base, int64_t rowBytes, const int32_t *rows, int32_t count, int64_t first, int64_t last,
    float *panel) {
  for (int32_t half = 0; half < 32; half += 16) {
    if (half >= count) {
      LK_PATH(lk_clear_rows)(last - first, panel + half);
      continue;
    }
    const lk_i32x16 present = LK_PATH(lk_lanes_below)(count - half);
    const uint8_t *starts[16];
    // A row that is not there reads as another one that is, and is masked out.
    for (int32_t r = 0; r < 16; r++)
      starts[r] = (const uint8_t *)base + rows[half + r < count ? half + r : half] * rowBytes;
    float *to = panel + half;
    switch (type) {
    case LK_F32: LK_PATH(lk_panel_of_floats)(starts, present, first, last, to); break;
    case LK_F16: LK_PATH(lk_panel_of_words)(LK_F16, starts, present, first, last, to); break;
    case LK_BF16: LK_PATH(lk_panel_of_words)(LK_BF16, starts, present, first, last, to); break;
    case LK_Q4_0: LK_PATH(lk_panel_of_blocks)(LK_Q4_0, starts, present, first / 32, last / 32, to); break;
    case LK_Q4_1: LK_PATH(lk_panel_of_blocks)(LK_Q4_1, starts, present, first / 32, last / 32, to); break;
    case LK_Q5_0: LK_PATH(lk_panel_of_blocks)(LK_Q5_0, starts, present, first / 32, last / 32, to); break;
    case LK_Q5_1: LK_PATH(lk_panel_of_blocks)(LK_Q5_1, starts, present, first / 32, last / 32, to); break;
    default: LK_PATH(lk_panel_of_blocks)(LK_Q8_0, starts, present, first / 32, last / 32, to); break;
    }
  }
}

/// `lk_panel` for rows of an NF4 matrix of `columns` columns; `first` and `last` may be any.
static inline LK_TARGET void LK_PATH(lk_nf4_panel)(
    const struct lk_nf4 *matrix, int64_t columns, const int32_t *rows, int32_t count, int64_t first, int64_t last,
    float *panel) {
  for (int32_t half = 0; half < 32; half += 16) {
    if (half >= count) {
      LK_PATH(lk_clear_rows)(last - first, panel + half);
      continue;
    }
    const lk_i32x16 present = LK_PATH(lk_lanes_below)(count - half);
    int64_t starts[16];
    for (int32_t r = 0; r < 16; r++) starts[r] = rows[half + r < count ? half + r : half] * columns;
    float *to = panel + half;
    int64_t k = first;
    // Where rows begin at multiples of 32, any 32 columns from such a place lie in one block.
    for (; columns % 32 == 0 && first % 32 == 0 && k + 32 <= last; k += 32, to += 32 * 32) {
      lk_u8x16 pairs[16];
      lk_f32x16 absmax;
#pragma clang loop unroll(full)
      for (int r = 0; r < 16; r++) {
        memcpy(pairs + r, matrix->packed + ((starts[r] + k) >> 1), sizeof pairs[r]);
        absmax[r] = LK_PATH(lk_nf4_absmax)(matrix, (starts[r] + k) >> 6);
      }
      LK_PATH(lk_transpose_bytes)(pairs);
#pragma clang loop unroll(full)
      for (int c = 0; c < 16; c++) {
        lk_u32x16 wide = __builtin_convertvector(pairs[c], lk_u32x16);
        LK_PATH(lk_store_column)(to, 2 * c, LK_PATH(lk_nf4_lookup)(wide >> 4) * absmax, present);
        LK_PATH(lk_store_column)(to, 2 * c + 1, LK_PATH(lk_nf4_lookup)(wide & 15) * absmax, present);
      }
    }
    for (; k < last; k += 64, to += 64 * 32) {
      float values[16][64];
      const uint8_t *starts64[16];
      const int64_t width = last - k < 64 ? last - k : 64;
      for (int r = 0; r < 16; r++) {
        LK_PATH(lk_nf4_dequantize)(matrix, starts[r] + k, width, values[r]);
        starts64[r] = (const uint8_t *)values[r];
      }
      LK_PATH(lk_panel_of_floats)(starts64, present, 0, width, to);
    }
  }
}

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

#undef LK_INLINE
