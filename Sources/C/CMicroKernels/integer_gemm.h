#ifndef LORIKEET_INTEGER_GEMM_H
#define LORIKEET_INTEGER_GEMM_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "elementwise.h"
#include "gemm.h"

// Products in integers: weights of 8 bits, activations of 16 bits as two planes of 8, or of 8 bits as one.
//
//     Y[i][j] (+)= sx[i] · sw[j] · Σ_k x[i][k] · w[k][j]  +  Σ_q A₂[i][q] · B₂[q][j]
//
// VNNI multiplies unsigned by signed bytes, four products to a 32-bit lane. An activation is therefore kept with an
// offset, x + 32768 = 256·high + low or x + 128, and the offset times the column sum of w is taken off at the end. Sums
// wrap modulo 2³²; the rows' scales are chosen so that every true result fits (`lk_quantize_row_body`), so nothing is lost
// on the way. The integer sum is exact: every path gives the same bits, up to the last multiplication by the scales.
//
//     planes   [row][plane][k padded to 4]    unsigned bytes; padding meets weights of zero
//     panel    [k / 4][32][4]                 signed bytes

#define LK_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma,avx2,f16c")))

/// Largest magnitude of an activation of 16 bits and of 8.
#define LK_INT16_LIMIT 32767.0f
#define LK_INT8_LIMIT 127.0f

/// Largest Σ|x| of a row, so that Σ x·w fits 32 bits for any |w| ≤ 127.
#define LK_SUM_LIMIT 16900000.0f

/// Quantises `n` numbers, times `factor[k]` where given, to `planes` rows of bytes `stride` apart, and returns the scale:
/// x[k] · factor[k] ≈ scale · (stored − offset).
LK_ALWAYS_INLINE float lk_quantize_row_body(
    int64_t n, int planes, const float *x, const float *factor, uint8_t *to, int64_t stride, float *buffer) {
  float largest = 0, sum = 0;
  {
    LK_RELAXED
    float lanes[32] = {0}, sums[32] = {0};
    int64_t k = 0;
    for (; k + 32 <= n; k += 32) {
      if (factor)
        for (int64_t j = 0; j < 32; j++) buffer[k + j] = x[k + j] * factor[k + j];
      const float *v = factor ? buffer : x;
      for (int64_t j = 0; j < 32; j++) {
        const float a = __builtin_fabsf(v[k + j]);
        lanes[j] = a > lanes[j] ? a : lanes[j];
        sums[j] += a;
      }
    }
    for (; k < n; k++) {
      if (factor) buffer[k] = x[k] * factor[k];
      const float a = __builtin_fabsf(factor ? buffer[k] : x[k]);
      largest = a > largest ? a : largest;
      sum += a;
    }
    for (int64_t j = 0; j < 32; j++) {
      largest = lanes[j] > largest ? lanes[j] : largest;
      sum += sums[j];
    }
  }
  const float limit = planes == 2 ? LK_INT16_LIMIT : LK_INT8_LIMIT;
  // Rounding adds at most a half to each |x|: n / 2 is far below the margin left in LK_SUM_LIMIT.
  const float scale = largest / limit > sum / LK_SUM_LIMIT ? largest / limit : sum / LK_SUM_LIMIT;
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  const float *v = factor ? buffer : x;
  // Adding 1.5·2²³ rounds to the nearest integer and leaves it in the low bits.
  if (planes == 2) {
    uint8_t *high = to, *low = to + stride;
    for (int64_t k = 0; k < n; k++) {
      const float shifted = v[k] * inverse + (12582912.0f + 32768.0f);
      uint32_t bits;
      memcpy(&bits, &shifted, 4);
      high[k] = (uint8_t)(bits >> 8);
      low[k] = (uint8_t)bits;
    }
  } else {
    for (int64_t k = 0; k < n; k++) {
      const float shifted = v[k] * inverse + (12582912.0f + 128.0f);
      uint32_t bits;
      memcpy(&bits, &shifted, 4);
      to[k] = (uint8_t)bits;
    }
  }
  return scale;
}

LK_COMPILE(float, quantize_row,
           (int64_t n, int planes, const float *x, const float *factor, uint8_t *to, int64_t stride, float *buffer),
           (n, planes, x, factor, to, stride, buffer))

/// Quantises a panel of floats `[k][32]` to signed bytes `[⌈k/4⌉][32][4]`, column j times `inverse[j]`.
LK_ALWAYS_INLINE void lk_quantize_panel_body(int64_t k, const float *restrict panel, const float *restrict inverse, int8_t *restrict to) {
  const int64_t quads = (k + 3) / 4;
  for (int64_t q = 0; q < quads; q++) {
    int32_t words[LK_PANEL] = {0};
    for (int64_t r = 0; r < 4 && q * 4 + r < k; r++)
      for (int64_t j = 0; j < LK_PANEL; j++) {
        const float shifted = panel[(q * 4 + r) * LK_PANEL + j] * inverse[j] + 12582912.0f;
        int32_t bits;
        memcpy(&bits, &shifted, 4);
        words[j] |= (int32_t)((uint32_t)(bits & 0xFF) << (8 * r));
      }
    memcpy(to + q * LK_PANEL * 4, words, sizeof words);
  }
}

LK_COMPILE(void, quantize_panel, (int64_t k, const float *panel, const float *inverse, int8_t *to),
           (k, panel, inverse, to))

/// largest[j] = max(largest[j], max_k |panel[k][j]|); NaN where any number is.
LK_ALWAYS_INLINE void lk_panel_largest_body(int64_t k, const float *restrict panel, float *restrict largest) {
  for (int64_t p = 0; p < k; p++)
    for (int64_t j = 0; j < LK_PANEL; j++) {
      const float a = __builtin_fabsf(panel[p * LK_PANEL + j]);
      largest[j] = a <= largest[j] || largest[j] != largest[j] ? largest[j] : a;
    }
}

LK_COMPILE(void, panel_largest, (int64_t k, const float *panel, float *largest), (k, panel, largest))

/// Turns 32 columns of a matrix that is kept in panels of 32 rows into one panel of the transposed matrix.
///
/// The source has, for each panel of 32 rows n, quads of columns k: `[n / 32][k / 4][32 n][4 k]`. The result has, for the
/// columns 4·quad … 4·quad + 31, quads of rows: `[n / 4][32 k][4 n]`. Columns from `quads` on are zero.
LK_ALWAYS_INLINE void lk_turn_panel_body(int64_t panels, int64_t quads, int64_t quad, const int8_t *restrict from, int8_t *restrict to) {
  const int64_t here = quads - quad < 8 ? quads - quad : 8;
  for (int64_t p = 0; p < panels; p++)
    for (int64_t q = 0; q < 8; q++) {
      if (q >= here) {
        for (int64_t g = 0; g < 8; g++) memset(to + (p * 8 + g) * 128 + q * 16, 0, 16);
        continue;
      }
      const int8_t *block = from + (p * quads + quad + q) * 128;
      for (int64_t g = 0; g < 8; g++)
        for (int64_t k = 0; k < 4; k++)
          for (int64_t n = 0; n < 4; n++) to[(p * 8 + g) * 128 + q * 16 + k * 4 + n] = block[g * 16 + n * 4 + k];
    }
}

static inline void lk_turn_panel_portable(int64_t panels, int64_t quads, int64_t quad, const int8_t *from, int8_t *to) {
  lk_turn_panel_body(panels, quads, quad, from, to);
}

static inline LK_VNNI void lk_turn_panel_vnni(int64_t panels, int64_t quads, int64_t quad, const int8_t *from, int8_t *to) {
  if (quads - quad < 8) {
    lk_turn_panel_body(panels, quads, quad, from, to);
    return;
  }
  // 4 × 4 bytes within each 16-byte lane, then 4 × 4 lanes.
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  for (int64_t p = 0; p < panels; p++) {
    const int8_t *block = from + (p * quads + quad) * 128;
    int8_t *out = to + p * 1024;
    for (int64_t side = 0; side < 2; side++)
      for (int64_t q = 0; q < 8; q += 4) {
        __m512i v[4];
        for (int64_t r = 0; r < 4; r++)
          v[r] = _mm512_shuffle_epi8(_mm512_loadu_si512(block + (q + r) * 128 + side * 64), order);
        const __m512i a = _mm512_shuffle_i32x4(v[0], v[1], 0x44), b = _mm512_shuffle_i32x4(v[2], v[3], 0x44);
        const __m512i c = _mm512_shuffle_i32x4(v[0], v[1], 0xEE), d = _mm512_shuffle_i32x4(v[2], v[3], 0xEE);
        int8_t *o = out + side * 512 + q * 16;
        _mm512_storeu_si512(o, _mm512_shuffle_i32x4(a, b, 0x88));
        _mm512_storeu_si512(o + 128, _mm512_shuffle_i32x4(a, b, 0xDD));
        _mm512_storeu_si512(o + 256, _mm512_shuffle_i32x4(c, d, 0x88));
        _mm512_storeu_si512(o + 384, _mm512_shuffle_i32x4(c, d, 0xDD));
      }
  }
}

/// sums[j] = Σ_k w[k][j] of a panel.
LK_ALWAYS_INLINE void lk_panel_sums_body(int64_t quads, const int8_t *restrict panel, int32_t *restrict sums) {
  int32_t totals[LK_PANEL] = {0};
  for (int64_t q = 0; q < quads; q++)
    for (int64_t j = 0; j < LK_PANEL; j++)
      for (int64_t r = 0; r < 4; r++) totals[j] += panel[(q * LK_PANEL + j) * 4 + r];
  memcpy(sums, totals, sizeof totals);
}

static inline void lk_panel_sums_portable(int64_t quads, const int8_t *panel, int32_t *sums) {
  lk_panel_sums_body(quads, panel, sums);
}

static inline LK_VNNI void lk_panel_sums_vnni(int64_t quads, const int8_t *panel, int32_t *sums) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i s0 = _mm512_setzero_si512(), s1 = s0;
  for (int64_t q = 0; q < quads; q++) {
    s0 = _mm512_dpbusd_epi32(s0, ones, _mm512_loadu_si512(panel + q * 128));
    s1 = _mm512_dpbusd_epi32(s1, ones, _mm512_loadu_si512(panel + q * 128 + 64));
  }
  _mm512_storeu_si512(sums, s0);
  _mm512_storeu_si512(sums + 16, s1);
}

/// Four bytes at any address.
struct __attribute__((packed, may_alias)) lk_word {
  int32_t value;
};

/// `rows` × 32 results with VNNI; `rows` and `planes` are constants at every call.
///
/// A: `[rows][planes]` rows of bytes, `lda` apart. The results replace C, or are added to it.
LK_ALWAYS_INLINE LK_VNNI void lk_tile_vnni(
    const int rows, const int planes, int64_t quads, const uint8_t *a, int64_t lda, const int8_t *panel,
    const int32_t *sums, const float *sx, int64_t sx_stride, const float *sw, float *c, int64_t ldc, int accumulate,
    struct lk_term term, __mmask16 m0, __mmask16 m1) {
  __m512i acc0[12], acc1[12];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows * planes; i++) {
    acc0[i] = _mm512_setzero_si512();
    acc1[i] = _mm512_setzero_si512();
  }
#pragma clang loop unroll(disable)
  for (int64_t q = 0; q < quads; q++) {
    const __m512i b0 = _mm512_load_si512(panel + q * 128);
    const __m512i b1 = _mm512_load_si512(panel + q * 128 + 64);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * planes; i++) {
      // Named, since left to itself the compiler loads all of them first and spills the sums.
      __m512i ai;
      __asm__("vpbroadcastd %1, %0" : "=v"(ai) : "m"(*(const struct lk_word *)(a + i * lda + q * 4)));
      acc0[i] = _mm512_dpbusd_epi32(acc0[i], ai, b0);
      acc1[i] = _mm512_dpbusd_epi32(acc1[i], ai, b1);
    }
  }
  // The offset's share: 32768 or 128 times the column sums.
  const int shift = planes == 2 ? 15 : 7;
  const __m512i o0 = _mm512_slli_epi32(_mm512_loadu_si512(sums), shift);
  const __m512i o1 = _mm512_slli_epi32(_mm512_loadu_si512(sums + 16), shift);
  const __m512 w0 = _mm512_loadu_ps(sw), w1 = _mm512_loadu_ps(sw + 16);
  __m512 r0[12], r1[12];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    const __m512i v0 = planes == 2 ? _mm512_add_epi32(_mm512_slli_epi32(acc0[2 * i], 8), acc0[2 * i + 1]) : acc0[i];
    const __m512i v1 = planes == 2 ? _mm512_add_epi32(_mm512_slli_epi32(acc1[2 * i], 8), acc1[2 * i + 1]) : acc1[i];
    const __m512 scale = _mm512_set1_ps(sx[i * sx_stride]);
    r0[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v0, o0)), _mm512_mul_ps(scale, w0));
    r1[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v1, o1)), _mm512_mul_ps(scale, w1));
  }
#pragma clang loop unroll(disable)
  for (int64_t q = 0; q < term.k2; q++) {
    const __m512 b0 = _mm512_maskz_loadu_ps(m0, term.b2 + q * term.ldb2);
    const __m512 b1 = _mm512_maskz_loadu_ps(m1, term.b2 + q * term.ldb2 + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m512 ai = _mm512_set1_ps(term.a2[i * term.rsa2 + q]);
      r0[i] = _mm512_fmadd_ps(ai, b0, r0[i]);
      r1[i] = _mm512_fmadd_ps(ai, b1, r1[i]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    float *ci = c + i * ldc;
    if (accumulate) {
      r0[i] = _mm512_add_ps(r0[i], _mm512_maskz_loadu_ps(m0, ci));
      r1[i] = _mm512_add_ps(r1[i], _mm512_maskz_loadu_ps(m1, ci + 16));
    }
    _mm512_mask_storeu_ps(ci, m0, r0[i]);
    _mm512_mask_storeu_ps(ci + 16, m1, r1[i]);
  }
}

/// What one call multiplies: some rows of planes with one panel over one stretch of k.
struct lk_integer_product {
  /// Rows, columns (≤ 32) and quads of k.
  int64_t m, n, quads;
  int planes;
  /// Planes of the first row; bytes from plane to plane.
  const uint8_t *a;
  int64_t lda;
  const int8_t *panel;
  const int32_t *sums;
  /// Scale of the first row; floats from row to row.
  const float *sx;
  int64_t sx_stride;
  /// Scales of the 32 columns.
  const float *sw;
  float *c;
  int64_t ldc;
  int accumulate;
  struct lk_term term;
};

#define LK_CASE_W8A16(R)                                                                                              \
  case R:                                                                                                             \
    lk_tile_vnni(R, 2, p.quads, a, p.lda, p.panel, p.sums, sx, p.sx_stride, p.sw, c, p.ldc, p.accumulate, t, m0, m1); \
    break;
#define LK_CASE_W8A8(R)                                                                                               \
  case R:                                                                                                             \
    lk_tile_vnni(R, 1, p.quads, a, p.lda, p.panel, p.sums, sx, p.sx_stride, p.sw, c, p.ldc, p.accumulate, t, m0, m1); \
    break;

static inline LK_VNNI void lk_integer_product_vnni(struct lk_integer_product p) {
  const __mmask16 m0 = p.n >= 16 ? 0xFFFF : (__mmask16)((1u << p.n) - 1);
  const __mmask16 m1 = p.n >= 32 ? 0xFFFF : p.n > 16 ? (__mmask16)((1u << (p.n - 16)) - 1) : 0;
  const int64_t height = p.planes == 2 ? 6 : 12;
  const int64_t tiles = (p.m + height - 1) / height;
  int64_t i = 0;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t rows = (p.m - i + tiles - tile - 1) / (tiles - tile);
    const uint8_t *a = p.a + i * p.planes * p.lda;
    const float *sx = p.sx + i * p.sx_stride;
    float *c = p.c + i * p.ldc;
    const struct lk_term t = lk_term_rows(p.term, i);
    if (p.planes == 2) {
      switch (rows) {
        LK_CASE_W8A16(1) LK_CASE_W8A16(2) LK_CASE_W8A16(3) LK_CASE_W8A16(4) LK_CASE_W8A16(5) LK_CASE_W8A16(6)
      }
    } else {
      switch (rows) {
        LK_CASE_W8A8(1) LK_CASE_W8A8(2) LK_CASE_W8A8(3) LK_CASE_W8A8(4) LK_CASE_W8A8(5) LK_CASE_W8A8(6)
        LK_CASE_W8A8(7) LK_CASE_W8A8(8) LK_CASE_W8A8(9) LK_CASE_W8A8(10) LK_CASE_W8A8(11) LK_CASE_W8A8(12)
      }
    }
    i += rows;
  }
}

/// The same for any CPU: correct, not fast. A machine without VNNI is better served by f32.
static inline void lk_integer_product_portable(struct lk_integer_product p) {
  const uint32_t offset = p.planes == 2 ? 32768u : 128u;
  for (int64_t i = 0; i < p.m; i++) {
    const uint8_t *high = p.a + i * p.planes * p.lda, *low = high + p.lda;
    uint32_t sums[LK_PANEL] = {0};
    for (int64_t q = 0; q < p.quads; q++)
      for (int64_t r = 0; r < 4; r++) {
        const uint32_t x = p.planes == 2 ? 256u * high[q * 4 + r] + low[q * 4 + r] : high[q * 4 + r];
        for (int64_t j = 0; j < LK_PANEL; j++) sums[j] += x * (uint32_t)(int32_t)p.panel[(q * LK_PANEL + j) * 4 + r];
      }
    float *c = p.c + i * p.ldc;
    for (int64_t j = 0; j < p.n; j++) {
      const float scale = p.sx[i * p.sx_stride] * p.sw[j];
      float r = (float)(int32_t)(sums[j] - offset * (uint32_t)p.sums[j]) * scale;
      for (int64_t q = 0; q < p.term.k2; q++)
        r = __builtin_fmaf(p.term.a2[i * p.term.rsa2 + q], p.term.b2[q * p.term.ldb2 + j], r);
      c[j] = p.accumulate ? c[j] + r : r;
    }
  }
}

#endif
