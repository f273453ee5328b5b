// Sixteen-bit products with AVX2, as int16_avx512.c: a multiply-add of pairs and an addition.
#if defined(__x86_64__)
#include <immintrin.h>

#include "int16.h"

#define CK_AVX2 __attribute__((target("avx,avx2,fma,f16c")))
#define CK_INLINE_AVX2 CK_INLINE CK_AVX2

/// Two vectors of 8 rows times 4 tokens.
enum { TOKENS = 4 };

CK_AVX2 void ck_i16_quantize_avx2(const float *x, size_t columns, int16_t *levels, float *scales) {
  for (size_t begin = 0; begin < columns; begin += CK_I16_SECTION) {
    const size_t end = ck_i16_section_end(begin, columns);
    const __m256i positive = _mm256_set1_epi32(0x7fffffff);
    __m256i most = _mm256_setzero_si256();
    size_t k = begin;
    for (; k + 8 <= end; k += 8) {
      const __m256i bits = _mm256_loadu_si256((const __m256i *)(x + k));
      most = _mm256_max_epu32(most, _mm256_and_si256(bits, positive));
    }
    uint32_t lanes[8], magnitude = 0;
    _mm256_storeu_si256((__m256i *)lanes, most);
    for (int i = 0; i < 8; i++) magnitude = lanes[i] > magnitude ? lanes[i] : magnitude;
    for (; k < end; k++) {
      const uint32_t m = ck_bits_from_float(x[k]) & 0x7fffffff;
      if (m > magnitude) magnitude = m;
    }
    float inverse;
    *scales++ = ck_i16_scale(magnitude, &inverse);
    if (inverse == 0) {
      memset(levels + begin, 0, (end - begin) * sizeof(int16_t));
      continue;
    }
    const __m256 factor = _mm256_set1_ps(inverse);
    for (k = begin; k + 8 <= end; k += 8) {
      const __m256i v = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + k), factor));
      const __m128i packed =
        _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
      _mm_storeu_si128((__m128i *)(levels + k), packed);
    }
    for (; k < end; k++) levels[k] = (int16_t)rintf(x[k] * inverse);
  }
  if (columns % 2) levels[columns] = 0;
}

/// 16 rows, of which `rows` are stored, times `tokens` (a constant) tokens of one section, added to
/// `out` or, in the first, to the bias.
CK_INLINE_AVX2 void tile(
  const int tokens, const int16_t *w, const float *w_scales, const int16_t *x, size_t x_stride,
  size_t pairs, const float *x_scales, size_t x_scales_stride, const float *bias, int first,
  float *out, size_t out_stride, size_t rows
) {
  __m256i sums[TOKENS][2];
  CK_UNROLL for (int t = 0; t < tokens; t++) sums[t][0] = sums[t][1] = _mm256_setzero_si256();
  for (size_t k = 0; k < pairs; k++, w += 2 * CK_I16_ROWS, x += 2) {
    const __m256i a = _mm256_loadu_si256((const __m256i *)w);
    const __m256i b = _mm256_loadu_si256((const __m256i *)(w + 16));
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m256i v = _mm256_set1_epi32((int)ck_load32(x + (size_t)t * x_stride));
      sums[t][0] = _mm256_add_epi32(sums[t][0], _mm256_madd_epi16(a, v));
      sums[t][1] = _mm256_add_epi32(sums[t][1], _mm256_madd_epi16(b, v));
    }
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const __m256 d = _mm256_set1_ps(x_scales[(size_t)t * x_scales_stride]);
    float *o = out + (size_t)t * out_stride;
    const float *start = first ? bias : o;
    float before[16] = {0}, after[16];
    if (start) memcpy(before, start, rows == 16 ? sizeof before : rows * sizeof(float));
    CK_UNROLL for (int i = 0; i < 2; i++) {
      const __m256 dot =
        _mm256_mul_ps(_mm256_cvtepi32_ps(sums[t][i]), _mm256_loadu_ps(w_scales + 8 * i));
      _mm256_storeu_ps(after + 8 * i, _mm256_fmadd_ps(dot, d, _mm256_loadu_ps(before + 8 * i)));
    }
    memcpy(o, after, rows == 16 ? sizeof after : rows * sizeof(float));
  }
}

#define CK_TARGET CK_AVX2
#define CK_I16_MULTIPLY ck_i16_multiply_avx2
#include "int16_halves.h"
#endif
