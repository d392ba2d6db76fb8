// The loops of matrix_vector.h, included once per instruction set with LK_PATH, LK_TARGET and LK_VECTOR_BITS set.
// No include guard: that is the point.

#define LK_INLINE static inline LK_TARGET __attribute__((always_inline))

/// What stands for NF4 beside the numbers of `lk_storage`.
#define LK_NF4 (-1)

// ---- Thirty-two weights -----------------------------------------------------------------------------------------

LK_INLINE lk_f32x16 LK_PATH(lk_load)(const void *from) {
  lk_f32x16 values;
  memcpy(&values, from, sizeof values);
  return values;
}

#if LK_VECTOR_BITS == 512
/// A block of four- or five-bit codes: the sixteen (or thirty-two) values that codes can stand for are formed first,
/// then looked up. A permutation ignores all but the lowest four bits of an index, so nothing is masked.
LK_INLINE void LK_PATH(lk_block_of_codes)(int type, const uint8_t *block, lk_f32x16 *weights) {
  const __m512 low = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512 sixteen = _mm512_set1_ps(16);
  __m512 scale, first, second = _mm512_setzero_ps();
  if (type == LK_Q4_1 || type == LK_Q5_1) {
    uint32_t pair;
    memcpy(&pair, block, sizeof pair);
    const __m512 both = _mm512_cvtph_ps(_mm256_set1_epi32((int32_t)pair));
    const __m512 minimum = _mm512_movehdup_ps(both);
    scale = _mm512_moveldup_ps(both);
    // The product is exact, so fused or not the sum is rounded once.
    first = _mm512_fmadd_ps(low, scale, minimum);
    if (type == LK_Q5_1) second = _mm512_fmadd_ps(_mm512_add_ps(low, sixteen), scale, minimum);
    block += 4;
  } else {
    uint16_t half;
    memcpy(&half, block, sizeof half);
    scale = _mm512_cvtph_ps(_mm256_set1_epi16((int16_t)half));
    const __m512 codes = type == LK_IQ4_NL ? _mm512_loadu_ps(lk_iq4_nl_values)
                         : type == LK_Q4_0 ? _mm512_sub_ps(low, _mm512_set1_ps(8))
                                           : _mm512_sub_ps(low, sixteen);
    first = _mm512_mul_ps(codes, scale);
    if (type == LK_Q5_0) second = _mm512_mul_ps(low, scale);
    block += 2;
  }
  uint32_t fifth = 0;
  if (type == LK_Q5_0 || type == LK_Q5_1) {
    memcpy(&fifth, block, sizeof fifth);
    block += 4;
  }
  const __m512i codes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)block));
  const __m512i upper = _mm512_srli_epi32(codes, 4);
  __m512 w0 = _mm512_permutexvar_ps(codes, first), w1 = _mm512_permutexvar_ps(upper, first);
  if (type == LK_Q5_0 || type == LK_Q5_1) {
    w0 = _mm512_mask_permutexvar_ps(w0, (__mmask16)fifth, codes, second);
    w1 = _mm512_mask_permutexvar_ps(w1, (__mmask16)(fifth >> 16), upper, second);
  }
  weights[0] = (lk_f32x16)w0;
  weights[1] = (lk_f32x16)w1;
}
#else
/// A block of four- or five-bit codes.
LK_INLINE void LK_PATH(lk_block_of_codes)(int type, const uint8_t *block, lk_f32x16 *weights) {
  uint16_t half;
  memcpy(&half, block, sizeof half);
  const lk_f32x16 scale = LK_PATH(lk_broadcast_half)(half);
  lk_f32x16 minimum = {0};
  block += 2;
  if (type == LK_Q4_1 || type == LK_Q5_1) {
    memcpy(&half, block, sizeof half);
    minimum = LK_PATH(lk_broadcast_half)(half);
    block += 2;
  }
  lk_u32x16 low = {0}, high = {0};
  if (type == LK_Q5_0 || type == LK_Q5_1) {
    uint32_t fifth;
    memcpy(&fifth, block, sizeof fifth);
    block += 4;
    const lk_u32x16 bit = {1u << 0, 1u << 1, 1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,  1u << 7,
                           1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15};
    // Comparing true is all ones.
    low = (lk_u32x16)((((lk_u32x16){0} + fifth) & bit) != 0) & 16;
    high = (lk_u32x16)((((lk_u32x16){0} + (fifth >> 16)) & bit) != 0) & 16;
  }
  lk_u8x16 pair;
  memcpy(&pair, block, sizeof pair);
  const lk_u32x16 wide = __builtin_convertvector(pair, lk_u32x16);
  low |= wide & 15;
  high |= wide >> 4;
  weights[0] = LK_PATH(lk_scaled)(type, (lk_i32x16)low, scale, minimum);
  weights[1] = LK_PATH(lk_scaled)(type, (lk_i32x16)high, scale, minimum);
}
#endif

/// Whether the weights stand in super-blocks.
LK_INLINE int LK_PATH(lk_is_super)(int type) { return type >= LK_Q2_K && type <= LK_Q6_K; }

/// Bytes of thirty-two weights; of super-blocks an eighth, rounded up.
LK_INLINE int64_t LK_PATH(lk_piece_bytes)(int type) {
  if (LK_PATH(lk_is_super)(type)) return (LK_PATH(lk_super_block_bytes)(type) + 7) / 8;
  switch (type) {
  case LK_F32: return 128;
  case LK_F16:
  case LK_BF16: return 64;
  default: return LK_PATH(lk_block_bytes)(type);
  }
}

/// Weights `[32 · piece, 32 · piece + 32)` of the row that begins at `row`, all of which are there.
LK_INLINE void LK_PATH(lk_piece)(int type, const uint8_t *row, int64_t piece, lk_f32x16 *weights) {
  switch (type) {
  case LK_F32:
    weights[0] = LK_PATH(lk_load)(row + 128 * piece);
    weights[1] = LK_PATH(lk_load)(row + 128 * piece + 64);
    return;
  case LK_F16:
  case LK_BF16: {
    lk_u16x16 words[2];
    memcpy(words, row + 64 * piece, sizeof words);
    for (int h = 0; h < 2; h++)
      weights[h] = type == LK_F16 ? LK_PATH(lk_widen_half)(words[h]) : LK_PATH(lk_widen_bfloat)(words[h]);
    return;
  }
  case LK_Q8_0: {
    const uint8_t *block = row + 34 * piece;
    uint16_t half;
    lk_i8x16 codes[2];
    memcpy(&half, block, sizeof half);
    memcpy(codes, block + 2, sizeof codes);
    const lk_f32x16 scale = LK_PATH(lk_broadcast_half)(half);
    for (int h = 0; h < 2; h++)
      weights[h] = LK_PATH(lk_scaled)(type, __builtin_convertvector(codes[h], lk_i32x16), scale, (lk_f32x16){0});
    return;
  }
  case LK_Q2_K:
  case LK_Q3_K:
  case LK_Q4_K:
  case LK_Q5_K:
  case LK_Q6_K: {
    const uint8_t *block = row + piece / 8 * LK_PATH(lk_super_block_bytes)(type);
    const uint8_t *halves = block + LK_PATH(lk_super_scale_offset)(type);
    const float minimum = LK_PATH(lk_has_minimum)(type) ? LK_PATH(lk_half_at)(halves + 2) : 0;
    LK_PATH(lk_super_piece)(type, block, (int)(piece % 8), LK_PATH(lk_half_at)(halves), minimum, weights);
    return;
  }
  default: LK_PATH(lk_block_of_codes)(type, row + piece * LK_PATH(lk_block_bytes)(type), weights); return;
  }
}

/// Weights `[32 · piece, 32 · piece + width)` of the row of an NF4 matrix that begins at element `start`; beyond them
/// zeros. `isWhole`: `width` is 32 and the 32 lie in one block.
LK_INLINE void LK_PATH(lk_nf4_piece)(
    const struct lk_nf4 *matrix, int isWhole, int64_t start, int64_t piece, int64_t width, lk_f32x16 *weights) {
  const int64_t first = start + 32 * piece;
  if (isWhole) {
    const lk_f32x16 absmax = LK_PATH(lk_nf4_absmax)(matrix, first >> 6) - (lk_f32x16){0};
    const uint8_t *packed = matrix->packed + (first >> 1);
    weights[0] = LK_PATH(lk_nf4_lookup)(LK_PATH(lk_nf4_codes)(packed)) * absmax;
    weights[1] = LK_PATH(lk_nf4_lookup)(LK_PATH(lk_nf4_codes)(packed + 8)) * absmax;
    return;
  }
  float values[32] = {0};
  LK_PATH(lk_nf4_dequantize)(matrix, first, width, values);
  weights[0] = LK_PATH(lk_load)(values);
  weights[1] = LK_PATH(lk_load)(values + 16);
}

// ---- Sums -------------------------------------------------------------------------------------------------------

/// The lanes added in halves: l and 8 + l, then l and 4 + l, and so on.
LK_INLINE float LK_PATH(lk_sum_lanes)(lk_f32x16 v) {
  const lk_f32x8 eight =
      __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const lk_f32x4 four =
      __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/// What the products of one call share.
struct LK_PATH(lk_rows) {
  const uint8_t *base;
  int64_t rowBytes;
  const struct lk_nf4 *matrix;
  int64_t columns;
  const float *input;
  int64_t inputStride;
  /// The inputs' columns that make no whole piece, each followed by zeros up to 32; where there are any.
  const float *rest;
  float *output;
  int64_t outputStride;
};

/// `rows` rows, from `order` on, with `inputs` vectors. `type`, `isWhole`, `rows` and `inputs` are constants at every
/// call, so their loops and branches disappear.
LK_INLINE void LK_PATH(lk_multiply_rows)(
    const int type, const int isWhole, const int rows, const int inputs, const struct LK_PATH(lk_rows) *p,
    const int32_t *order, float *output) {
#pragma clang fp contract(fast)
  lk_f32x16 sums[8][LK_VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int i = 0; i < inputs; i++) sums[r][i] = (lk_f32x16){0};
  const int64_t pieces = p->columns / 32, width = p->columns % 32;
  for (int64_t piece = 0; piece < pieces; piece++) {
    const float *x = p->input + 32 * piece;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      lk_f32x16 w[2];
      if (type == LK_NF4) {
        const int64_t start = order[r] * p->columns;
        __builtin_prefetch(p->matrix->packed + (start >> 1) + 16 * piece + LK_AHEAD);
        LK_PATH(lk_nf4_piece)(p->matrix, isWhole, start, piece, 32, w);
      } else {
        const uint8_t *row = p->base + order[r] * p->rowBytes;
        const int64_t bytes = LK_PATH(lk_piece_bytes)(type);
        for (int64_t line = 0; line < bytes; line += 64)
          __builtin_prefetch(row + piece * bytes + LK_AHEAD + line);
        LK_PATH(lk_piece)(type, row, piece, w);
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < inputs; i++) {
        sums[r][i] += w[0] * LK_PATH(lk_load)(x + i * p->inputStride);
        sums[r][i] += w[1] * LK_PATH(lk_load)(x + i * p->inputStride + 16);
      }
    }
  }
  if (width > 0) {
    const int bytes = type == LK_F32 ? 4 : 2;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      lk_f32x16 w[2];
      if (type == LK_NF4) {
        LK_PATH(lk_nf4_piece)(p->matrix, 0, order[r] * p->columns, pieces, width, w);
      } else {
        uint8_t row[128] = {0};
        memcpy(row, p->base + order[r] * p->rowBytes + 32 * pieces * bytes, (size_t)(width * bytes));
        LK_PATH(lk_piece)(type, row, 0, w);
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < inputs; i++) {
        sums[r][i] += w[0] * LK_PATH(lk_load)(p->rest + 32 * i);
        sums[r][i] += w[1] * LK_PATH(lk_load)(p->rest + 32 * i + 16);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int i = 0; i < inputs; i++) output[i * p->outputStride + r] = LK_PATH(lk_sum_lanes)(sums[r][i]);
}

/// As many rows at a time as fill the registers with sums: each waits for its last addition, several do not.
#define LK_SHARE(INPUTS, ROWS)                                                                                     \
  case INPUTS:                                                                                                     \
    for (; j + ROWS <= count; j += ROWS)                                                                           \
      LK_PATH(lk_multiply_rows)(type, isWhole, ROWS, INPUTS, p, order + j, p->output + j);                         \
    for (; j < count; j++) LK_PATH(lk_multiply_rows)(type, isWhole, 1, INPUTS, p, order + j, p->output + j);       \
    break;

/// All rows of a storage type; one function each, so that no loop asks for the type.
LK_INLINE void LK_PATH(lk_multiply_type)(
    const int type, const int isWhole, const struct LK_PATH(lk_rows) *p, const int32_t *order, int32_t count,
    int32_t inputs) {
  int32_t j = 0;
  switch (inputs) {
#if LK_VECTOR_BITS == 512
    LK_SHARE(1, 4) LK_SHARE(2, 4) LK_SHARE(3, 2) LK_SHARE(4, 2)
#else
    LK_SHARE(1, 4) LK_SHARE(2, 2) LK_SHARE(3, 1) LK_SHARE(4, 1)
#endif
  }
}

#undef LK_SHARE

/// Copies what is left of each vector after its whole pieces to `rest`, `[4][32]`.
LK_INLINE void LK_PATH(lk_copy_rest)(
    int64_t columns, const float *input, int64_t inputStride, int32_t inputs, float *rest) {
  const int64_t width = columns % 32;
  if (width == 0) return;
  memset(rest, 0, LK_VECTORS * 32 * sizeof(float));
  for (int32_t i = 0; i < inputs; i++)
    memcpy(rest + 32 * i, input + i * inputStride + columns - width, (size_t)width * sizeof(float));
}

/// The products of `count` stored rows with `inputs` ≤ 4 vectors.
static inline LK_TARGET void LK_PATH(lk_multiply)(
    int32_t type, const void *base, int64_t rowBytes, int64_t columns, const int32_t *rows, int32_t count,
    const float *input, int64_t inputStride, int32_t inputs, float *output, int64_t outputStride) {
  float rest[LK_VECTORS * 32];
  LK_PATH(lk_copy_rest)(columns, input, inputStride, inputs, rest);
  const struct LK_PATH(lk_rows) p = {
      (const uint8_t *)base, rowBytes, 0, columns, input, inputStride, rest, output, outputStride};
  switch (type) {
  case LK_F32: LK_PATH(lk_multiply_type)(LK_F32, 1, &p, rows, count, inputs); break;
  case LK_F16: LK_PATH(lk_multiply_type)(LK_F16, 1, &p, rows, count, inputs); break;
  case LK_BF16: LK_PATH(lk_multiply_type)(LK_BF16, 1, &p, rows, count, inputs); break;
  case LK_Q4_0: LK_PATH(lk_multiply_type)(LK_Q4_0, 1, &p, rows, count, inputs); break;
  case LK_Q4_1: LK_PATH(lk_multiply_type)(LK_Q4_1, 1, &p, rows, count, inputs); break;
  case LK_Q5_0: LK_PATH(lk_multiply_type)(LK_Q5_0, 1, &p, rows, count, inputs); break;
  case LK_Q5_1: LK_PATH(lk_multiply_type)(LK_Q5_1, 1, &p, rows, count, inputs); break;
  case LK_IQ4_NL: LK_PATH(lk_multiply_type)(LK_IQ4_NL, 1, &p, rows, count, inputs); break;
  case LK_Q2_K: LK_PATH(lk_multiply_type)(LK_Q2_K, 1, &p, rows, count, inputs); break;
  case LK_Q3_K: LK_PATH(lk_multiply_type)(LK_Q3_K, 1, &p, rows, count, inputs); break;
  case LK_Q4_K: LK_PATH(lk_multiply_type)(LK_Q4_K, 1, &p, rows, count, inputs); break;
  case LK_Q5_K: LK_PATH(lk_multiply_type)(LK_Q5_K, 1, &p, rows, count, inputs); break;
  case LK_Q6_K: LK_PATH(lk_multiply_type)(LK_Q6_K, 1, &p, rows, count, inputs); break;
  default: LK_PATH(lk_multiply_type)(LK_Q8_0, 1, &p, rows, count, inputs); break;
  }
}

/// `lk_multiply` for rows of an NF4 matrix of `columns` columns.
static inline LK_TARGET void LK_PATH(lk_nf4_multiply)(
    const struct lk_nf4 *matrix, int64_t columns, const int32_t *rows, int32_t count, const float *input,
    int64_t inputStride, int32_t inputs, float *output, int64_t outputStride) {
  float rest[LK_VECTORS * 32];
  LK_PATH(lk_copy_rest)(columns, input, inputStride, inputs, rest);
  const struct LK_PATH(lk_rows) p = {0, 0, matrix, columns, input, inputStride, rest, output, outputStride};
  // Where rows begin at multiples of 32, any 32 columns from such a place lie in one block.
  if (columns % 32 == 0)
    LK_PATH(lk_multiply_type)(LK_NF4, 1, &p, rows, count, inputs);
  else
    LK_PATH(lk_multiply_type)(LK_NF4, 0, &p, rows, count, inputs);
}

#undef LK_INLINE
#undef LK_NF4
