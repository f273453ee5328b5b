// Quantised weights times int8 and int16 activations with NEON, sdot and, for many tokens, smmla
// (FEAT_I8MM); see q8_kernels.h and q8_mmla.h.
#if defined(__aarch64__)
#define SUFFIX(name) name##_i8mm
#define CK_TARGET __attribute__((target("arch=armv8.2-a+dotprod+i8mm")))
#define NEON_SDOT
#define NEON_MMLA
#include "q8_vector128.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"
#endif
