// Sixteen-bit products with NEON, as int16_avx2.c: lanes are rows, and the pairs of columns are taken
// apart when weights are loaded.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "int16.h"

/// Four vectors of 4 rows times 4 tokens.
enum { TOKENS = 4 };

void ck_i16_quantize_neon(const float *x, size_t columns, int16_t *levels, float *scales) {
  for (size_t begin = 0; begin < columns; begin += CK_I16_SECTION) {
    const size_t end = ck_i16_section_end(begin, columns);
    uint32x4_t most = vdupq_n_u32(0);
    size_t k = begin;
    for (; k + 4 <= end; k += 4) {
      most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + k))));
    }
    uint32_t magnitude = vmaxvq_u32(most);
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
    for (k = begin; k + 4 <= end; k += 4) {
      const int32x4_t v = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + k), inverse));
      vst1_s16(levels + k, vmovn_s32(v));
    }
    for (; k < end; k++) levels[k] = (int16_t)rintf(x[k] * inverse);
  }
  if (columns % 2) levels[columns] = 0;
}

/// One column of 16 rows (in a and b) times element `i` of x, added to four vectors of sums.
#define ADD_COLUMN(sums, a, b, x, i)                                 \
  sums[0] = vmlal_laneq_s16(sums[0], vget_low_s16(a), x, i);         \
  sums[1] = vmlal_high_laneq_s16(sums[1], a, x, i);                  \
  sums[2] = vmlal_laneq_s16(sums[2], vget_low_s16(b), x, i);         \
  sums[3] = vmlal_high_laneq_s16(sums[3], b, x, i);

/// Pair `i` (a literal) of four: columns 2i and 2i + 1 times elements 2i and 2i + 1 of levels[token].
#define ADD_PAIR(i)                                                                    \
  do {                                                                                 \
    const int16x8x2_t a = vld2q_s16(w + 2 * (i) * CK_I16_ROWS);                        \
    const int16x8x2_t b = vld2q_s16(w + 2 * (i) * CK_I16_ROWS + 16);                   \
    CK_UNROLL for (int t = 0; t < tokens; t++) {                                       \
      ADD_COLUMN(sums[t], a.val[0], b.val[0], levels[t], 2 * (i))                      \
      ADD_COLUMN(sums[t], a.val[1], b.val[1], levels[t], 2 * (i) + 1)                  \
    }                                                                                  \
  } while (0)

/// 16 rows, of which `rows` are stored, times `tokens` (a constant) tokens of one section, added to
/// `out` or, in the first, to the bias.
CK_INLINE void tile(
  const int tokens, const int16_t *w, const float *w_scales, const int16_t *x, size_t x_stride,
  size_t pairs, const float *x_scales, size_t x_scales_stride, const float *bias, int first,
  float *out, size_t out_stride, size_t rows
) {
  int32x4_t sums[TOKENS][4];
  int16x8_t levels[TOKENS];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    CK_UNROLL for (int i = 0; i < 4; i++) sums[t][i] = vdupq_n_s32(0);
  }
  size_t k = 0;
  for (; k + 4 <= pairs; k += 4, w += 8 * CK_I16_ROWS, x += 8) {
    CK_UNROLL for (int t = 0; t < tokens; t++) levels[t] = vld1q_s16(x + (size_t)t * x_stride);
    ADD_PAIR(0);
    ADD_PAIR(1);
    ADD_PAIR(2);
    ADD_PAIR(3);
  }
  for (; k < pairs; k++, w += 2 * CK_I16_ROWS, x += 2) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      levels[t] =
        vreinterpretq_s16_s32(vdupq_n_s32((int32_t)ck_load32(x + (size_t)t * x_stride)));
    }
    ADD_PAIR(0);
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const float d = x_scales[(size_t)t * x_scales_stride];
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

#define CK_TARGET
#define CK_I16_MULTIPLY ck_i16_multiply_neon
#include "int16_halves.h"
#endif
