// The loops of quantization.h that make super-blocks, included by quantization_loops.h once per instruction set.
//
// The choice of scales is ggml's, without an importance matrix, and so are the bytes: every sub-block has a lane of
// its own, in which sums are taken element by element, each product and sum rounded by itself. Eight sub-blocks of 32
// (q4_K, q5_K) or sixteen of 16 (q6_K) are one vector wide, so a super-block is done at once.
//
// See `quantize_row_q4_K_ref`, `quantize_row_q5_K_ref`, `quantize_row_q6_K_ref`, `make_qkx2_quants` and
// `make_qx_quants` of ggml-quants.c.

/// Adding 1.5 · 2^23 leaves a number's whole part, rounded to nearest even, in the low bits.
#define LK_ROUNDING 12582912.0f
#define LK_WHOLE(vector, sum) (((vector)(sum) & 0x007FFFFF) - 0x00400000)

/// `ifTrue` where `mask` is all ones, `ifFalse` where it is zero.
LK_INLINE lk_f32x8 LK_PATH(lk_select8)(lk_i32x8 mask, lk_f32x8 ifTrue, lk_f32x8 ifFalse) {
  return (lk_f32x8)((mask & (lk_i32x8)ifTrue) | (~mask & (lk_i32x8)ifFalse));
}

/// As above.
LK_INLINE lk_f32x16 LK_PATH(lk_select16)(lk_i32x16 mask, lk_f32x16 ifTrue, lk_f32x16 ifFalse) {
  return (lk_f32x16)((mask & (lk_i32x16)ifTrue) | (~mask & (lk_i32x16)ifFalse));
}

/// `low` where `value` is below it, `high` where it is above that.
LK_INLINE lk_i32x8 LK_PATH(lk_clamp8)(lk_i32x8 value, int32_t low, int32_t high) {
  const lk_i32x8 below = value < low, above = value > high;
  return (value & ~below & ~above) | (below & low) | (above & high);
}

/// As above.
LK_INLINE lk_i32x16 LK_PATH(lk_clamp16)(lk_i32x16 value, int32_t low, int32_t high) {
  const lk_i32x16 below = value < low, above = value > high;
  return (value & ~below & ~above) | (below & low) | (above & high);
}

/// The whole number nearest to a scalar, as a lane of the vectors would have it.
LK_INLINE int32_t LK_PATH(lk_nearest)(float value) {
  const float sum = value + LK_ROUNDING;
  int32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return LK_WHOLE(int32_t, bits);
}

/// Codes from 0 to `largest` for 32 elements in each of eight lanes, and the scale and the minimum, 0 or above, that
/// make Σ (|x| + rms(x)) · (scale · code - minimum - x)² small: those of the range of x, or of one of `steps` + 1 ranges
/// about as wide, fitted to the codes that these give.
LK_INLINE void LK_PATH(lk_fit_with_minimum)(
    const lk_f32x8 *x, const int largest, const float first, const int steps, lk_i32x8 *codes, lk_f32x8 *scaleOut,
    lk_f32x8 *minimumOut) {
#pragma clang fp contract(off)
  lk_f32x8 weights[32], squares = {0};
  for (int l = 0; l < 32; l++) squares = squares + x[l] * x[l];
  const lk_f32x8 rms = __builtin_elementwise_sqrt(squares / 32.0f);
  lk_f32x8 low = x[0], high = x[0], weight = {0}, weighted = {0};
  for (int l = 0; l < 32; l++) {
    weights[l] = rms + (lk_f32x8)((lk_i32x8)x[l] & 0x7FFFFFFF);
    low = LK_PATH(lk_select8)(x[l] < low, x[l], low);
    high = LK_PATH(lk_select8)(x[l] > high, x[l], high);
    weight = weight + weights[l];
    weighted = weighted + weights[l] * x[l];
  }
  low = LK_PATH(lk_select8)(low > 0.0f, (lk_f32x8){0}, low);
  const lk_i32x8 isFlat = high == low;
  lk_f32x8 inverse = (float)largest / (high - low);
  lk_f32x8 scale = 1.0f / inverse, error = {0};
  for (int l = 0; l < 32; l++) {
    codes[l] = LK_PATH(lk_clamp8)(LK_WHOLE(lk_i32x8, inverse * (x[l] - low) + LK_ROUNDING), 0, largest);
    const lk_f32x8 difference = scale * __builtin_convertvector(codes[l], lk_f32x8) + low - x[l];
    error = error + weights[l] * (difference * difference);
  }
  for (int step = 0; step <= steps; step++) {
    lk_i32x8 tried[32];
    lk_f32x8 sumCodes = {0}, sumSquares = {0}, sumProducts = {0};
    // One sum after the other: the two products are not to be fused.
    const float widened = 0.1f * (float)step;
    inverse = (first + widened + (float)largest) / (high - low);
    for (int l = 0; l < 32; l++) {
      tried[l] = LK_PATH(lk_clamp8)(LK_WHOLE(lk_i32x8, inverse * (x[l] - low) + LK_ROUNDING), 0, largest);
      const lk_f32x8 code = __builtin_convertvector(tried[l], lk_f32x8);
      const lk_f32x8 share = weights[l] * code;
      sumCodes = sumCodes + share;
      sumSquares = sumSquares + share * code;
      sumProducts = sumProducts + share * x[l];
    }
    const lk_f32x8 determinant = weight * sumSquares - sumCodes * sumCodes;
    lk_f32x8 newScale = (weight * sumProducts - weighted * sumCodes) / determinant;
    lk_f32x8 newLow = (sumSquares * weighted - sumCodes * sumProducts) / determinant;
    const lk_i32x8 isAbove = newLow > 0.0f;
    newScale = LK_PATH(lk_select8)(isAbove, sumProducts / sumSquares, newScale);
    newLow = LK_PATH(lk_select8)(isAbove, (lk_f32x8){0}, newLow);
    lk_f32x8 newError = {0};
    for (int l = 0; l < 32; l++) {
      const lk_f32x8 difference = newScale * __builtin_convertvector(tried[l], lk_f32x8) + newLow - x[l];
      newError = newError + weights[l] * (difference * difference);
    }
    const lk_i32x8 isBetter = (determinant > 0.0f) & (newError < error) & ~isFlat;
    for (int l = 0; l < 32; l++) codes[l] = (isBetter & tried[l]) | (~isBetter & codes[l]);
    error = LK_PATH(lk_select8)(isBetter, newError, error);
    scale = LK_PATH(lk_select8)(isBetter, newScale, scale);
    low = LK_PATH(lk_select8)(isBetter, newLow, low);
  }
  for (int l = 0; l < 32; l++) codes[l] &= ~isFlat;
  *scaleOut = LK_PATH(lk_select8)(isFlat, (lk_f32x8){0}, scale);
  *minimumOut = -low;
}

/// One super-block of q4_K or q5_K.
LK_INLINE void LK_PATH(lk_quantize_with_minima)(const int type, const float *from, uint8_t *to) {
#pragma clang fp contract(off)
  const int largest = type == LK_Q4_K ? 15 : 31;
  lk_f32x8 x[32], fittedScales, fittedMinima;
  lk_i32x8 codes[32];
  for (int l = 0; l < 32; l++)
    for (int j = 0; j < 8; j++) x[l][j] = from[32 * j + l];
  LK_PATH(lk_fit_with_minimum)(
      x, largest, type == LK_Q4_K ? -1.0f : -0.5f, type == LK_Q4_K ? 20 : 15, codes, &fittedScales, &fittedMinima);
  float largestScale = 0, largestMinimum = 0;
  for (int j = 0; j < 8; j++) {
    if (fittedScales[j] > largestScale) largestScale = fittedScales[j];
    if (fittedMinima[j] > largestMinimum) largestMinimum = fittedMinima[j];
  }
  const float inverseScale = largestScale > 0 ? 63.0f / largestScale : 0;
  const float inverseMinimum = largestMinimum > 0 ? 63.0f / largestMinimum : 0;
  const uint16_t halves[2] = {
      lk_float_to_half(largestScale / 63.0f), lk_float_to_half(largestMinimum / 63.0f)};
  memcpy(to, halves, sizeof halves);
  uint8_t *packed = to + 4;
  memset(packed, 0, 12);
  lk_f32x8 scales, minima;
  for (int j = 0; j < 8; j++) {
    // A scale below zero wraps, as there, to the largest.
    uint8_t scale = (uint8_t)LK_PATH(lk_nearest)(inverseScale * fittedScales[j]);
    uint8_t minimum = (uint8_t)LK_PATH(lk_nearest)(inverseMinimum * fittedMinima[j]);
    scale = scale > 63 ? 63 : scale;
    minimum = minimum > 63 ? 63 : minimum;
    if (j < 4) {
      packed[j] |= scale;
      packed[j + 4] |= minimum;
    } else {
      packed[j + 4] |= (uint8_t)((scale & 15) | (minimum & 15) << 4);
      packed[j - 4] |= (uint8_t)(scale >> 4 << 6);
      packed[j] |= (uint8_t)(minimum >> 4 << 6);
    }
    scales[j] = lk_half_to_float(halves[0]) * (float)scale;
    minima[j] = lk_half_to_float(halves[1]) * (float)minimum;
  }
  // The codes once more, for the scales as they are stored.
  const lk_i32x8 isZero = scales == 0.0f;
  for (int l = 0; l < 32; l++) {
    const lk_i32x8 nearest =
        LK_PATH(lk_clamp8)(LK_WHOLE(lk_i32x8, (x[l] + minima) / scales + LK_ROUNDING), 0, largest);
    codes[l] = (isZero & codes[l]) | (~isZero & nearest);
  }
  uint8_t *fifth = to + 16, *fourBits = type == LK_Q4_K ? to + 16 : to + 48;
  if (type == LK_Q5_K) memset(fifth, 0, 32);
  for (int l = 0; l < 32; l++)
    for (int j = 0; j < 8; j += 2) {
      const int low = codes[l][j], high = codes[l][j + 1];
      fourBits[16 * j + l] = (uint8_t)((low & 15) | (high & 15) << 4);
      if (type == LK_Q5_K) fifth[l] |= (uint8_t)(low >> 4 << j | high >> 4 << (j + 1));
    }
}

/// One super-block of q6_K.
///
/// Of each sixteen elements the one of largest magnitude gets the code -32, or one a little off it, whichever makes
/// Σ x² · (scale · code - x)² smallest.
LK_INLINE void LK_PATH(lk_quantize_six_bits)(const float *from, uint8_t *to) {
#pragma clang fp contract(off)
  const float tiny = 1e-15f;
  lk_f32x16 x[16], magnitude = {0}, extreme = {0};
  lk_i32x16 codes[16];
  for (int l = 0; l < 16; l++) {
    for (int j = 0; j < 16; j++) x[l][j] = from[16 * j + l];
    const lk_f32x16 positive = (lk_f32x16)((lk_i32x16)x[l] & 0x7FFFFFFF);
    const lk_i32x16 isLarger = positive > magnitude;
    magnitude = LK_PATH(lk_select16)(isLarger, positive, magnitude);
    extreme = LK_PATH(lk_select16)(isLarger, x[l], extreme);
  }
  const lk_i32x16 isTiny = magnitude < tiny;
  lk_f32x16 fitted = {0}, best = {0};
  for (int step = 0; step < 19; step++) {
    // First the plain one, then those below and above.
    const int shift = step == 0 ? 0 : step <= 9 ? step - 10 : step - 9;
    const float moved = 0.1f * (float)shift;
    const lk_f32x16 inverse = -(32.0f + moved) / extreme;
    lk_i32x16 tried[16];
    lk_f32x16 sumProducts = {0}, sumSquares = {0};
    for (int l = 0; l < 16; l++) {
      tried[l] = LK_PATH(lk_clamp16)(LK_WHOLE(lk_i32x16, inverse * x[l] + LK_ROUNDING), -32, 31);
      const lk_f32x16 code = __builtin_convertvector(tried[l], lk_f32x16);
      const lk_f32x16 weight = x[l] * x[l];
      sumProducts = sumProducts + weight * x[l] * code;
      sumSquares = sumSquares + weight * code * code;
    }
    lk_f32x16 scale = sumProducts / sumSquares;
    lk_i32x16 isBetter;
    if (step == 0) {
      scale = LK_PATH(lk_select16)(sumSquares == 0.0f, (lk_f32x16){0}, scale);
      isBetter = ~(lk_i32x16){0};
    } else {
      isBetter = (sumSquares > 0.0f) & (sumProducts * sumProducts > best * sumSquares);
    }
    for (int l = 0; l < 16; l++) codes[l] = (isBetter & (tried[l] + 32)) | (~isBetter & codes[l]);
    fitted = LK_PATH(lk_select16)(isBetter, scale, fitted);
    best = LK_PATH(lk_select16)(isBetter, scale * sumProducts, best);
  }
  fitted = LK_PATH(lk_select16)(isTiny, (lk_f32x16){0}, fitted);
  for (int l = 0; l < 16; l++) codes[l] &= ~isTiny;

  float largest = 0, extremeScale = 0;
  for (int j = 0; j < 16; j++) {
    const float size = __builtin_fabsf(fitted[j]);
    if (size > largest) {
      largest = size;
      extremeScale = fitted[j];
    }
  }
  memset(to, 0, 210);
  if (largest < tiny) return;
  const float inverse = -128.0f / extremeScale;
  const uint16_t half = lk_float_to_half(1 / inverse);
  memcpy(to + 208, &half, sizeof half);
  lk_f32x16 scales;
  for (int j = 0; j < 16; j++) {
    const int32_t nearest = LK_PATH(lk_nearest)(inverse * fitted[j]);
    const int8_t scale = (int8_t)(nearest > 127 ? 127 : nearest);
    to[192 + j] = (uint8_t)scale;
    scales[j] = lk_half_to_float(half) * (float)scale;
  }
  const lk_i32x16 isZero = scales == 0.0f;
  for (int l = 0; l < 16; l++) {
    const lk_i32x16 nearest =
        LK_PATH(lk_clamp16)(LK_WHOLE(lk_i32x16, x[l] / scales + LK_ROUNDING), -32, 31) + 32;
    codes[l] = (isZero & codes[l]) | (~isZero & nearest);
  }
  for (int half128 = 0; half128 < 2; half128++)
    for (int l = 0; l < 32; l++) {
      int q[4];
      for (int i = 0; i < 4; i++) q[i] = codes[l % 16][8 * half128 + 2 * i + l / 16];
      to[64 * half128 + l] = (uint8_t)((q[0] & 15) | (q[2] & 15) << 4);
      to[64 * half128 + 32 + l] = (uint8_t)((q[1] & 15) | (q[3] & 15) << 4);
      to[128 + 32 * half128 + l] = (uint8_t)(q[0] >> 4 | q[1] >> 4 << 2 | q[2] >> 4 << 4 | q[3] >> 4 << 6);
    }
}

/// Stores `count` elements, whole super-blocks, as q4_K, q5_K or q6_K.
static inline LK_TARGET void LK_PATH(lk_quantize_super_blocks)(
    int32_t type, const float *from, int64_t count, void *to) {
  uint8_t *bytes = (uint8_t *)to;
  for (int64_t i = 0; i < count; i += LK_SUPER_BLOCK, bytes += LK_PATH(lk_super_block_bytes)(type)) {
    switch (type) {
    case LK_Q4_K: LK_PATH(lk_quantize_with_minima)(LK_Q4_K, from + i, bytes); break;
    case LK_Q5_K: LK_PATH(lk_quantize_with_minima)(LK_Q5_K, from + i, bytes); break;
    default: LK_PATH(lk_quantize_six_bits)(from + i, bytes);
    }
  }
}

#undef LK_ROUNDING
#undef LK_WHOLE
