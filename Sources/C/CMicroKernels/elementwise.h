#ifndef LORIKEET_ELEMENTWISE_H
#define LORIKEET_ELEMENTWISE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gemm.h"

// Row-wise loops, written once in plain C and compiled for each path: the compiler vectorises them to whatever
// the `target` attribute allows. Reductions may be reassociated by it; within one path the order is fixed at compile
// time, so the same inputs always give the same bits.

#define LK_RELAXED _Pragma("clang fp reassociate(on) contract(fast)")

/// eˣ to about one unit in the last place, without a branch, so that it vectorises.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, eˣ = 2ⁿ · eʳ; the polynomial is Cephes' expf.
LK_ALWAYS_INLINE float lk_exp(float x) {
#pragma clang fp contract(fast)
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float shifted = x * 1.44269504088896341f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = ((int32_t)n + 127) << 23;
  float scale;
  memcpy(&scale, &bits, 4);
  return p * scale;
}

/// tanh x to a few units in the last place, without a branch, so that it vectorises: Cephes' tanhf.
LK_ALWAYS_INLINE float lk_tanh(float x) {
#pragma clang fp contract(fast)
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float magnitude = __builtin_fabsf(x);
  const float large = 1.0f - 2.0f / (lk_exp(2.0f * magnitude) + 1.0f);
  return magnitude < 0.625f ? small : __builtin_copysignf(large, x);
}

// gelu(x) = ½·x·(1 + tanh z) = x · σ(2z), z = √(2/π)·(x + 0.044715·x³): PyTorch's approximation "tanh".
#define LK_GELU_LINEAR 1.5957691216057308f
#define LK_GELU_CUBIC 0.044715f

/// y += x
LK_ALWAYS_INLINE void lk_add_body(int64_t n, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

/// y −= x
LK_ALWAYS_INLINE void lk_subtract_body(int64_t n, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] -= x[i];
}

/// y = x · weight, element by element; y may be x.
LK_ALWAYS_INLINE void lk_scale_columns_body(int64_t n, const float *restrict weight, const float *x, float *y) {
#pragma clang loop vectorize(assume_safety)
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * weight[i];
}

/// sum += x · y, element by element
LK_ALWAYS_INLINE void lk_add_product_body(
    int64_t n, const float *restrict x, const float *restrict y, float *restrict sum) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < n; i++) sum[i] += x[i] * y[i];
}

/// y = a · x
LK_ALWAYS_INLINE void lk_scale_body(int64_t n, float a, const float *x, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = a * x[i];
}

/// y = x · rstd · weight, rstd = 1 / √(mean(x²) + ε); one row.
LK_ALWAYS_INLINE float lk_rms_norm_body(
    int64_t n, float epsilon, const float *restrict x, const float *restrict weight, float *restrict y) {
  LK_RELAXED
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
  const float rstd = 1.0f / __builtin_elementwise_sqrt(sum / (float)n + epsilon);
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * rstd * weight[i];
  return rstd;
}

/// y = x · rstd · weight with a known rstd; one row.
LK_ALWAYS_INLINE void lk_rms_norm_apply_body(
    int64_t n, float rstd, const float *restrict x, const float *restrict weight, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * rstd * weight[i];
}

/// dx += rstd · (g − x · rstd² · mean(g · x)), g = dy · weight; one row.
LK_ALWAYS_INLINE void lk_rms_norm_backward_body(
    int64_t n, float rstd, const float *restrict dy, const float *restrict x, const float *restrict weight,
    float *restrict dx) {
  LK_RELAXED
  float dot = 0;
  for (int64_t i = 0; i < n; i++) dot += dy[i] * weight[i] * x[i];
  const float back = rstd * rstd * rstd * dot / (float)n;
  for (int64_t i = 0; i < n; i++) dx[i] += rstd * dy[i] * weight[i] - back * x[i];
}

/// y = gate · σ(gate) · up
LK_ALWAYS_INLINE void lk_swiglu_body(int64_t n, const float *restrict gate, const float *restrict up, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] = gate[i] / (1.0f + lk_exp(-gate[i])) * up[i];
}

/// With s = σ(gate): dgate = dy · up · s · (1 + gate · (1 − s)), dup = dy · gate · s. Either may replace its input.
LK_ALWAYS_INLINE void lk_swiglu_backward_body(
    int64_t n, const float *dy, const float *gate, const float *up, float *dgate, float *dup) {
#pragma clang loop vectorize(assume_safety)
  for (int64_t i = 0; i < n; i++) {
    const float g = gate[i], u = up[i], d = dy[i];
    const float s = 1.0f / (1.0f + lk_exp(-g));
    dgate[i] = d * u * s * (1.0f + g * (1.0f - s));
    dup[i] = d * g * s;
  }
}

/// y = gelu(gate) · up
LK_ALWAYS_INLINE void lk_geglu_body(int64_t n, const float *restrict gate, const float *restrict up, float *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    const float g = gate[i];
    y[i] = g / (1.0f + lk_exp(-LK_GELU_LINEAR * g * (1.0f + LK_GELU_CUBIC * g * g))) * up[i];
  }
}

/// With s = σ(2z), 2z' = 2√(2/π)·(1 + 0.134145·gate²): dgate = dy · up · s · (1 + gate · (1 − s) · 2z'),
/// dup = dy · gate · s. Either may replace its input.
LK_ALWAYS_INLINE void lk_geglu_backward_body(
    int64_t n, const float *dy, const float *gate, const float *up, float *dgate, float *dup) {
#pragma clang loop vectorize(assume_safety)
  for (int64_t i = 0; i < n; i++) {
    const float g = gate[i], u = up[i], d = dy[i];
    // Beyond ±10 the curve is a line to the last bit, and squares that overflow would meet zeros.
    const float c = g < -10.0f ? -10.0f : g > 10.0f ? 10.0f : g;
    const float s = 1.0f / (1.0f + lk_exp(-LK_GELU_LINEAR * c * (1.0f + LK_GELU_CUBIC * c * c)));
    const float slope = LK_GELU_LINEAR * (1.0f + 3.0f * LK_GELU_CUBIC * c * c);
    dgate[i] = d * u * s * (1.0f + c * (1.0f - s) * slope);
    dup[i] = d * g * s;
  }
}

/// x = b · tanh(a · x)
LK_ALWAYS_INLINE void lk_soft_cap_body(int64_t n, float a, float b, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] = b * lk_tanh(a * x[i]);
}

/// Rotates one head: (x₁, x₂) → (x₁·cos − x₂·sin, x₂·cos + x₁·sin), x₂ half a head after x₁. `sign` −1 turns back.
LK_ALWAYS_INLINE void lk_rotate_body(int64_t half, float sign, const float *restrict cosine, const float *restrict sine, float *x) {
  float *lower = x, *upper = x + half;
#pragma clang loop vectorize(assume_safety)
  for (int64_t j = 0; j < half; j++) {
    const float c = cosine[j], s = sign * sine[j], x1 = lower[j], x2 = upper[j];
    lower[j] = x1 * c - x2 * s;
    upper[j] = x2 * c + x1 * s;
  }
}

/// The largest of x, −∞ for none.
LK_ALWAYS_INLINE float lk_max_body(int64_t n, const float *x) {
  if (n < 32) {
    float largest = -INFINITY;
    for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    return largest;
  }
  float lanes[32];
  for (int64_t j = 0; j < 32; j++) lanes[j] = x[j];
  // The last 32 may have been seen in part, which changes no maximum.
  for (int64_t i = 32; i < n; i += 32) {
    const float *next = x + (i + 32 <= n ? i : n - 32);
    for (int64_t j = 0; j < 32; j++) lanes[j] = next[j] > lanes[j] ? next[j] : lanes[j];
  }
#pragma clang loop unroll(full)
  for (int64_t width = 16; width > 0; width /= 2)
    for (int64_t j = 0; j < width; j++) lanes[j] = lanes[j + width] > lanes[j] ? lanes[j + width] : lanes[j];
  return lanes[0];
}

/// x = exp(scale · x − shift), returning the sum.
LK_ALWAYS_INLINE float lk_exp_sum_body(int64_t n, float scale, float shift, float *x) {
  LK_RELAXED
  // Four vectors at once: one alone waits for each step of the polynomial.
  float lanes[64] = {0};
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
#pragma clang loop vectorize(enable) interleave_count(4)
    for (int64_t j = 0; j < 64; j++) {
      const float e = lk_exp(x[i + j] * scale - shift);
      x[i + j] = e;
      lanes[j] += e;
    }
  }
  float sum = 0;
  if (i > 0)
    for (int64_t j = 0; j < 64; j++) sum += lanes[j];
  for (; i < n; i++) {
    const float e = lk_exp(x[i] * scale - shift);
    x[i] = e;
    sum += e;
  }
  return sum;
}

/// Σ exp(x − shift), leaving x as it is.
LK_ALWAYS_INLINE float lk_sum_exp_body(int64_t n, float shift, const float *x) {
  LK_RELAXED
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += lk_exp(x[i] - shift);
  return sum;
}

/// Σ exp(x − shift), and in `sum` Σ (x − shift), in one pass.
LK_ALWAYS_INLINE float lk_sum_exp_and_sum_body(int64_t n, float shift, const float *restrict x, float *restrict sum) {
  LK_RELAXED
  float exponentials = 0, values = 0;
  for (int64_t i = 0; i < n; i++) {
    exponentials += lk_exp(x[i] - shift);
    values += x[i] - shift;
  }
  *sum = values;
  return exponentials;
}

/// x = a · exp(x − shift)
LK_ALWAYS_INLINE void lk_scaled_exp_body(int64_t n, float a, float shift, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] = a * lk_exp(x[i] - shift);
}

/// x = (a · exp(x − shift) − b) · (1 − (x / cap)²), the gradient through x = cap · tanh(y / cap).
LK_ALWAYS_INLINE void lk_capped_scaled_exp_body(
    int64_t n, float a, float shift, float b, float cap, float *x) {
  const float inverse = 1.0f / cap;
  for (int64_t i = 0; i < n; i++) {
    const float t = inverse * x[i];
    x[i] = (a * lk_exp(x[i] - shift) - b) * (1.0f - t * t);
  }
}

/// x = a · exp(x − shift) − b
LK_ALWAYS_INLINE void lk_scaled_exp_minus_body(int64_t n, float a, float shift, float b, float *x) {
  for (int64_t i = 0; i < n; i++) x[i] = a * lk_exp(x[i] - shift) - b;
}

/// Σ x · y
LK_ALWAYS_INLINE float lk_dot_body(int64_t n, const float *restrict x, const float *restrict y) {
  LK_RELAXED
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/// y += a · x
LK_ALWAYS_INLINE void lk_axpy_body(int64_t n, float a, const float *restrict x, float *restrict y) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/// ds = p · (dp − delta) · scale, in place of dp; one row of the attention backward pass.
LK_ALWAYS_INLINE void lk_softmax_backward_body(int64_t n, float delta, float scale, const float *restrict p, float *restrict dp) {
  for (int64_t i = 0; i < n; i++) dp[i] = p[i] * (dp[i] - delta) * scale;
}

/// p = exp(cap · t − shift) in place of t = tanh(…), and ds = p · (dp − delta) · scale · (1 − t²) in place of dp; one
/// row of the backward pass of attention whose scores are capped.
LK_ALWAYS_INLINE void lk_capped_softmax_backward_body(
    int64_t n, float cap, float shift, float delta, float scale, float *restrict t, float *restrict dp) {
  for (int64_t i = 0; i < n; i++) {
    const float p = lk_exp(cap * t[i] - shift);
    dp[i] = p * (dp[i] - delta) * scale * (1.0f - t[i] * t[i]);
    t[i] = p;
  }
}

/// 32 well-mixed bits for element `index` of the row that `key` names (Wellons' lowbias32 around the key).
LK_ALWAYS_INLINE uint32_t lk_dropout_bits(uint64_t key, uint32_t index) {
  uint32_t h = (uint32_t)key + index * 0x9E3779B9u;
  h ^= h >> 16;
  h *= 0x21F0AAADu;
  h ^= (uint32_t)(key >> 32);
  h ^= h >> 15;
  h *= 0x735A2D97u;
  h ^= h >> 15;
  return h;
}

/// y = x · keep / (1 − p), where element i is kept when its bits are at or above `threshold` = p · 2³²; one row.
LK_ALWAYS_INLINE void lk_dropout_body(
    int64_t n, uint64_t key, uint32_t threshold, float scale, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] = lk_dropout_bits(key, (uint32_t)i) >= threshold ? x[i] * scale : 0.0f;
}

/// y += x · keep / (1 − p); one row.
LK_ALWAYS_INLINE void lk_dropout_add_body(
    int64_t n, uint64_t key, uint32_t threshold, float scale, const float *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += lk_dropout_bits(key, (uint32_t)i) >= threshold ? x[i] * scale : 0.0f;
}

/// One AdamW update (Loshchilov and Hutter 2019) in PyTorch's order of operations. The caller forms what depends on
/// the settings alone in double, as PyTorch does: 1 − 0.999f is 10⁻⁵ off 0.001.
LK_ALWAYS_INLINE void lk_adamw_body(
    int64_t n, float kept, float complement1, float beta2, float complement2, float epsilon, float step_size,
    float root_correction2, float gradient_scale, const float *restrict gradient, float *restrict m,
    float *restrict v, float *restrict parameter) {
  for (int64_t i = 0; i < n; i++) {
    const float g = gradient[i] * gradient_scale;
    const float mi = m[i] + complement1 * (g - m[i]);
    const float vi = v[i] * beta2 + complement2 * g * g;
    m[i] = mi;
    v[i] = vi;
    const float denominator = __builtin_elementwise_sqrt(vi) / root_correction2 + epsilon;
    parameter[i] = parameter[i] * kept - step_size * mi / denominator;
  }
}

/// y = x rounded to bf16, to the nearest and of two to the even one; NaN stays NaN.
LK_ALWAYS_INLINE void lk_narrow_bf16_body(int64_t n, const float *restrict x, uint16_t *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, 4);
    const uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    const uint32_t quiet = bits >> 16 | 0x40u;
    y[i] = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
  }
}

/// y = x, whose values are bf16.
LK_ALWAYS_INLINE void lk_widen_bf16_body(int64_t n, const uint16_t *restrict x, float *restrict y) {
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(y + i, &bits, 4);
  }
}

/// panel[k][j] = scale · rows[j][k] for `n` ≤ 32 rows of length `k`, missing rows as zero.
LK_ALWAYS_INLINE void lk_transpose_panel_body(
    int64_t k, int64_t n, const float *restrict a, int64_t lda, float scale, float *restrict panel) {
  for (int64_t p0 = 0; p0 < k; p0 += 16) {
    const int64_t p1 = p0 + 16 < k ? p0 + 16 : k;
    for (int64_t j = 0; j < n; j++)
      for (int64_t p = p0; p < p1; p++) panel[p * LK_PANEL + j] = scale * a[j * lda + p];
  }
  if (n < LK_PANEL)
    for (int64_t p = 0; p < k; p++)
      for (int64_t j = n; j < LK_PANEL; j++) panel[p * LK_PANEL + j] = 0.0f;
}

#define LK_COMPILE(RESULT, NAME, PARAMETERS, ARGUMENTS)                                              \
  static inline LK_AVX512 RESULT lk_##NAME##_avx512 PARAMETERS { return lk_##NAME##_body ARGUMENTS; } \
  static inline LK_AVX2 RESULT lk_##NAME##_avx2 PARAMETERS { return lk_##NAME##_body ARGUMENTS; }     \
  static inline RESULT lk_##NAME##_baseline PARAMETERS { return lk_##NAME##_body ARGUMENTS; }

LK_COMPILE(void, add, (int64_t n, const float *x, float *y), (n, x, y))
LK_COMPILE(void, subtract, (int64_t n, const float *x, float *y), (n, x, y))
LK_COMPILE(void, scale_columns, (int64_t n, const float *weight, const float *x, float *y), (n, weight, x, y))
LK_COMPILE(void, add_product, (int64_t n, const float *x, const float *y, float *sum), (n, x, y, sum))
LK_COMPILE(void, scale, (int64_t n, float a, const float *x, float *y), (n, a, x, y))
LK_COMPILE(float, rms_norm, (int64_t n, float epsilon, const float *x, const float *weight, float *y),
           (n, epsilon, x, weight, y))
LK_COMPILE(void, rms_norm_apply, (int64_t n, float rstd, const float *x, const float *weight, float *y),
           (n, rstd, x, weight, y))
LK_COMPILE(void, rms_norm_backward,
           (int64_t n, float rstd, const float *dy, const float *x, const float *weight, float *dx),
           (n, rstd, dy, x, weight, dx))
LK_COMPILE(void, swiglu, (int64_t n, const float *gate, const float *up, float *y), (n, gate, up, y))
LK_COMPILE(void, swiglu_backward,
           (int64_t n, const float *dy, const float *gate, const float *up, float *dgate, float *dup),
           (n, dy, gate, up, dgate, dup))
LK_COMPILE(void, geglu, (int64_t n, const float *gate, const float *up, float *y), (n, gate, up, y))
LK_COMPILE(void, geglu_backward,
           (int64_t n, const float *dy, const float *gate, const float *up, float *dgate, float *dup),
           (n, dy, gate, up, dgate, dup))
LK_COMPILE(void, soft_cap, (int64_t n, float a, float b, float *x), (n, a, b, x))
LK_COMPILE(void, capped_scaled_exp, (int64_t n, float a, float shift, float b, float cap, float *x),
           (n, a, shift, b, cap, x))
LK_COMPILE(void, capped_softmax_backward,
           (int64_t n, float cap, float shift, float delta, float scale, float *t, float *dp),
           (n, cap, shift, delta, scale, t, dp))
LK_COMPILE(void, rotate, (int64_t half, float sign, const float *cosine, const float *sine, float *x),
           (half, sign, cosine, sine, x))
LK_COMPILE(float, max, (int64_t n, const float *x), (n, x))
LK_COMPILE(float, exp_sum, (int64_t n, float scale, float shift, float *x), (n, scale, shift, x))
LK_COMPILE(float, sum_exp, (int64_t n, float shift, const float *x), (n, shift, x))
LK_COMPILE(float, sum_exp_and_sum, (int64_t n, float shift, const float *x, float *sum), (n, shift, x, sum))
LK_COMPILE(void, scaled_exp_minus, (int64_t n, float a, float shift, float b, float *x), (n, a, shift, b, x))
LK_COMPILE(void, scaled_exp, (int64_t n, float a, float shift, float *x), (n, a, shift, x))
LK_COMPILE(float, dot, (int64_t n, const float *x, const float *y), (n, x, y))
LK_COMPILE(void, axpy, (int64_t n, float a, const float *x, float *y), (n, a, x, y))
LK_COMPILE(void, softmax_backward, (int64_t n, float delta, float scale, const float *p, float *dp),
           (n, delta, scale, p, dp))
LK_COMPILE(void, dropout, (int64_t n, uint64_t key, uint32_t threshold, float scale, const float *x, float *y),
           (n, key, threshold, scale, x, y))
LK_COMPILE(void, dropout_add, (int64_t n, uint64_t key, uint32_t threshold, float scale, const float *x, float *y),
           (n, key, threshold, scale, x, y))
LK_COMPILE(void, adamw,
           (int64_t n, float kept, float complement1, float beta2, float complement2, float epsilon, float step_size,
            float root_correction2, float gradient_scale, const float *gradient, float *m, float *v, float *parameter),
           (n, kept, complement1, beta2, complement2, epsilon, step_size, root_correction2, gradient_scale, gradient,
            m, v, parameter))
LK_COMPILE(void, narrow_bf16, (int64_t n, const float *x, uint16_t *y), (n, x, y))
LK_COMPILE(void, widen_bf16, (int64_t n, const uint16_t *x, float *y), (n, x, y))
LK_COMPILE(void, transpose_panel, (int64_t k, int64_t n, const float *a, int64_t lda, float scale, float *panel),
           (k, n, a, lda, scale, panel))

#endif
