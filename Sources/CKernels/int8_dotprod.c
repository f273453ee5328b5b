// Products of bytes with NEON and sdot (FEAT_DotProd).
#if defined(__aarch64__)
#define CK_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define CK_I8_MULTIPLY ck_i8_multiply_dotprod
#define NEON_SDOT
#include "int8_vector128.h"
#endif
