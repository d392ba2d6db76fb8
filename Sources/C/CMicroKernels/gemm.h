#ifndef LORIKEET_GEMM_H
#define LORIKEET_GEMM_H

#include <immintrin.h>
#include <stdint.h>

// One product serves the whole library:
//
//     C[i][j] (+)= α · (Σ_k A[i·rsa + k·csa] · B[k·ldb + j] + Σ_q A₂[i·rsa₂ + q] · B₂[q·ldb₂ + j])
//
// for 0 ≤ i < m, 0 ≤ j < n ≤ 32. The second sum is the low-rank term of an adapted layer: added while the results are
// still in registers it costs its arithmetic and no more. Where there is none, k₂ is 0.
//
// A is read one number at a time and broadcast, so any strides do: rows, columns, gradients of either. B and C
// have unit stride along j. Frozen weights are first unpacked into a panel `[k][32]`; everything else is used
// where it lies. A tile of 12 × 32 results stays in registers while k runs; every result is summed over k in the
// same order whatever m is, which is what makes a row's value independent of how rows are shared out.

/// Columns of a panel: the width of one register tile.
#define LK_PANEL 32

#define LK_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,avx2,f16c")))
#define LK_AVX2 __attribute__((target("avx2,fma,f16c")))
#define LK_ALWAYS_INLINE static inline __attribute__((always_inline))

/// The low-rank term of a product: k2 numbers a row of A₂, end to end.
struct lk_term {
  int64_t k2;
  const float *a2;
  int64_t rsa2;
  const float *b2;
  int64_t ldb2;
};

/// `rows` × 32 results with AVX-512; `rows` is a constant at every call, so the loops over it disappear.
LK_ALWAYS_INLINE LK_AVX512 void lk_tile32_avx512(
    const int rows, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term, __mmask16 m0, __mmask16 m1) {
  __m512 acc0[12], acc1[12];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    acc0[i] = _mm512_setzero_ps();
    acc1[i] = _mm512_setzero_ps();
  }
#pragma clang loop unroll_count(2)
  for (int64_t p = 0; p < k; p++) {
    const __m512 b0 = _mm512_maskz_loadu_ps(m0, b + p * ldb);
    const __m512 b1 = _mm512_maskz_loadu_ps(m1, b + p * ldb + 16);
    const float *ap = a + p * csa;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m512 ai = _mm512_set1_ps(ap[i * rsa]);
      acc0[i] = _mm512_fmadd_ps(ai, b0, acc0[i]);
      acc1[i] = _mm512_fmadd_ps(ai, b1, acc1[i]);
    }
  }
#pragma clang loop unroll(disable)
  for (int64_t q = 0; q < term.k2; q++) {
    const __m512 b0 = _mm512_maskz_loadu_ps(m0, term.b2 + q * term.ldb2);
    const __m512 b1 = _mm512_maskz_loadu_ps(m1, term.b2 + q * term.ldb2 + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m512 ai = _mm512_set1_ps(term.a2[i * term.rsa2 + q]);
      acc0[i] = _mm512_fmadd_ps(ai, b0, acc0[i]);
      acc1[i] = _mm512_fmadd_ps(ai, b1, acc1[i]);
    }
  }
  const __m512 scale = _mm512_set1_ps(alpha);
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    float *ci = c + i * ldc;
    __m512 r0 = _mm512_mul_ps(acc0[i], scale), r1 = _mm512_mul_ps(acc1[i], scale);
    if (accumulate) {
      r0 = _mm512_add_ps(r0, _mm512_maskz_loadu_ps(m0, ci));
      r1 = _mm512_add_ps(r1, _mm512_maskz_loadu_ps(m1, ci + 16));
    }
    _mm512_mask_storeu_ps(ci, m0, r0);
    _mm512_mask_storeu_ps(ci + 16, m1, r1);
  }
}

/// `rows` ≤ 24 × 16 results with AVX-512, for the narrow products of adapters: a tile of 32 columns would waste half.
LK_ALWAYS_INLINE LK_AVX512 void lk_tile16_avx512(
    const int rows, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term, __mmask16 mask) {
  __m512 acc[24];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) acc[i] = _mm512_setzero_ps();
#pragma clang loop unroll_count(2)
  for (int64_t p = 0; p < k; p++) {
    const __m512 bp = _mm512_maskz_loadu_ps(mask, b + p * ldb);
    const float *ap = a + p * csa;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) acc[i] = _mm512_fmadd_ps(_mm512_set1_ps(ap[i * rsa]), bp, acc[i]);
  }
#pragma clang loop unroll(disable)
  for (int64_t q = 0; q < term.k2; q++) {
    const __m512 bq = _mm512_maskz_loadu_ps(mask, term.b2 + q * term.ldb2);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
      acc[i] = _mm512_fmadd_ps(_mm512_set1_ps(term.a2[i * term.rsa2 + q]), bq, acc[i]);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    __m512 r = _mm512_mul_ps(acc[i], _mm512_set1_ps(alpha));
    if (accumulate) r = _mm512_add_ps(r, _mm512_maskz_loadu_ps(mask, c + i * ldc));
    _mm512_mask_storeu_ps(c + i * ldc, mask, r);
  }
}

/// `rows` × 16 results with AVX2 and FMA. A partial width goes through a buffer.
LK_ALWAYS_INLINE LK_AVX2 void lk_tile16_avx2(
    const int rows, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term) {
  __m256 acc0[6], acc1[6];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    acc0[i] = _mm256_setzero_ps();
    acc1[i] = _mm256_setzero_ps();
  }
#pragma clang loop unroll_count(2)
  for (int64_t p = 0; p < k; p++) {
    const __m256 b0 = _mm256_loadu_ps(b + p * ldb);
    const __m256 b1 = _mm256_loadu_ps(b + p * ldb + 8);
    const float *ap = a + p * csa;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m256 ai = _mm256_set1_ps(ap[i * rsa]);
      acc0[i] = _mm256_fmadd_ps(ai, b0, acc0[i]);
      acc1[i] = _mm256_fmadd_ps(ai, b1, acc1[i]);
    }
  }
#pragma clang loop unroll(disable)
  for (int64_t q = 0; q < term.k2; q++) {
    const __m256 b0 = _mm256_loadu_ps(term.b2 + q * term.ldb2);
    const __m256 b1 = _mm256_loadu_ps(term.b2 + q * term.ldb2 + 8);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      const __m256 ai = _mm256_set1_ps(term.a2[i * term.rsa2 + q]);
      acc0[i] = _mm256_fmadd_ps(ai, b0, acc0[i]);
      acc1[i] = _mm256_fmadd_ps(ai, b1, acc1[i]);
    }
  }
  const __m256 scale = _mm256_set1_ps(alpha);
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    float *ci = c + i * ldc;
    __m256 r0 = _mm256_mul_ps(acc0[i], scale), r1 = _mm256_mul_ps(acc1[i], scale);
    if (accumulate) {
      r0 = _mm256_add_ps(r0, _mm256_loadu_ps(ci));
      r1 = _mm256_add_ps(r1, _mm256_loadu_ps(ci + 8));
    }
    _mm256_storeu_ps(ci, r0);
    _mm256_storeu_ps(ci + 8, r1);
  }
}

/// `rows` × `n` results one at a time: the edge of the AVX2 path and the whole of the baseline path.
LK_ALWAYS_INLINE void lk_tile_scalar(
    int64_t rows, int64_t n, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb,
    float *c, int64_t ldc, float alpha, int accumulate, struct lk_term term) {
  for (int64_t i = 0; i < rows; i++) {
    float acc[LK_PANEL] = {0};
    for (int64_t p = 0; p < k; p++) {
      const float ai = a[i * rsa + p * csa];
      for (int64_t j = 0; j < n; j++) acc[j] += ai * b[p * ldb + j];
    }
    for (int64_t q = 0; q < term.k2; q++) {
      const float ai = term.a2[i * term.rsa2 + q];
      for (int64_t j = 0; j < n; j++) acc[j] += ai * term.b2[q * term.ldb2 + j];
    }
    for (int64_t j = 0; j < n; j++) {
      const float r = acc[j] * alpha;
      c[i * ldc + j] = accumulate ? c[i * ldc + j] + r : r;
    }
  }
}

#define LK_CASE512(R)                                                                                             \
  case R:                                                                                                         \
    lk_tile32_avx512(R, kb, ai, rsa, csa, bk, ldb, ci, ldc, alpha, acc, here, m0, m1);                            \
    break;
#define LK_NARROW512(R)                                                                                           \
  case R:                                                                                                         \
    lk_tile16_avx512(R, kb, ai, rsa, csa, bk, ldb, ci, ldc, alpha, acc, here, m0);                                \
    break;

/// Longest stretch of k that one pass over the rows covers, so that a tile of A stays in the first-level cache. Passes
/// begin at its multiples, whatever k is: zeros appended to a row then change no bit of its sum.
#define LK_K_BLOCK 640

/// The term where `k0` begins the last pass over k, and none before.
LK_ALWAYS_INLINE struct lk_term lk_last_term(struct lk_term term, int64_t k0, int64_t kb, int64_t k) {
  if (k0 + kb < k) term.k2 = 0;
  return term;
}

/// `term` for the rows from `row` on.
LK_ALWAYS_INLINE struct lk_term lk_term_rows(struct lk_term term, int64_t row) {
  // No arithmetic on the pointer of a term that is not there.
  if (term.k2 > 0) term.a2 += row * term.rsa2;
  return term;
}

/// The product for one panel (`n` ≤ 32) and any number of rows, with AVX-512.
static inline LK_AVX512 void lk_gemm_avx512(
    int64_t m, int64_t n, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term) {
  const __mmask16 m0 = n >= 16 ? 0xFFFF : (__mmask16)((1u << n) - 1);
  const __mmask16 m1 = n >= 32 ? 0xFFFF : n > 16 ? (__mmask16)((1u << (n - 16)) - 1) : 0;
  const int64_t height = n <= 16 ? 24 : 12;
  const int64_t tiles = (m + height - 1) / height;
  for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += LK_K_BLOCK) {
    const int64_t kb = k - k0 < LK_K_BLOCK ? k - k0 : LK_K_BLOCK;
    const int acc = accumulate || k0 > 0;
    const float *bk = b + k0 * ldb;
    const struct lk_term last = lk_last_term(term, k0, kb, k);
    int64_t i = 0;
    for (int64_t t = 0; t < tiles; t++) {
      // Rows are dealt out evenly, so that no tile is left with one or two.
      const int64_t rows = (m - i + tiles - t - 1) / (tiles - t);
      const float *ai = a + i * rsa + k0 * csa;
      float *ci = c + i * ldc;
      const struct lk_term here = lk_term_rows(last, i);
      if (n <= 16) {
        switch (rows) {
          LK_NARROW512(1) LK_NARROW512(2) LK_NARROW512(3) LK_NARROW512(4) LK_NARROW512(5) LK_NARROW512(6)
          LK_NARROW512(7) LK_NARROW512(8) LK_NARROW512(9) LK_NARROW512(10) LK_NARROW512(11) LK_NARROW512(12)
          LK_NARROW512(13) LK_NARROW512(14) LK_NARROW512(15) LK_NARROW512(16) LK_NARROW512(17) LK_NARROW512(18)
          LK_NARROW512(19) LK_NARROW512(20) LK_NARROW512(21) LK_NARROW512(22) LK_NARROW512(23) LK_NARROW512(24)
        }
      } else {
        switch (rows) {
          LK_CASE512(1) LK_CASE512(2) LK_CASE512(3) LK_CASE512(4) LK_CASE512(5) LK_CASE512(6)
          LK_CASE512(7) LK_CASE512(8) LK_CASE512(9) LK_CASE512(10) LK_CASE512(11) LK_CASE512(12)
        }
      }
      i += rows;
    }
    if (k == 0) break;
  }
}

#define LK_CASE256(R)                                                                                             \
  case R:                                                                                                         \
    lk_tile16_avx2(R, kb, ai, rsa, csa, bk + j, ldb, ci + j, ldc, alpha, acc, at);                                \
    break;

/// `term` for the columns from `column` on.
LK_ALWAYS_INLINE struct lk_term lk_term_columns(struct lk_term term, int64_t column) {
  if (term.k2 > 0) term.b2 += column;
  return term;
}

/// The product for one panel (`n` ≤ 32) and any number of rows, with AVX2 and FMA.
static inline LK_AVX2 void lk_gemm_avx2(
    int64_t m, int64_t n, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term) {
  const int64_t tiles = (m + 5) / 6;
  for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += LK_K_BLOCK) {
    const int64_t kb = k - k0 < LK_K_BLOCK ? k - k0 : LK_K_BLOCK;
    const int acc = accumulate || k0 > 0;
    const float *bk = b + k0 * ldb;
    const struct lk_term last = lk_last_term(term, k0, kb, k);
    int64_t i = 0;
    for (int64_t t = 0; t < tiles; t++) {
      const int64_t rows = (m - i + tiles - t - 1) / (tiles - t);
      const float *ai = a + i * rsa + k0 * csa;
      float *ci = c + i * ldc;
      const struct lk_term here = lk_term_rows(last, i);
      int64_t j = 0;
      for (; j + 16 <= n; j += 16) {
        const struct lk_term at = lk_term_columns(here, j);
        switch (rows) {
          LK_CASE256(1) LK_CASE256(2) LK_CASE256(3) LK_CASE256(4) LK_CASE256(5) LK_CASE256(6)
        }
      }
      if (j < n)
        lk_tile_scalar(
            rows, n - j, kb, ai, rsa, csa, bk + j, ldb, ci + j, ldc, alpha, acc, lk_term_columns(here, j));
      i += rows;
    }
    if (k == 0) break;
  }
}

/// The product for one panel (`n` ≤ 32) and any number of rows, for any CPU.
///
/// Not OpenBLAS: its results for a row change with the number of rows beside it, and with the instructions that a CPU
/// of this path has it is the slower one at these sizes.
static inline void lk_gemm_baseline(
    int64_t m, int64_t n, int64_t k, const float *a, int64_t rsa, int64_t csa, const float *b, int64_t ldb, float *c,
    int64_t ldc, float alpha, int accumulate, struct lk_term term) {
  if (n == LK_PANEL)
    lk_tile_scalar(m, LK_PANEL, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, term);
  else
    lk_tile_scalar(m, n, k, a, rsa, csa, b, ldb, c, ldc, alpha, accumulate, term);
}

#endif
