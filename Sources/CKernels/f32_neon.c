// Float weights times float activations with NEON; as f32_avx2.c, the 16 partial sums in four vectors
// of 4.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "internal.h"

/// 24 sums, two weights and an activation in registers.
enum { ROWS = 2, TOKENS = 3 };

/// The fixed tree over 16 partial sums.
CK_INLINE float tree(const float32x4_t s[4]) {
  const float32x4_t four = vaddq_f32(vaddq_f32(s[0], s[2]), vaddq_f32(s[1], s[3]));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/// 16 columns from w[0], w[1] and x on, which lies `stride` floats from token to token.
CK_INLINE void add_columns(
  const float *const w[ROWS], const float *x, size_t stride, const int tokens,
  float32x4_t sums[TOKENS][ROWS][4]
) {
  CK_UNROLL for (int h = 0; h < 4; h++) {
    const float32x4_t a = vld1q_f32(w[0] + 4 * h), b = vld1q_f32(w[1] + 4 * h);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const float32x4_t v = vld1q_f32(x + (size_t)t * stride + 4 * h);
      sums[t][0][h] = vfmaq_f32(sums[t][0][h], a, v);
      sums[t][1][h] = vfmaq_f32(sums[t][1][h], b, v);
    }
  }
}

/// 2 rows (the first `rows` are stored) times `tokens` (a constant) tokens.
CK_INLINE void tile(
  const ck_product *p, const float *w0, const float *w1, size_t rows, size_t row, size_t token,
  const int tokens
) {
  const float *x = (const float *)p->x + token * p->x_stride;
  const size_t columns = p->columns;
  float32x4_t sums[TOKENS][ROWS][4];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    CK_UNROLL for (int r = 0; r < ROWS; r++) {
      CK_UNROLL for (int h = 0; h < 4; h++) sums[t][r][h] = vdupq_n_f32(0);
    }
  }
  size_t k = 0;
  for (; k + 16 <= columns; k += 16) {
    const float *const w[ROWS] = {w0 + k, w1 + k};
    add_columns(w, x + k, p->x_stride, tokens, sums);
  }
  if (k < columns) {
    // The rest, filled up with zeros.
    float last[ROWS + TOKENS][16] = {{0}};
    const size_t bytes = (columns - k) * sizeof(float);
    memcpy(last[0], w0 + k, bytes);
    memcpy(last[1], w1 + k, bytes);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      memcpy(last[ROWS + t], x + (size_t)t * p->x_stride + k, bytes);
    }
    const float *const w[ROWS] = {last[0], last[1]};
    add_columns(w, last[ROWS], 16, tokens, sums);
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    float *out = p->out + (token + (size_t)t) * p->out_stride + row;
    CK_UNROLL for (size_t r = 0; r < ROWS; r++) {
      const float sum = tree(sums[t][r]);
      if (r < rows) out[r] = p->bias ? sum + p->bias[row + r] : sum;
    }
  }
}

static void ck_gemm_f32_f32_neon(
  const ck_product *p, size_t begin, size_t end, const float *weights, size_t stride
) {
  for (size_t token = 0; token < p->tokens;) {
    const int tokens = p->tokens - token >= TOKENS ? TOKENS : 1;
    for (size_t row = begin; row < end; row += ROWS) {
      const size_t rows = end - row < ROWS ? end - row : ROWS;
      const float *w0 = weights + (row - begin) * stride;
      const float *w1 = rows == ROWS ? w0 + stride : w0;
      if (tokens == TOKENS) {
        tile(p, w0, w1, rows, row, token, TOKENS);
      } else {
        tile(p, w0, w1, rows, row, token, 1);
      }
    }
    token += (size_t)tokens;
  }
}

void ck_dequantize_row_neon(int type, const void *row, size_t columns, float *out) {
  const uint16_t *halves = row;
  size_t k = 0;
  if (type == CK_F16) {
    for (; k + 4 <= columns; k += 4) {
      vst1q_f32(out + k, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + k))));
    }
  } else if (type == CK_BF16) {
    for (; k + 4 <= columns; k += 4) {
      vst1q_f32(out + k, vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(halves + k), 16)));
    }
  } else {
    ck_dequantize_row_ref(type, row, columns, out);
    return;
  }
  if (k < columns) ck_dequantize_row_ref(type, halves + k, columns - k, out + k);
}

#define CK_TARGET
#define CK_NAME(name) name##_neon
#include "f32_rows.h"
#endif
