// Quantised weights times int8 activations in 256-bit vectors with AVX-512 VL and VNNI: q8_0 has so
// many bytes a row that 16 rows at a time overflow the first-level cache; 8 do not.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx512vl
#define CK_TARGET \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"), unused))
#define VNNI 1
#define CK_FEW_TOKENS_ONLY
#define CK_DPBUSD _mm256_dpbusd_epi32
#include "q8_avx2_template.h"

void ck_few_tokens_q8_0_avx512vl(const ck_product *p, size_t begin, size_t end) {
  ck_gemv_q8_0_q8_avx512vl(p, begin, end);
}
#endif
