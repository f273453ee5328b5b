// Products of bytes with AVX-512 VNNI: lanes are rows, so that sums need no shuffling at the end.
#if defined(__x86_64__)
#include <immintrin.h>

#include "int8.h"

#define CK_AVX512 \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define CK_INLINE_AVX512 CK_INLINE CK_AVX512

/// Two vectors of rows times 12 tokens: 24 sums, two weights and four activations in registers.
enum { TOKENS = 12 };

/// 32 rows times `tokens` (a constant) tokens of one section, added to `out` or, in the first, to the
/// bias.
CK_INLINE_AVX512 void tile(
  const int tokens, const int8_t *w, const float *w_scales, const int8_t *x, size_t x_stride,
  size_t words, const ck_i8_facts *facts, size_t facts_stride, __m512 bias0, __m512 bias1,
  int first, float *out, size_t out_stride, __mmask16 mask0, __mmask16 mask1
) {
  // One factor of vpdpbusd is unsigned: weights with 128 added.
  const __m512i offset = _mm512_set1_epi8(-128);
  __m512i sums[TOKENS][2];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    sums[t][0] = sums[t][1] = _mm512_set1_epi32(facts[(size_t)t * facts_stride].n128);
  }
  for (size_t k = 0; k < words; k++, w += 4 * CK_I8_ROWS, x += 4) {
    const __m512i a = _mm512_xor_si512(_mm512_loadu_si512(w), offset);
    const __m512i b = _mm512_xor_si512(_mm512_loadu_si512(w + 2 * CK_I8_ROWS), offset);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m512i v = _mm512_set1_epi32((int)ck_load32(x + (size_t)t * x_stride));
      sums[t][0] = _mm512_dpbusd_epi32(sums[t][0], a, v);
      sums[t][1] = _mm512_dpbusd_epi32(sums[t][1], b, v);
    }
  }
  const __m512 scale0 = _mm512_loadu_ps(w_scales), scale1 = _mm512_loadu_ps(w_scales + 16);
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const __m512 d = _mm512_set1_ps(facts[(size_t)t * facts_stride].scale);
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
      n, ws, scales + s * CK_I8_ROWS, x, stride, words, p->x_facts + t * sections + s, sections,  \
      bias0, bias1, s == 0 && !p->adds, out + t * p->out_stride, p->out_stride, mask0, mask1);                \
    break;

/// The weights of a section stay in the first-level cache while the tokens pass by.
CK_AVX512 void ck_i8_multiply_avx512(
  const ck_i8_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end
) {
  const size_t stride = ck_i8_stride(p->columns), sections = ck_i8_sections(p->columns);
  for (; panel < panel_end; panel++) {
    const size_t row = panel * CK_I8_ROWS;
    const size_t rows = p->rows - row < CK_I8_ROWS ? p->rows - row : CK_I8_ROWS;
    const uint32_t stored = rows == 32 ? 0xffffffff : (1u << rows) - 1;
    const __mmask16 mask0 = (__mmask16)stored, mask1 = (__mmask16)(stored >> 16);
    const __m512 none = _mm512_setzero_ps();
    const __m512 bias0 = p->bias ? _mm512_maskz_loadu_ps(mask0, p->bias + row) : none;
    const __m512 bias1 = p->bias ? _mm512_maskz_loadu_ps(mask1, p->bias + row + 16) : none;
    const float *scales = p->weight_scales + row * sections;
    float *out = p->out + row;
    for (size_t s = 0; s < sections; s++) {
      const size_t begin = s * CK_I8_SECTION;
      const size_t words = (ck_i8_section_end(begin, p->columns) - begin + 3) / 4;
      const int8_t *ws = p->weights + row * stride + begin * CK_I8_ROWS;
      for (size_t t = token; t < token_end;) {
        const size_t left = token_end - t;
        const int8_t *x = p->x + t * stride + begin;
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
