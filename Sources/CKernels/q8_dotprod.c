// Quantised weights times int8 and int16 activations with NEON and sdot (FEAT_DotProd); see
// q8_kernels.h.
#if defined(__aarch64__)
#define SUFFIX(name) name##_dotprod
#define CK_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define NEON_SDOT
#include "q8_vector128.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"
#endif
