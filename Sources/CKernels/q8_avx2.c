// Quantised weights times int8 and int16 activations with AVX2; see q8_kernels.h.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx2
#define CK_TARGET __attribute__((target("avx,avx2,fma,f16c")))
#define SIGNED_LEVELS 1
#include "q8_vector256.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"

CK_INLINE_TARGET __m256i load_floats(const float *x, size_t left, size_t skip, __m256 *out) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int count = left <= skip ? 0 : left - skip >= 8 ? 8 : (int)(left - skip);
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane);
  *out = count ? _mm256_maskload_ps(x + skip, mask) : _mm256_setzero_ps();
  return _mm256_and_si256(_mm256_castps_si256(*out), _mm256_set1_epi32(0x7fffffff));
}

/// Up to 32 activations as four vectors; returns the bits of the largest |x|.
CK_INLINE_TARGET uint32_t load_block(const float *x, size_t left, __m256 v[4]) {
  __m256i m = _mm256_setzero_si256();
  CK_UNROLL for (size_t i = 0; i < 4; i++) {
    m = _mm256_max_epu32(m, load_floats(x, left, 8 * i, &v[i]));
  }
  __m128i n = _mm_max_epu32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0x4e));
  n = _mm_max_epu32(n, _mm_shuffle_epi32(n, 0xb1));
  return (uint32_t)_mm_cvtsi128_si32(n);
}

CK_INLINE_TARGET int32_t sum8(__m256i v) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

CK_INLINE_TARGET void store_sums(const __m256i q[4], float d, ck_q8_block *out) {
  const int32_t first = sum8(_mm256_add_epi32(q[0], q[1]));
  const int32_t sum = first + sum8(_mm256_add_epi32(q[2], q[3]));
  out->d = d;
  out->ds = d * (float)sum;
  out->n8 = -8 * sum;
  out->n8_low = -8 * first;
}

CK_INLINE_TARGET void store_bytes(int8_t *out, const __m256i q[4]) {
  const __m256i packed = _mm256_packs_epi16(
    _mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  _mm256_storeu_si256(
    (__m256i *)out,
    _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

CK_TARGET void ck_quantize_q8_avx2(const float *x, size_t columns, ck_q8_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    __m256 v[4];
    const uint32_t largest = load_block(x + start, left, v);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q8_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m256 inverse = _mm256_set1_ps(127.0f / maximum);
    __m256i q[4];
    CK_UNROLL for (size_t i = 0; i < 4; i++) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
    store_bytes(out->q, q);
    store_sums(q, maximum / 127.0f, out);
  }
}

CK_TARGET void ck_quantize_q16_avx2(const float *x, size_t columns, ck_q16_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    __m256 v[4];
    const uint32_t largest = load_block(x + start, left, v);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q16_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m256 inverse = _mm256_set1_ps(32512.0f / maximum);
    __m256i q[4], high[4], low[4];
    CK_UNROLL for (size_t i = 0; i < 4; i++) {
      q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
      high[i] = _mm256_srai_epi32(_mm256_add_epi32(q[i], _mm256_set1_epi32(128)), 8);
      const __m256i whole = _mm256_slli_epi32(high[i], 8);
      low[i] = _mm256_max_epi32(_mm256_sub_epi32(q[i], whole), _mm256_set1_epi32(-127));
      q[i] = _mm256_add_epi32(whole, low[i]);
    }
    store_bytes(out->high.q, high);
    store_bytes(out->low, low);
    store_sums(q, maximum / 32512.0f, &out->high);
    out->has_low = 1;
  }
}
#endif
