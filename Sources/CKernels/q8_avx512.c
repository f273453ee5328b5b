// Quantised weights times int8 and int16 activations with AVX-512 VNNI; see q8_kernels.h.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx512
#define CK_TARGET \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define SIGNED_LEVELS 0
#define CK_DOT _mm512_dpbusd_epi32
#include "q8_vector512.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"

/// Up to 32 activations as two vectors; returns the bits of the largest |x|.
CK_INLINE_TARGET uint32_t load_block(const float *x, size_t left, __m512 *a, __m512 *b) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  const __mmask16 low = (__mmask16)(left >= 16 ? 0xffff : (1u << left) - 1);
  const __mmask16 high =
    (__mmask16)(left >= 32 ? 0xffff : left > 16 ? (1u << (left - 16)) - 1 : 0);
  *a = _mm512_maskz_loadu_ps(low, x);
  *b = _mm512_maskz_loadu_ps(high, x + 16);
  return _mm512_reduce_max_epu32(_mm512_max_epu32(
    _mm512_and_si512(_mm512_castps_si512(*a), magnitude),
    _mm512_and_si512(_mm512_castps_si512(*b), magnitude)));
}

CK_INLINE_TARGET void store_sums(__m512i a, __m512i b, float d, ck_q8_block *out) {
  const int32_t first = _mm512_reduce_add_epi32(a);
  const int32_t sum = first + _mm512_reduce_add_epi32(b);
  out->d = d;
  out->ds = d * (float)sum;
  out->n8 = -8 * sum;
  out->n8_low = -8 * first;
}

CK_INLINE_TARGET void store_bytes(int8_t *q, __m512i a, __m512i b) {
  _mm_storeu_si128((__m128i *)q, _mm512_cvtepi32_epi8(a));
  _mm_storeu_si128((__m128i *)(q + 16), _mm512_cvtepi32_epi8(b));
}

CK_TARGET void ck_quantize_q8_avx512(const float *x, size_t columns, ck_q8_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    __m512 a, b;
    const uint32_t largest = load_block(x + start, left, &a, &b);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q8_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m512 inverse = _mm512_set1_ps(127.0f / maximum);
    const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
    const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
    store_bytes(out->q, qa, qb);
    store_sums(qa, qb, maximum / 127.0f, out);
  }
}

/// Splits values into high and low bytes, and leaves 256 * high + low.
CK_INLINE_TARGET void split(__m512i *v, __m512i *high, __m512i *low) {
  *high = _mm512_srai_epi32(_mm512_add_epi32(*v, _mm512_set1_epi32(128)), 8);
  const __m512i whole = _mm512_slli_epi32(*high, 8);
  *low = _mm512_max_epi32(_mm512_sub_epi32(*v, whole), _mm512_set1_epi32(-127));
  *v = _mm512_add_epi32(whole, *low);
}

CK_TARGET void ck_quantize_q16_avx512(const float *x, size_t columns, ck_q16_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    __m512 a, b;
    const uint32_t largest = load_block(x + start, left, &a, &b);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q16_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m512 inverse = _mm512_set1_ps(32512.0f / maximum);
    __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
    __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
    __m512i ha, hb, la, lb;
    split(&qa, &ha, &la);
    split(&qb, &hb, &lb);
    store_bytes(out->high.q, ha, hb);
    store_bytes(out->low, la, lb);
    store_sums(qa, qb, maximum / 32512.0f, &out->high);
    out->has_low = 1;
  }
}
#endif
