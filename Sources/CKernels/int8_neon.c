// Products of bytes with NEON.
#if defined(__aarch64__)
#define CK_TARGET
#define CK_I8_MULTIPLY ck_i8_multiply_neon
#include "int8_vector128.h"
#endif
