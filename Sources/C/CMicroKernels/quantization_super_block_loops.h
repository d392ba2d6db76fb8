// The loops of quantization.h that read super-blocks, included by quantization_loops.h once per instruction set.
//
// A super-block holds 256 elements of a row: one or two half-precision numbers for all of them, and small whole
// numbers that say how much of those each 16 or 32 elements have. It is read in pieces of 32 elements, halves of
// which may differ in scale:
//
//     q2_K:               x = (d · s) · q - (dmin · m)      q 0 … 3,     s and m 0 … 15, by 16
//     q3_K:               x = (d · s) · q                   q -4 … 3,    s -32 … 31, by 16
//     q4_K, q5_K:         x = (d · s) · q - (dmin · m)      q 0 … 15 or 31, s and m 0 … 63, by 32
//     q6_K:               x = (d · s) · q                   q -32 … 31,  s -128 … 127, by 16
//
// All products are exact in single precision, so only the difference is rounded.
//
// See ggml-common.h (layout) and ggml-quants.c (`dequantize_row_q4_K` and its like).

/// Bytes of a super-block.
LK_INLINE int64_t LK_PATH(lk_super_block_bytes)(const int type) {
  switch (type) {
  case LK_Q2_K: return 84;
  case LK_Q3_K: return 110;
  case LK_Q4_K: return 144;
  case LK_Q5_K: return 176;
  default: return 210;
  }
}

/// Where the scale of a super-block stands; where it has a minimum, that is the next half.
LK_INLINE int64_t LK_PATH(lk_super_scale_offset)(const int type) {
  switch (type) {
  case LK_Q2_K: return 80;
  case LK_Q3_K: return 108;
  case LK_Q6_K: return 208;
  default: return 0;
  }
}

/// Whether a minimum is taken from every element.
LK_INLINE int LK_PATH(lk_has_minimum)(const int type) {
  return type == LK_Q2_K || type == LK_Q4_K || type == LK_Q5_K;
}

/// The whole numbers that scale and minimum of a super-block are multiplied by in the halves of piece `piece`.
LK_INLINE void LK_PATH(lk_super_factors)(
    const int type, const uint8_t *block, const int piece, int32_t *scales, int32_t *minima) {
  minima[0] = minima[1] = 0;
  switch (type) {
  case LK_Q2_K:
    for (int h = 0; h < 2; h++) {
      scales[h] = block[2 * piece + h] & 15;
      minima[h] = block[2 * piece + h] >> 4;
    }
    return;
  case LK_Q3_K: {
    // Sixteen numbers of six bits: the low four bits of two in a byte, then the high two of four in a byte.
    const uint8_t *packed = block + 96;
    for (int h = 0; h < 2; h++) {
      const int j = 2 * piece + h;
      const int low = j < 8 ? packed[j] & 15 : packed[j - 8] >> 4;
      scales[h] = (low | (packed[8 + j % 4] >> (2 * (j / 4)) & 3) << 4) - 32;
    }
    return;
  }
  case LK_Q6_K:
    for (int h = 0; h < 2; h++) scales[h] = (int8_t)block[192 + 2 * piece + h];
    return;
  default: {
    // Eight pairs of six bits: four in the low bits of bytes 0 … 3 and 4 … 7, the rest in what is left of them and in
    // bytes 8 … 11.
    const uint8_t *packed = block + 4;
    if (piece < 4) {
      scales[0] = packed[piece] & 63;
      minima[0] = packed[piece + 4] & 63;
    } else {
      scales[0] = (packed[piece + 4] & 15) | packed[piece - 4] >> 6 << 4;
      minima[0] = packed[piece + 4] >> 4 | packed[piece] >> 6 << 4;
    }
    scales[1] = scales[0];
    minima[1] = minima[0];
  }
  }
}

/// Some bits of each of sixteen bytes: those from `shift` on that `mask` keeps.
LK_INLINE lk_u8x16 LK_PATH(lk_bits)(const uint8_t *from, const int shift, const uint8_t mask) {
  // Shifted four bytes at a time: what comes from a neighbour is masked out.
  lk_u32x4 words;
  memcpy(&words, from, sizeof words);
  return (lk_u8x16)(words >> (uint32_t)shift) & mask;
}

/// The 32 codes of piece `piece`, from 0 on.
LK_INLINE void LK_PATH(lk_super_codes)(const int type, const uint8_t *block, const int piece, lk_u8x16 *codes) {
#pragma clang loop unroll(full)
  for (int h = 0; h < 2; h++) {
    const uint8_t *at = block + 16 * h;
    switch (type) {
    case LK_Q2_K: codes[h] = LK_PATH(lk_bits)(at + 16 + 32 * (piece / 4), 2 * (piece % 4), 3); break;
    case LK_Q3_K:
      codes[h] = LK_PATH(lk_bits)(at + 32 + 32 * (piece / 4), 2 * (piece % 4), 3)
                 | LK_PATH(lk_bits)(at, piece, 1) << 2;
      break;
    case LK_Q4_K: codes[h] = LK_PATH(lk_bits)(at + 16 + 32 * (piece / 2), 4 * (piece % 2), 15); break;
    case LK_Q5_K:
      codes[h] = LK_PATH(lk_bits)(at + 48 + 32 * (piece / 2), 4 * (piece % 2), 15)
                 | LK_PATH(lk_bits)(at + 16, piece, 1) << 4;
      break;
    default:
      codes[h] = LK_PATH(lk_bits)(at + 64 * (piece / 4) + 32 * (piece % 2), 4 * (piece % 4 / 2), 15)
                 | LK_PATH(lk_bits)(at + 128 + 32 * (piece / 4), 2 * (piece % 4), 3) << 4;
    }
  }
}

/// `scale · code - minimum`, the minimum where there is one, of codes from 0 on.
LK_INLINE lk_f32x16 LK_PATH(lk_super_scaled)(
    const int type, lk_u8x16 codes, lk_f32x16 scale, lk_f32x16 minimum) {
#pragma clang fp contract(off)
  lk_i32x16 wide = __builtin_convertvector(codes, lk_i32x16);
  if (type == LK_Q3_K) wide -= 4;
  if (type == LK_Q6_K) wide -= 32;
  lk_f32x16 product = scale * __builtin_convertvector(wide, lk_f32x16);
  return LK_PATH(lk_has_minimum)(type) ? product - minimum : product;
}

/// The 32 elements of piece `piece`, scaled by `scale` and lowered by multiples of `minimum`.
LK_INLINE void LK_PATH(lk_super_piece)(
    const int type, const uint8_t *block, const int piece, const float scale, const float minimum,
    lk_f32x16 *elements) {
#pragma clang fp contract(off)
  int32_t scales[2], minima[2];
  lk_u8x16 codes[2];
  LK_PATH(lk_super_factors)(type, block, piece, scales, minima);
  LK_PATH(lk_super_codes)(type, block, piece, codes);
#pragma clang loop unroll(full)
  for (int h = 0; h < 2; h++) {
    // Subtracting zero keeps every value, zero's sign too; it is how C writes a broadcast.
    const lk_f32x16 factor = scale * (float)scales[h] - (lk_f32x16){0};
    const lk_f32x16 lowered = minimum * (float)minima[h] - (lk_f32x16){0};
    elements[h] = LK_PATH(lk_super_scaled)(type, codes[h], factor, lowered);
  }
}

/// The half-precision number at `from`, widened.
LK_INLINE float LK_PATH(lk_half_at)(const uint8_t *from) {
  uint16_t half;
  memcpy(&half, from, sizeof half);
  return LK_PATH(lk_widen_one_half)(half);
}

/// Pieces `first ..< first + count` of a row of super-blocks.
LK_INLINE void LK_PATH(lk_rows_of_super_blocks)(
    const int type, const uint8_t *row, int64_t first, int64_t count, float *to) {
  const int64_t bytes = LK_PATH(lk_super_block_bytes)(type);
  const int64_t scaleOffset = LK_PATH(lk_super_scale_offset)(type);
  for (int64_t piece = first; piece < first + count;) {
    const uint8_t *block = row + piece / 8 * bytes;
    const float scale = LK_PATH(lk_half_at)(block + scaleOffset);
    const float minimum = LK_PATH(lk_has_minimum)(type) ? LK_PATH(lk_half_at)(block + scaleOffset + 2) : 0;
    do {
      lk_f32x16 elements[2];
      LK_PATH(lk_super_piece)(type, block, (int)(piece % 8), scale, minimum, elements);
      LK_PATH(lk_store)(to, elements[0]);
      LK_PATH(lk_store)(to + 16, elements[1]);
      to += 32;
    } while (++piece % 8 != 0 && piece < first + count);
  }
}
