// Products of bytes with 256-bit vectors, as int8_avx512.c. Included by int8_avx2.c and int8_avxvnni.c,
// which define CK_TARGET, CK_I8_MULTIPLY, CK_TOKENS and, where there is such an instruction, CK_DOT: sums +
// products of four bytes each, those of the first factor unsigned.
#include <immintrin.h>

#include "int8.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET

/// Eight rows of weights, ready to be multiplied.
typedef struct {
#ifdef CK_DOT
  __m256i with_offset;
#else
  __m256i signs, sizes;
#endif
} weights;

CK_INLINE_TARGET weights load_weights(const int8_t *p) {
  const __m256i w = _mm256_loadu_si256((const __m256i *)p);
#ifdef CK_DOT
  return (weights){_mm256_xor_si256(w, _mm256_set1_epi8(-128))};
#else
  return (weights){w, _mm256_abs_epi8(w)};
#endif
}

/// Without CK_DOT the signs of the weights go to the activations: two products of at most 127 * 127
/// fit 16 bits.
CK_INLINE_TARGET __m256i add_products(__m256i sums, weights w, __m256i x) {
#ifdef CK_DOT
  return CK_DOT(sums, w.with_offset, x);
#else
  const __m256i pairs = _mm256_maddubs_epi16(w.sizes, _mm256_sign_epi8(x, w.signs));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

/// 16 rows, of which `rows` are stored, times `tokens` (a constant) tokens of one section, added to
/// `out` or, in the first, to the bias.
CK_INLINE_TARGET void tile(
  const int tokens, const int8_t *w, const float *w_scales, const int8_t *x, size_t x_stride,
  size_t words, const ck_i8_facts *facts, size_t facts_stride, const float *bias, int first,
  float *out, size_t out_stride, size_t rows
) {
  __m256i sums[CK_TOKENS][2];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
#ifdef CK_DOT
    sums[t][0] = sums[t][1] = _mm256_set1_epi32(facts[(size_t)t * facts_stride].n128);
#else
    sums[t][0] = sums[t][1] = _mm256_setzero_si256();
#endif
  }
  for (size_t k = 0; k < words; k++, w += 4 * CK_I8_ROWS, x += 4) {
    const weights a = load_weights(w), b = load_weights(w + 32);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m256i v = _mm256_set1_epi32((int)ck_load32(x + (size_t)t * x_stride));
      sums[t][0] = add_products(sums[t][0], a, v);
      sums[t][1] = add_products(sums[t][1], b, v);
    }
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const __m256 d = _mm256_set1_ps(facts[(size_t)t * facts_stride].scale);
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

#include "int8_halves.h"
