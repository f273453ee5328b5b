// Products of bytes with AVX2.
#if defined(__x86_64__)
#define CK_TARGET __attribute__((target("avx,avx2,fma,f16c")))
#define CK_I8_MULTIPLY ck_i8_multiply_avx2
#define CK_TOKENS 4
#include "int8_vector256.h"
#endif
