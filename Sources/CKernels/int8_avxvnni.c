// Products of bytes with AVX2 and AVX-VNNI.
#if defined(__x86_64__)
#define CK_TARGET __attribute__((target("avx,avx2,fma,f16c,avxvnni")))
#define CK_I8_MULTIPLY ck_i8_multiply_avxvnni
#define CK_TOKENS 6
#define CK_DOT _mm256_dpbusd_avx_epi32
#include "int8_vector256.h"
#endif
