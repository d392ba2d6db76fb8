// The loops of quantization.h that fit the scales of blocks of 32, included by quantization_loops.h once per instruction
// set.
//
// For each of some ranges about as wide as the block's the codes are found, then the scale, and the minimum where there
// is one, of least squared error for these codes, then as half precision keeps them the codes once more. The block is
// replaced where that leaves less error than what is stored already.

/// Adding 1.5 · 2^23 leaves a number's whole part, rounded to nearest even; taking it away again leaves that number.
#define LK_ROUNDING 12582912.0f

/// The nearest of a search so far.
struct LK_PATH(lk_fit) {
  float error;
  uint16_t scale, minimum;
  int is_better;
  lk_f32x16 codes[2];
};

/// The sum of 32 numbers, in pairs.
LK_INLINE float LK_PATH(lk_sum)(lk_f32x16 a, lk_f32x16 b) {
#pragma clang fp contract(off)
  const lk_f32x16 sum = a + b;
  lk_f32x8 eight = __builtin_shufflevector(sum, sum, 0, 1, 2, 3, 4, 5, 6, 7)
                   + __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15);
  float part[8];
  memcpy(part, &eight, sizeof part);
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

/// The nearest whole numbers from `low` to `high`; NaN stays what it is.
LK_INLINE lk_f32x16 LK_PATH(lk_whole_within)(lk_f32x16 x, float low, float high) {
#pragma clang fp contract(off)
  x = LK_PATH(lk_select16)(x < low, (lk_f32x16){0} + low, x);
  x = LK_PATH(lk_select16)(x > high, (lk_f32x16){0} + high, x);
  return (x + LK_ROUNDING) - LK_ROUNDING;
}

/// Takes a scale and a minimum where, as half precision has them, they leave less error than any before.
LK_INLINE void LK_PATH(lk_consider)(
    struct LK_PATH(lk_fit) *best, const lk_f32x16 *x, float scale, float minimum, float low, float high) {
#pragma clang fp contract(off)
  const uint16_t halves[2] = {lk_float_to_half(scale), lk_float_to_half(minimum)};
  scale = lk_half_to_float(halves[0]);
  minimum = lk_half_to_float(halves[1]);
  if (scale == 0) return;
  lk_f32x16 codes[2], squares[2];
  for (int h = 0; h < 2; h++) {
    codes[h] = LK_PATH(lk_whole_within)((x[h] - minimum) / scale, low, high);
    const lk_f32x16 difference = codes[h] * scale + minimum - x[h];
    squares[h] = difference * difference;
  }
  const float error = LK_PATH(lk_sum)(squares[0], squares[1]);
  // False for what is no number.
  if (!(error < best->error)) return;
  *best = (struct LK_PATH(lk_fit)){error, halves[0], halves[1], 1, {codes[0], codes[1]}};
}

/// Looks for x ≈ d · q; the scale of least error for codes is Σ x q / Σ q².
LK_INLINE void LK_PATH(lk_fit_symmetric)(
    struct LK_PATH(lk_fit) *best, const lk_f32x16 *x, float extreme, float low, float high) {
#pragma clang fp contract(off)
  if (extreme == 0) return;
  for (int trial = LK_FIRST_TRIAL; trial <= LK_LAST_TRIAL; trial++) {
    const float widened = 0.1f * (float)trial;
    const float inverse = (low - widened) / extreme;
    lk_f32x16 products[2], squares[2];
    for (int h = 0; h < 2; h++) {
      const lk_f32x16 codes = LK_PATH(lk_whole_within)(x[h] * inverse, low, high);
      products[h] = x[h] * codes;
      squares[h] = codes * codes;
    }
    const float scale = LK_PATH(lk_sum)(products[0], products[1]) / LK_PATH(lk_sum)(squares[0], squares[1]);
    LK_PATH(lk_consider)(best, x, scale, 0, low, high);
  }
}

/// Looks for x ≈ d · q + m, q from 0 on; both are the linear regression of x on the codes.
LK_INLINE void LK_PATH(lk_fit_range)(
    struct LK_PATH(lk_fit) *best, const lk_f32x16 *x, float least, float largest, float high) {
#pragma clang fp contract(off)
  if (!(largest > least)) return;
  const float sum = LK_PATH(lk_sum)(x[0], x[1]);
  for (int trial = LK_FIRST_TRIAL; trial <= LK_LAST_TRIAL; trial++) {
    const float widened = 0.1f * (float)trial;
    const float inverse = (high + widened) / (largest - least);
    // What is cut off is cut off at both ends.
    const float lowered = 0.5f * widened;
    lk_f32x16 codes[2], products[2], squares[2];
    for (int h = 0; h < 2; h++) {
      codes[h] = LK_PATH(lk_whole_within)((x[h] - least) * inverse - lowered, 0, high);
      products[h] = x[h] * codes[h];
      squares[h] = codes[h] * codes[h];
    }
    const float sumCodes = LK_PATH(lk_sum)(codes[0], codes[1]);
    const float sumSquares = LK_PATH(lk_sum)(squares[0], squares[1]);
    const float sumProducts = LK_PATH(lk_sum)(products[0], products[1]);
    const float left = 32 * sumSquares, right = sumCodes * sumCodes;
    const float determinant = left - right;
    if (!(determinant > 0)) continue;
    const float scaleLeft = 32 * sumProducts, scaleRight = sum * sumCodes;
    const float minimumLeft = sum * sumSquares, minimumRight = sumCodes * sumProducts;
    LK_PATH(lk_consider)(
        best, x, (scaleLeft - scaleRight) / determinant, (minimumLeft - minimumRight) / determinant, 0, high);
  }
}

/// Replaces blocks that hold `count` elements stored already, where fitted ones are nearer to `from`.
static inline LK_TARGET void LK_PATH(lk_refit_blocks)(int32_t type, const float *from, int64_t count, void *to) {
#pragma clang fp contract(off)
  const int has_minimum = type == LK_Q4_1 || type == LK_Q5_1;
  const int has_fifth = type == LK_Q5_0 || type == LK_Q5_1;
  const float low = type == LK_Q4_0 ? -8 : type == LK_Q5_0 ? -16 : type == LK_Q8_0 ? -127 : 0;
  const float high = type == LK_Q8_0 ? 127 : low + (has_fifth ? 31 : 15);
  uint8_t *block = (uint8_t *)to;
  for (int64_t i = 0; i < count; i += 32, block += LK_PATH(lk_block_bytes)(type)) {
    lk_f32x16 x[2], stored[2];
    memcpy(x, from + i, sizeof x);
    LK_PATH(lk_dequantize)(type, block, 0, 32, (float *)stored);
    const lk_f32x16 first = stored[0] - x[0], second = stored[1] - x[1];
    struct LK_PATH(lk_fit) best = {LK_PATH(lk_sum)(first * first, second * second), 0, 0, 0, {{0}, {0}}};
    float least = from[i], largest = from[i];
    for (int l = 1; l < 32; l++) {
      if (from[i + l] < least) least = from[i + l];
      if (from[i + l] > largest) largest = from[i + l];
    }
    if (has_minimum) {
      LK_PATH(lk_fit_range)(&best, x, least, largest, high);
    } else {
      LK_PATH(lk_fit_symmetric)(&best, x, largest > -least ? largest : least, low, high);
    }
    if (!best.is_better) continue;
    memcpy(block, &best.scale, 2);
    uint8_t *codes = block + 2;
    if (has_minimum) {
      memcpy(codes, &best.minimum, 2);
      codes += 2;
    }
    int32_t whole[32];
    for (int l = 0; l < 32; l++) whole[l] = (int32_t)best.codes[l / 16][l % 16] - (type == LK_Q8_0 ? 0 : (int32_t)low);
    if (type == LK_Q8_0) {
      for (int l = 0; l < 32; l++) codes[l] = (uint8_t)whole[l];
      continue;
    }
    if (has_fifth) {
      uint32_t fifths = 0;
      for (int l = 0; l < 32; l++) fifths |= (uint32_t)(whole[l] >> 4) << l;
      memcpy(codes, &fifths, sizeof fifths);
      codes += 4;
    }
    for (int l = 0; l < 16; l++) codes[l] = (uint8_t)((whole[l] & 15) | (whole[l + 16] & 15) << 4);
  }
}

#undef LK_ROUNDING
