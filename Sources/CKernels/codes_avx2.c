// Scans of byte codes with AVX2.
#if defined(__x86_64__)
#define CODES_TARGET __attribute__((target("avx,avx2,fma")))
#define CODES_SCAN ck_scan_codes_avx2
// vpmaddubsw would saturate at 16 bits: odd and even columns are widened instead.
#define CODES_ADD(sums, codes, values)                                                               \
  sums = _mm256_add_epi32(                                                                           \
    sums,                                                                                            \
    _mm256_add_epi32(                                                                                \
      _mm256_madd_epi16(_mm256_and_si256(codes, _mm256_set1_epi16(0xff)),                            \
                        _mm256_srai_epi16(_mm256_slli_epi16(values, 8), 8)),                         \
      _mm256_madd_epi16(_mm256_srli_epi16(codes, 8), _mm256_srai_epi16(values, 8))))
#include "codes_avx2.h"
#endif
