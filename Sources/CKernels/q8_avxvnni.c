// Quantised weights times int8 and int16 activations with AVX2 and AVX-VNNI; see q8_kernels.h.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avxvnni
#define CK_TARGET __attribute__((target("avx,avx2,fma,f16c,avxvnni")))
#define SIGNED_LEVELS 0
#define CK_DOT _mm256_dpbusd_avx_epi32
#include "q8_vector256.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"
#endif
