// Scans of byte codes and double-precision products with AVX2.
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

CODES_TARGET double ck_dot_f64_avx2(const float *a, const float *b, size_t n) {
  __m256d sums[4];
  for (int k = 0; k < 4; k++) sums[k] = _mm256_setzero_pd();
  for (size_t i = 0; i < n; i += 16) {
    float x[16] = {0}, y[16] = {0};
    const float *p = a + i, *q = b + i;
    if (n - i < 16) {
      __builtin_memcpy(x, p, (n - i) * 4), p = x;
      __builtin_memcpy(y, q, (n - i) * 4), q = y;
    }
    for (int k = 0; k < 4; k++)
      sums[k] = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(p + 4 * k)),
                                _mm256_cvtps_pd(_mm_loadu_ps(q + 4 * k)), sums[k]);
  }
  const __m256d four =
    _mm256_add_pd(_mm256_add_pd(sums[0], sums[2]), _mm256_add_pd(sums[1], sums[3]));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
#endif
