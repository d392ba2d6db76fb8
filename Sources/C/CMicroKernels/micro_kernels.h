#ifndef LORIKEET_MICRO_KERNELS_H
#define LORIKEET_MICRO_KERNELS_H

// The loops that need instructions Swift cannot name. Every function here is `static inline` with its own
// `target` attribute, so one binary carries every path and Swift picks one at run time. Nothing here allocates,
// branches on the CPU, or knows about layers.

#include "allocator.h"
#include "cpu_features.h"
#include "elementwise.h"
#include "encoder.h"
#include "gemm.h"
#include "integer_gemm.h"
#include "matrix_vector.h"
#include "quantization.h"

#endif
