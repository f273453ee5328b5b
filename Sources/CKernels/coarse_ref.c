// Upper bounds of products, one row and one token after the other: the reference for q8_coarse.h.
#include <math.h>

#include "internal.h"

void ck_coarse_levels_ref(const ck_coarse_block *block, size_t row, uint8_t levels[32]) {
  for (size_t i = 0; i < CK_BLOCK; i++) {
    levels[i] = (block->nibbles[i % 16 / 4][row][i % 4] >> (i / 16 * 4)) & 15;
  }
}

static int32_t dot(const uint8_t *levels, const ck_q8_block *high, const int8_t *low) {
  int32_t sum = 0;
  for (size_t i = 0; i < CK_BLOCK; i++) sum += levels[i] * (low ? 256 * high->q[i] + low[i] : high->q[i]);
  return sum;
}

void ck_multiply_coarse_ref(const ck_coarse_product *p, size_t begin, size_t end) {
  const ck_q8_block *x8 = p->x;
  const ck_q16_block *x16 = p->x;
  const size_t blocks = p->columns / CK_BLOCK;
  const size_t tiles = (p->rows + CK_COARSE_ROWS - 1) / CK_COARSE_ROWS;
  for (size_t r = begin; r < (end + CK_COARSE_ROWS - 1) / CK_COARSE_ROWS * CK_COARSE_ROWS; r++) {
    const size_t row = r % CK_COARSE_ROWS;
    const ck_coarse_block *tile =
      (const ck_coarse_block *)(p->tiles + r / CK_COARSE_ROWS * ck_coarse_tile_bytes(p->columns));
    const ck_coarse_rows *rows = (const ck_coarse_rows *)(tile + blocks);
    for (size_t t = 0; t < p->tokens; t++) {
      float sum = 0, spread = 0;
      for (size_t b = 0; b < blocks; b++) {
        uint8_t levels[CK_BLOCK];
        ck_coarse_levels_ref(tile + b, row, levels);
        const size_t index = t * p->x_stride + b;
        const ck_q8_block *high = p->planes == 2 ? &x16[index].high : x8 + index;
        const ck_coarse_term term = p->terms[t * blocks + b];
        const float scale = tile[b].scale[row];
        const int32_t whole = dot(levels, high, p->planes == 2 ? x16[index].low : 0);
        sum = fmaf(scale, fmaf((float)whole, high->d, term.shift), sum);
        spread = fmaf(scale * scale, term.spread, spread);
      }
      float *top = p->tops + t * tiles + r / CK_COARSE_ROWS;
      if (row == 0) *top = -INFINITY;
      const ck_coarse_token known = p->known[t];
      const float likely = fmaf(rows->common[row], known.along, rows->step[row] * sum);
      if (likely > *top) *top = likely + 0.0f;  // of two zeros the positive one
      if (r >= end) continue;
      p->out[t * p->out_stride + r] = fmaf(
        rows->size[row], known.slack, fmaf(rows->step[row], sqrtf(spread), likely));
    }
  }
}
