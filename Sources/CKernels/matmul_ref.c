// The scalar definition of the matrix products; see ck_matmul.h for the order of operations.
#include "internal.h"

static int has_minimum(int type) {
  return type == CK_Q4_1 || type == CK_Q5_1 || type == CK_Q4_K || type == CK_Q5_K;
}

/// low: the low bytes of 16-bit activations, or null.
static void accumulate_block(
  int type, const ck_weight_block *w, const ck_q8_block *x, const int8_t *low, float *sum
) {
  int32_t dot[2] = {0, 0};
  for (int i = 0; i < CK_BLOCK; i++) {
    const int32_t q = low ? 256 * (int32_t)x->q[i] + (int32_t)low[i] : (int32_t)x->q[i];
    dot[i / 16] += (int32_t)w->level[i] * q;
  }
  if (type == CK_Q3_K || type == CK_Q6_K) {
    *sum = fmaf((float)dot[0], w->scale[0] * x->d, *sum);
    *sum = fmaf((float)dot[1], w->scale[1] * x->d, *sum);
  } else {
    *sum = fmaf((float)(dot[0] + dot[1]), w->scale[0] * x->d, *sum);
  }
  if (has_minimum(type)) *sum = fmaf(w->minimum, x->ds, *sum);
}

void ck_multiply_q8_ref(const ck_product *p, size_t begin, size_t end, void *scratch) {
  (void)scratch;
  const ck_q8_block *x8 = p->x;
  const ck_q16_block *x16 = p->x;
  const int wide = p->planes == 2;
  for (size_t r = begin; r < end; r++) {
    const uint8_t *row = (const uint8_t *)p->weights + r * p->row_bytes;
    for (size_t t = 0; t < p->tokens; t++) p->out[t * p->out_stride + r] = 0;
    for (size_t b = 0; b < p->columns / CK_BLOCK; b++) {
      ck_weight_block block;
      ck_unpack_block_ref(p->type, row, b, &block);
      for (size_t t = 0; t < p->tokens; t++) {
        const size_t index = t * p->x_stride + b;
        accumulate_block(
          p->type, &block, wide ? &x16[index].high : x8 + index, wide ? x16[index].low : 0,
          p->out + t * p->out_stride + r);
      }
    }
    if (p->bias) {
      for (size_t t = 0; t < p->tokens; t++) p->out[t * p->out_stride + r] += p->bias[r];
    }
  }
}

static float dot_f32_ref(const float *w, const float *x, size_t columns) {
  float sum[16] = {0};
  for (size_t k = 0; k < (columns + 15) / 16 * 16; k++) {
    sum[k % 16] = k < columns ? fmaf(w[k], x[k], sum[k % 16]) : fmaf(0, 0, sum[k % 16]);
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) sum[i] = sum[i] + sum[i + half];
  }
  return sum[0];
}

void ck_multiply_f32_ref(const ck_product *p, size_t begin, size_t end, void *scratch) {
  const float *x = p->x;
  float *floats = scratch;
  for (size_t r = begin; r < end; r++) {
    ck_dequantize_row_ref(
      p->type, (const uint8_t *)p->weights + r * p->row_bytes, p->columns, floats);
    for (size_t t = 0; t < p->tokens; t++) {
      const float sum = dot_f32_ref(floats, x + t * p->x_stride, p->columns);
      p->out[t * p->out_stride + r] = p->bias ? sum + p->bias[r] : sum;
    }
  }
}
