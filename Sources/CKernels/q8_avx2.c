// Quantised weights times int8 activations with AVX2; see q8_avx2_template.h.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx2
#define CK_TARGET __attribute__((target("avx,avx2,fma,f16c")))
#define VNNI 0
#include "q8_avx2_template.h"

CK_AVX2 static __m256i load_floats(const float *x, size_t left, size_t skip, __m256 *out) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int count = left <= skip ? 0 : left - skip >= 8 ? 8 : (int)(left - skip);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
  *out = count ? _mm256_maskload_ps(x + skip, mask) : _mm256_setzero_ps();
  return _mm256_and_si256(_mm256_castps_si256(*out), _mm256_set1_epi32(0x7fffffff));
}

CK_AVX2 static int32_t sum8(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

CK_AVX2 void ck_quantize_q8_avx2(const float *x, size_t columns, ck_q8_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    __m256 v[4];
    __m256i m = _mm256_setzero_si256();
    CK_UNROLL for (size_t i = 0; i < 4; i++) {
      m = _mm256_max_epu32(m, load_floats(x + start, left, 8 * i, &v[i]));
    }
    __m128i n = _mm_max_epu32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0x4e));
    n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0xb1));
    const uint32_t largest = (uint32_t)_mm_cvtsi128_si32(n);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q8_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m256 inverse = _mm256_set1_ps(127.0f / maximum);
    __m256i q[4];
    CK_UNROLL for (size_t i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
    const __m256i packed = _mm256_packs_epi16(
      _mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    _mm256_storeu_si256(
      (__m256i *)out->q,
      _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    const int32_t first = sum8(_mm256_add_epi32(q[0], q[1]));
    const int32_t sum = first + sum8(_mm256_add_epi32(q[2], q[3]));
    out->d = maximum / 127.0f;
    out->ds = out->d * (float)sum;
    out->n8 = -8 * sum;
    out->n8_low = -8 * first;
  }
}
#endif
