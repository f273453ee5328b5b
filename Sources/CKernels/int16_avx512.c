// Sixteen-bit products with AVX-512 VNNI: lanes are rows, so that sums need no shuffling at the end.
#if defined(__x86_64__)
#include <immintrin.h>

#include "int16.h"

#define CK_AVX512 \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define CK_INLINE_AVX512 CK_INLINE CK_AVX512

/// Two vectors of rows times 12 tokens: 24 sums, two weights and a pair of activations in registers.
enum { TOKENS = 12 };

CK_AVX512 void ck_i16_quantize_avx512(
  const float *x, size_t columns, int16_t *levels, float *scales
) {
  for (size_t begin = 0; begin < columns; begin += CK_I16_SECTION) {
    const size_t end = ck_i16_section_end(begin, columns);
    const __m512i positive = _mm512_set1_epi32(0x7fffffff);
    __m512i most = _mm512_setzero_si512();
    for (size_t k = begin; k < end; k += 16) {
      const __mmask16 mask = end - k < 16 ? (__mmask16)((1u << (end - k)) - 1) : 0xffff;
      const __m512i bits = _mm512_maskz_loadu_epi32(mask, x + k);
      most = _mm512_max_epu32(most, _mm512_and_si512(bits, positive));
    }
    float inverse;
    *scales++ = ck_i16_scale(_mm512_reduce_max_epu32(most), &inverse);
    if (inverse == 0) {
      memset(levels + begin, 0, (end - begin) * sizeof(int16_t));
      continue;
    }
    const __m512 factor = _mm512_set1_ps(inverse);
    size_t k = begin;
    for (; k + 16 <= end; k += 16) {
      const __m512i v = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + k), factor));
      _mm256_storeu_si256((__m256i *)(levels + k), _mm512_cvtepi32_epi16(v));
    }
    for (; k < end; k++) levels[k] = (int16_t)rintf(x[k] * inverse);
  }
  if (columns % 2) levels[columns] = 0;
}

/// 32 rows times `tokens` (a constant) tokens of one section, added to `out` or, in the first, to the
/// bias.
CK_INLINE_AVX512 void tile(
  const int tokens, const int16_t *w, const float *w_scales, const int16_t *x, size_t x_stride,
  size_t pairs, const float *x_scales, size_t x_scales_stride, __m512 bias0, __m512 bias1,
  int first, float *out, size_t out_stride, __mmask16 mask0, __mmask16 mask1
) {
  __m512i sums[TOKENS][2];
  CK_UNROLL for (int t = 0; t < tokens; t++) sums[t][0] = sums[t][1] = _mm512_setzero_si512();
  for (size_t k = 0; k < pairs; k++, w += 2 * CK_I16_ROWS, x += 2) {
    const __m512i a = _mm512_loadu_si512(w), b = _mm512_loadu_si512(w + CK_I16_ROWS);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m512i v = _mm512_set1_epi32((int)ck_load32(x + (size_t)t * x_stride));
      sums[t][0] = _mm512_dpwssd_epi32(sums[t][0], a, v);
      sums[t][1] = _mm512_dpwssd_epi32(sums[t][1], b, v);
    }
  }
  const __m512 scale0 = _mm512_loadu_ps(w_scales), scale1 = _mm512_loadu_ps(w_scales + 16);
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const __m512 d = _mm512_set1_ps(x_scales[(size_t)t * x_scales_stride]);
    float *o = out + (size_t)t * out_stride;
    const __m512 before0 = first ? bias0 : _mm512_maskz_loadu_ps(mask0, o);
    const __m512 before1 = first ? bias1 : _mm512_maskz_loadu_ps(mask1, o + 16);
    const __m512 dot0 = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[t][0]), scale0);
    const __m512 dot1 = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[t][1]), scale1);
    _mm512_mask_storeu_ps(o, mask0, _mm512_fmadd_ps(dot0, d, before0));
    _mm512_mask_storeu_ps(o + 16, mask1, _mm512_fmadd_ps(dot1, d, before1));
  }
}

#define CASE(n)                                                                                   \
  case n:                                                                                         \
    tile(                                                                                         \
      n, ws, scales + s * CK_I16_ROWS, x, stride, pairs, p->x_scales + t * sections + s, sections, \
      bias0, bias1, s == 0, out + t * p->out_stride, p->out_stride, mask0, mask1);                \
    break;

/// The weights of a section stay in the first-level cache while the tokens pass by.
CK_AVX512 void ck_i16_multiply_avx512(
  const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end
) {
  const size_t stride = ck_i16_stride(p->columns), sections = ck_i16_sections(p->columns);
  for (; panel < panel_end; panel++) {
    const size_t row = panel * CK_I16_ROWS;
    const size_t rows = p->rows - row < CK_I16_ROWS ? p->rows - row : CK_I16_ROWS;
    const uint32_t stored = rows == 32 ? 0xffffffff : (1u << rows) - 1;
    const __mmask16 mask0 = (__mmask16)stored, mask1 = (__mmask16)(stored >> 16);
    const __m512 none = _mm512_setzero_ps();
    const __m512 bias0 = p->bias ? _mm512_maskz_loadu_ps(mask0, p->bias + row) : none;
    const __m512 bias1 = p->bias ? _mm512_maskz_loadu_ps(mask1, p->bias + row + 16) : none;
    const float *scales = p->weight_scales + row * sections;
    float *out = p->out + row;
    for (size_t s = 0; s < sections; s++) {
      const size_t begin = s * CK_I16_SECTION;
      const size_t pairs = (ck_i16_section_end(begin, p->columns) - begin + 1) / 2;
      const int16_t *ws = p->weights + row * stride + begin * CK_I16_ROWS;
      for (size_t t = token; t < token_end;) {
        const size_t left = token_end - t;
        const int16_t *x = p->x + t * stride + begin;
        // Twelve at a time; a remainder of up to twenty in two halves rather than as 12 and a few.
        const size_t now = left >= 24 || left == TOKENS ? TOKENS
          : left > TOKENS ? (left + 1) / 2 : left;
        switch (now) {
          CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
          CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
        }
        t += now;
      }
    }
  }
}
#endif
