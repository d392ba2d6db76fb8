#ifndef LORIKEET_MATRIX_VECTOR_H
#define LORIKEET_MATRIX_VECTOR_H

// Products of stored rows with one to four vectors, for decoding:
//
//     output[i · outputStride + j] = Σ_k W[rows[j]][k] · input[i · inputStride + k]      0 ≤ i < inputs ≤ 4
//
// With so few vectors a product takes as long as reading the weights, so they are read once, from the bytes they are
// stored in to a register, and never written down as floats. A decoded register is multiplied with every vector.
//
// The weights are bit for bit those of quantization.h. A sum has sixteen lanes, lane l adding columns l, 16 + l,
// 32 + l, … in that order, and ends with the lanes added in halves: nothing depends on how many vectors or rows are
// computed together. With fused multiply-add where there is one, so the paths differ in the last bits.

#include "quantization.h"

/// Most vectors that are multiplied in one pass over the weights.
#define LK_VECTORS 4

/// Bytes between what is multiplied and what is asked for from memory. Several rows read side by side, in pages of
/// 4 KiB, are more than prefetchers follow: without this, Q4_1 came at 20 thousand million weights a second and core
/// where it comes at 33 with it, and Q8_0 at 7 where it comes at 30 (a Zen 5 with its weights in no cache; 2 KiB were
/// too few, 32 KiB too many). An address beyond the weights does no harm.
#define LK_AHEAD 8192

typedef float lk_f32x4 __attribute__((vector_size(16)));

#pragma clang diagnostic push
// As in quantization.h: vectors of 16 only pass between functions that are always inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define LK_PATH(name) name##_portable
#define LK_TARGET
#define LK_VECTOR_BITS 128
#include "matrix_vector_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS

#if defined(__x86_64__)
#define LK_PATH(name) name##_avx2
#define LK_TARGET __attribute__((target("avx2,fma,f16c")))
#define LK_VECTOR_BITS 256
#include "matrix_vector_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS

#define LK_PATH(name) name##_avx512
#define LK_TARGET __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#define LK_VECTOR_BITS 512
#include "matrix_vector_loops.h"
#undef LK_PATH
#undef LK_TARGET
#undef LK_VECTOR_BITS
#endif

#pragma clang diagnostic pop

#endif
