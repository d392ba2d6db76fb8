// The loops of quantization.h that write panels, included by quantization_loops.h once per instruction set.
//
// A panel is [columns][32]: the values of one column of 32 rows lie together, as the product kernel wants them.
// Codes are turned on their side while they are still narrow, then widened with one row in each lane.

/// Transposes within each 16-byte lane: a round interleaves the lower and the upper halves of vector `i`'s and
/// vector `i + count / 2`'s lanes, and log2(count) rounds make the transpose.
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

/// Pieces `[first, last)` of 16 rows of super-blocks, of 32 elements each.
LK_INLINE void LK_PATH(lk_panel_of_super_blocks)(
    const int type, const uint8_t *const *rows, lk_i32x16 present, int64_t first, int64_t last, float *panel) {
#pragma clang fp contract(off)
  const int64_t bytes = LK_PATH(lk_super_block_bytes)(type);
  const int64_t scaleOffset = LK_PATH(lk_super_scale_offset)(type);
  for (int64_t k = first; k < last; k++, panel += 32 * 32) {
    const int64_t offset = k / 8 * bytes;
    const int piece = (int)(k % 8);
    const lk_f32x16 scale = LK_PATH(lk_widen_half)(LK_PATH(lk_gather_words)(rows, offset + scaleOffset));
    lk_f32x16 minimum = {0};
    if (LK_PATH(lk_has_minimum)(type))
      minimum = LK_PATH(lk_widen_half)(LK_PATH(lk_gather_words)(rows, offset + scaleOffset + 2));
    lk_i32x16 scales[2], minima[2];
    lk_u8x16 codes[2][16];
    for (int r = 0; r < 16; r++) {
      int32_t s[2], m[2];
      lk_u8x16 pair[2];
      LK_PATH(lk_super_factors)(type, rows[r] + offset, piece, s, m);
      LK_PATH(lk_super_codes)(type, rows[r] + offset, piece, pair);
      for (int h = 0; h < 2; h++) {
        ((int32_t *)(scales + h))[r] = s[h];
        ((int32_t *)(minima + h))[r] = m[h];
        codes[h][r] = pair[h];
      }
    }
#pragma clang loop unroll(full)
    for (int h = 0; h < 2; h++) {
      LK_PATH(lk_transpose_bytes)(codes[h]);
      const lk_f32x16 factor = scale * __builtin_convertvector(scales[h], lk_f32x16);
      const lk_f32x16 lowered = minimum * __builtin_convertvector(minima[h], lk_f32x16);
#pragma clang loop unroll(full)
      for (int c = 0; c < 16; c++)
        LK_PATH(lk_store_column)(
            panel, 16 * h + c, LK_PATH(lk_super_scaled)(type, codes[h][c], factor, lowered), present);
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

/// Asks for bytes `[first, last)` of 16 rows. A panel is read column by column, which no prefetcher foresees.
LK_INLINE void LK_PATH(lk_prefetch_rows)(const uint8_t *const *rows, int64_t first, int64_t last) {
  for (int r = 0; r < 16; r++)
    for (int64_t offset = first; offset < last; offset += 64) __builtin_prefetch(rows[r] + offset);
}

/// Reads the columns `[first, last)` of up to 32 rows of `columns` columns into `panel`, `[last - first][32]`, with
/// zero for rows beyond `count`. For block types `first` and `last` are multiples of 32.
static inline LK_TARGET void LK_PATH(lk_panel)(
    int32_t type, const void *base, int64_t rowBytes, int64_t columns, const int32_t *rows, int32_t count,
    int64_t first, int64_t last, float *panel) {
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
    LK_PATH(lk_prefetch_rows)(starts, first * rowBytes / columns, last * rowBytes / columns);
    float *to = panel + half;
    switch (type) {
    case LK_F32: LK_PATH(lk_panel_of_floats)(starts, present, first, last, to); break;
    case LK_F16: LK_PATH(lk_panel_of_words)(LK_F16, starts, present, first, last, to); break;
    case LK_BF16: LK_PATH(lk_panel_of_words)(LK_BF16, starts, present, first, last, to); break;
    case LK_Q4_0: LK_PATH(lk_panel_of_blocks)(LK_Q4_0, starts, present, first / 32, last / 32, to); break;
    case LK_Q4_1: LK_PATH(lk_panel_of_blocks)(LK_Q4_1, starts, present, first / 32, last / 32, to); break;
    case LK_Q5_0: LK_PATH(lk_panel_of_blocks)(LK_Q5_0, starts, present, first / 32, last / 32, to); break;
    case LK_Q5_1: LK_PATH(lk_panel_of_blocks)(LK_Q5_1, starts, present, first / 32, last / 32, to); break;
    case LK_IQ4_NL: LK_PATH(lk_panel_of_blocks)(LK_IQ4_NL, starts, present, first / 32, last / 32, to); break;
    case LK_Q2_K: LK_PATH(lk_panel_of_super_blocks)(LK_Q2_K, starts, present, first / 32, last / 32, to); break;
    case LK_Q3_K: LK_PATH(lk_panel_of_super_blocks)(LK_Q3_K, starts, present, first / 32, last / 32, to); break;
    case LK_Q4_K: LK_PATH(lk_panel_of_super_blocks)(LK_Q4_K, starts, present, first / 32, last / 32, to); break;
    case LK_Q5_K: LK_PATH(lk_panel_of_super_blocks)(LK_Q5_K, starts, present, first / 32, last / 32, to); break;
    case LK_Q6_K: LK_PATH(lk_panel_of_super_blocks)(LK_Q6_K, starts, present, first / 32, last / 32, to); break;
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
