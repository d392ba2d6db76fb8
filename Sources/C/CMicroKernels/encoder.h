#ifndef LORIKEET_ENCODER_H
#define LORIKEET_ENCODER_H

#include "elementwise.h"

// What a BERT encoder needs beside a decoder's loops; forward only, compiled for each path as in `elementwise.h`.

/// y = (x − mean(x)) / √(var(x) + ε) · weight + bias; one row, y may be x.
LK_ALWAYS_INLINE void lk_layer_norm_body(
    int64_t n, float epsilon, const float *x, const float *restrict weight, const float *restrict bias, float *y) {
  LK_RELAXED
  float sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  const float mean = sum / (float)n;
  float squares = 0;
  for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
  const float rstd = 1.0f / __builtin_elementwise_sqrt(squares / (float)n + epsilon);
#pragma clang loop vectorize(assume_safety)
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rstd * weight[i] + bias[i];
}

/// x = gelu(x + bias), gelu(x) = ½·x·(1 + erf(x / √2)); erf to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
LK_ALWAYS_INLINE void lk_biased_gelu_body(int64_t n, const float *restrict bias, float *restrict x) {
#pragma clang fp contract(fast)
  for (int64_t i = 0; i < n; i++) {
    const float v = x[i] + bias[i];
    const float z = __builtin_fabsf(v) * 0.70710678118654752f;
    const float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    const float erf = 1.0f - p * t * lk_exp(-z * z);
    x[i] = 0.5f * v * (1.0f + __builtin_copysignf(erf, v));
  }
}

LK_COMPILE(void, layer_norm,
           (int64_t n, float epsilon, const float *x, const float *weight, const float *bias, float *y),
           (n, epsilon, x, weight, bias, y))
LK_COMPILE(void, biased_gelu, (int64_t n, const float *bias, float *x), (n, bias, x))

#endif
