// Products of bytes with NEON, as int8_avx512.c. Included by int8_neon.c and int8_dotprod.c, which
// define CK_TARGET, CK_I8_MULTIPLY and, with sdot, NEON_SDOT.
#include <arm_neon.h>

#include "int8.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET
/// Four vectors of 4 rows times 4 tokens.
#define CK_TOKENS 4

/// Without sdot: two products of at most 127 * 127 fit 16 bits.
CK_INLINE_TARGET int32x4_t add_products(int32x4_t sums, int8x16_t w, int8x16_t x) {
#ifdef NEON_SDOT
  return vdotq_s32(sums, w, x);
#else
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  return vpadalq_s16(sums, vpaddq_s16(low, high));
#endif
}

/// 16 rows, of which `rows` are stored, times `tokens` (a constant) tokens of one section, added to
/// `out` or, in the first, to the bias.
CK_INLINE_TARGET void tile(
  const int tokens, const int8_t *w, const float *w_scales, const int8_t *x, size_t x_stride,
  size_t words, const ck_i8_facts *facts, size_t facts_stride, const float *bias, int first,
  float *out, size_t out_stride, size_t rows
) {
  int32x4_t sums[CK_TOKENS][4];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    CK_UNROLL for (int i = 0; i < 4; i++) sums[t][i] = vdupq_n_s32(0);
  }
  for (size_t k = 0; k < words; k++, w += 4 * CK_I8_ROWS, x += 4) {
    int8x16_t lines[4];
    CK_UNROLL for (int i = 0; i < 4; i++) lines[i] = vld1q_s8(w + 16 * i);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const int8x16_t v =
        vreinterpretq_s8_u32(vdupq_n_u32(ck_load32(x + (size_t)t * x_stride)));
      CK_UNROLL for (int i = 0; i < 4; i++) sums[t][i] = add_products(sums[t][i], lines[i], v);
    }
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const float d = facts[(size_t)t * facts_stride].scale;
    float *o = out + (size_t)t * out_stride;
    const float *start = first ? bias : o;
    float before[16] = {0}, after[16];
    if (start) memcpy(before, start, rows == 16 ? sizeof before : rows * sizeof(float));
    CK_UNROLL for (int i = 0; i < 4; i++) {
      const float32x4_t dot = vmulq_f32(vcvtq_f32_s32(sums[t][i]), vld1q_f32(w_scales + 4 * i));
      vst1q_f32(after + 4 * i, vfmaq_f32(vld1q_f32(before + 4 * i), dot, vdupq_n_f32(d)));
    }
    memcpy(o, after, rows == 16 ? sizeof after : rows * sizeof(float));
  }
}

#include "int8_halves.h"
