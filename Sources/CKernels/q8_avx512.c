// Quantised weights times int8 activations with AVX-512 VNNI.
//
// Few tokens: one pass over the weights as they are stored, 16 rows at a time (gemv). More tokens:
// 32 rows of 24 blocks are unpacked into a panel that stays in the first-level cache, and all tokens
// are swept over it, 6 at a time (gemm). Both add the blocks of a row in ascending order.
#if defined(__x86_64__)
#include "q8_avx512.h"

enum {
  TILE = 16,          // rows in a vector
  PANEL_BLOCKS = 24,  // blocks of a panel
  GEMV_TOKENS = 4,    // tokens up to which weights are not unpacked first
  AHEAD = 4096,       // bytes to fetch ahead, beyond one tile
};

/// The 4 partial sums in each lane added up, rows in order.
CK_INLINE_AVX512 __m512i row_sums(const __m512i v[4]) {
  const __m512i a = _mm512_add_epi32(
    _mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i b = _mm512_add_epi32(
    _mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

CK_INLINE_AVX512 __m512 scaled(__m512i dot, __m512 scale, float d, __m512 sum) {
  return _mm512_fmadd_ps(
    _mm512_cvtepi32_ps(dot), _mm512_mul_ps(scale, _mm512_set1_ps(d)), sum);
}

/// One block of 16 rows times one token. `shift`: the level offset is 8 << shift, none if negative.
CK_INLINE_AVX512 __m512 block_times_token(
  const tile_levels *w, const tile_scales *s, const ck_q8_block *x, int shift, int minimum,
  int halves, __m512 sum
) {
  const __m512i first = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)x->q));
  const __m512i last = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(x->q + 16)));
  const __m512i zero = _mm512_setzero_si512();
  __m512i dots[4];
  CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = _mm512_dpbusd_epi32(zero, w->first[a], first);
  if (halves) {
    const __m512i low = _mm512_add_epi32(row_sums(dots), _mm512_set1_epi32(x->n8_low << shift));
    CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = _mm512_dpbusd_epi32(zero, w->last[a], last);
    const __m512i high =
      _mm512_add_epi32(row_sums(dots), _mm512_set1_epi32((x->n8 - x->n8_low) << shift));
    return scaled(high, s->scale[1], x->d, scaled(low, s->scale[0], x->d, sum));
  }
  CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = _mm512_dpbusd_epi32(dots[a], w->last[a], last);
  __m512i dot = row_sums(dots);
  if (shift >= 0) dot = _mm512_add_epi32(dot, _mm512_set1_epi32(x->n8 << shift));
  sum = scaled(dot, s->scale[0], x->d, sum);
  return minimum ? _mm512_fmadd_ps(s->minimum, _mm512_set1_ps(x->ds), sum) : sum;
}

CK_INLINE_AVX512 void store_row(
  const ck_product *p, size_t token, size_t row, __mmask16 rows, int with_bias, __m512 sum
) {
  if (with_bias && p->bias) {
    sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(rows, p->bias + row));
  }
  _mm512_mask_storeu_ps(p->out + token * p->out_stride + row, rows, sum);
}

/// Fetches the lines of [p, p + bytes) into the first-level cache. Tiles are read 16 rows at a time,
/// but fetched in the order they lie in memory, at least one tile ahead (a thread's next chunk of rows
/// is usually the one that follows, so what is fetched past the end is not lost).
CK_INLINE void prefetch(const uint8_t *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 3);
}

// --- Panels: [block][8][16 rows][4 levels], then [16] scales and [16] minimums or second scales.

typedef struct {
  uint8_t level[8][64];
  float scale[16];
  float other[16];
} panel_block;

_Static_assert(sizeof(panel_block) == 640, "panels are packed");

CK_INLINE_AVX512 void store_levels(tile_levels *w, panel_block *out) {
  transpose_lanes(w->first);
  transpose_lanes(w->last);
  CK_UNROLL for (int j = 0; j < 4; j++) {
    _mm512_store_si512(out->level[j], w->first[j]);
    _mm512_store_si512(out->level[j + 4], w->last[j]);
  }
}

/// `groups` (1 or 2) tiles of 16 rows times `tokens` tokens (constants), `blocks` blocks.
CK_INLINE_AVX512 void panel_times_tokens(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t token,
  size_t row, const __mmask16 *rows, int first_time, int last_time, int shift, int minimum,
  int halves, const int groups, const int tokens
) {
  const ck_q8_block *x = (const ck_q8_block *)p->x + token * p->x_stride + start;
  const size_t stride = p->x_stride;
  __m512 sums[2][6];
  CK_UNROLL for (int g = 0; g < groups; g++) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const float *out = p->out + (token + (size_t)t) * p->out_stride + row + TILE * (size_t)g;
      sums[g][t] = first_time ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(rows[g], out);
    }
  }
  for (size_t b = 0; b < blocks; b++) {
    const panel_block *w = panel + b;
    const ck_q8_block *xb = x + b;
    __m512i dots[2][6];
    CK_UNROLL for (int half = 0; half < (halves ? 2 : 1); half++) {
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        __m512i initial = _mm512_setzero_si512();
        const ck_q8_block *xt = xb + (size_t)t * stride;
        if (halves) {
          initial = _mm512_set1_epi32((half ? xt->n8 - xt->n8_low : xt->n8_low) << shift);
        } else if (shift >= 0) {
          initial = _mm512_slli_epi32(_mm512_set1_epi32(xt->n8), (unsigned)shift);
        }
        CK_UNROLL for (int g = 0; g < groups; g++) dots[g][t] = initial;
      }
      const int from = halves ? 4 * half : 0, to = halves ? from + 4 : 8;
      CK_UNROLL for (int j = from; j < to; j++) {
        const __m512i w0 = _mm512_load_si512(w->level[j]);
        const __m512i w1 = groups > 1 ? _mm512_load_si512(w[PANEL_BLOCKS].level[j]) : w0;
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          const __m512i v = _mm512_set1_epi32((int)ck_load32(xb[(size_t)t * stride].q + 4 * j));
          dots[0][t] = _mm512_dpbusd_epi32(dots[0][t], w0, v);
          if (groups > 1) dots[1][t] = _mm512_dpbusd_epi32(dots[1][t], w1, v);
        }
      }
      CK_UNROLL for (int g = 0; g < groups; g++) {
        const __m512 scale =
          _mm512_load_ps(half ? w[g * PANEL_BLOCKS].other : w[g * PANEL_BLOCKS].scale);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          sums[g][t] = scaled(dots[g][t], scale, xb[(size_t)t * stride].d, sums[g][t]);
        }
      }
    }
    if (minimum) {
      CK_UNROLL for (int g = 0; g < groups; g++) {
        const __m512 m = _mm512_load_ps(w[g * PANEL_BLOCKS].other);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          sums[g][t] =
            _mm512_fmadd_ps(m, _mm512_set1_ps(xb[(size_t)t * stride].ds), sums[g][t]);
        }
      }
    }
  }
  CK_UNROLL for (int g = 0; g < groups; g++) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      store_row(
        p, token + (size_t)t, row + TILE * (size_t)g, rows[g], last_time, sums[g][t]);
    }
  }
}

#define SWEEP(groups, count) \
  for (; token + (count) <= p->tokens; token += (count)) { \
    panel_times_tokens( \
      p, panel, blocks, start, token, row, rows, start == 0, last_time, shift, minimum, halves, \
      groups, count); \
  }

/// All tokens over one panel.
CK_INLINE_AVX512 void sweep_panel(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const __mmask16 *rows, int groups, int last_time, int shift, int minimum, int halves
) {
  size_t token = 0;
  if (groups == 2) {
    SWEEP(2, 6)
    SWEEP(2, 4)
    SWEEP(2, 2)
    SWEEP(2, 1)
  } else {
    SWEEP(1, 6)
    SWEEP(1, 4)
    SWEEP(1, 2)
    SWEEP(1, 1)
  }
}

#define SWEEP_FUNCTION(name, shift, minimum, halves) \
  CK_AVX512 static void sweep_##name( \
    const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row, \
    const __mmask16 *rows, int groups, int last_time \
  ) { \
    sweep_panel(p, panel, blocks, start, row, rows, groups, last_time, shift, minimum, halves); \
  }

SWEEP_FUNCTION(minimum, -1, 1, 0)
SWEEP_FUNCTION(offset8, 0, 0, 0)
SWEEP_FUNCTION(offset16, 1, 0, 0)
SWEEP_FUNCTION(offset128, 4, 0, 0)
SWEEP_FUNCTION(offset32_halves, 2, 0, 1)

// --- One pair of functions for each format.

/// Where a tile that should begin at `row` is read, and which of its lanes are wanted: tiles that
/// reach past the last row are moved up.
#define TILE_AT(row) \
  const size_t at = (row) + TILE <= p->rows ? (row) : p->rows - TILE; \
  const size_t skip = (row) - at; \
  const size_t wanted = end - (row) < TILE - skip ? end - (row) : TILE - skip; \
  const __mmask16 mask = (__mmask16)(((1u << wanted) - 1) << skip);

/// Formats of 32 weights a block.
#define FORMAT_32(name, block_bytes, scales, sweep, shift, minimum_) \
  CK_INLINE_AVX512 void gemv_##name( \
    const ck_product *p, size_t begin, size_t end, const size_t tokens \
  ) { \
    const size_t stride = p->row_bytes, blocks = p->columns / CK_BLOCK; \
    const ck_q8_block *x = p->x; \
    for (size_t row = begin; row < end; row += TILE) { \
      TILE_AT(row) \
      const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
      const uint8_t *ahead = w + TILE * stride + AHEAD; \
      __m512 sums[GEMV_TOKENS]; \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) sums[t] = _mm512_setzero_ps(); \
      for (size_t b = 0; b < blocks; b++, w += block_bytes, ahead += TILE * block_bytes) { \
        tile_levels levels; \
        tile_scales s; \
        prefetch(ahead, TILE * block_bytes); \
        levels_##name(w, stride, &levels); \
        scales(w, stride, &s); \
        CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
          sums[t] = block_times_token( \
            &levels, &s, x + t * p->x_stride + b, shift, minimum_, 0, sums[t]); \
        } \
      } \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) store_row(p, t, at, mask, 1, sums[t]); \
    } \
  } \
  CK_AVX512 static void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start * block_bytes; \
    for (size_t b = 0; b < blocks; b++, w += block_bytes) { \
      tile_levels levels; \
      tile_scales s; \
      levels_##name(w, stride, &levels); \
      scales(w, stride, &s); \
      store_levels(&levels, out + b); \
      _mm512_store_ps(out[b].scale, s.scale[0]); \
      if (minimum_) _mm512_store_ps(out[b].other, s.minimum); \
    } \
  } \
  GEMM_AND_MULTIPLY(name, sweep)

/// Formats of 256 weights a block; `halves`: two scales a block of 32.
#define FORMAT_256(name, block_bytes, scales, sweep, shift, minimum_, halves) \
  CK_INLINE_AVX512 void gemv_##name( \
    const ck_product *p, size_t begin, size_t end, const size_t tokens \
  ) { \
    const size_t stride = p->row_bytes, blocks = p->columns / 256; \
    const ck_q8_block *x = p->x; \
    for (size_t row = begin; row < end; row += TILE) { \
      TILE_AT(row) \
      const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
      const uint8_t *ahead = w + TILE * stride + AHEAD; \
      __m512 sums[GEMV_TOKENS]; \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) sums[t] = _mm512_setzero_ps(); \
      for (size_t b = 0; b < blocks; b++, w += block_bytes) { \
        _Alignas(64) float one[8][16], other[8][16]; \
        raw_##name raw; \
        scales(w, stride, one, other); \
        CK_UNROLL for (size_t j = 0; j < 8; j++) { \
          tile_levels levels; \
          tile_scales s; \
          prefetch(ahead, TILE * block_bytes / 8); \
          ahead += TILE * block_bytes / 8; \
          levels_##name(w, stride, j, &raw, &levels); \
          s.scale[0] = _mm512_load_ps(one[j]); \
          s.scale[1] = s.minimum = _mm512_load_ps(other[j]); \
          CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
            sums[t] = block_times_token( \
              &levels, &s, x + t * p->x_stride + 8 * b + j, shift, minimum_, halves, sums[t]); \
          } \
        } \
      } \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) store_row(p, t, at, mask, 1, sums[t]); \
    } \
  } \
  CK_AVX512 static void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start / 8 * block_bytes; \
    for (size_t b = 0; b < blocks; b += 8, w += block_bytes, out += 8) { \
      _Alignas(64) float one[8][16], other[8][16]; \
      raw_##name raw; \
      scales(w, stride, one, other); \
      CK_UNROLL for (size_t j = 0; j < 8; j++) { \
        tile_levels levels; \
        levels_##name(w, stride, j, &raw, &levels); \
        store_levels(&levels, out + j); \
        _mm512_store_ps(out[j].scale, _mm512_load_ps(one[j])); \
        _mm512_store_ps(out[j].other, _mm512_load_ps(other[j])); \
      } \
    } \
  } \
  GEMM_AND_MULTIPLY(name, sweep)

#define GEMM_AND_MULTIPLY(name, sweep) \
  CK_AVX512 static void ck_gemv_##name##_q8_avx512(const ck_product *p, size_t begin, size_t end) { \
    switch (p->tokens) { \
    case 1: gemv_##name(p, begin, end, 1); return; \
    case 2: gemv_##name(p, begin, end, 2); return; \
    case 3: gemv_##name(p, begin, end, 3); return; \
    default: gemv_##name(p, begin, end, 4); return; \
    } \
  } \
  CK_AVX512 static void ck_gemm_##name##_q8_avx512( \
    const ck_product *p, size_t begin, size_t end, panel_block *panel \
  ) { \
    gemm(p, begin, end, panel, unpack_##name, sweep_##sweep); \
  }

typedef void (*unpack_function)(
  const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out);
typedef void (*sweep_function)(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const __mmask16 *rows, int groups, int last_time);

CK_AVX512 static void gemm(
  const ck_product *p, size_t begin, size_t end, panel_block *panel, unpack_function unpack,
  sweep_function sweep
) {
  const size_t stride = p->row_bytes, blocks = p->columns / CK_BLOCK;
  for (size_t start = 0; start < blocks; start += PANEL_BLOCKS) {
    const size_t count = blocks - start < PANEL_BLOCKS ? blocks - start : PANEL_BLOCKS;
    size_t row = begin;
    while (row < end) {
      TILE_AT(row)
      const uint8_t *w = (const uint8_t *)p->weights + at * stride;
      // Two tiles when both are whole; a moved tile stands alone.
      const int groups = skip == 0 && row + 2 * TILE <= p->rows && end - row > TILE ? 2 : 1;
      __mmask16 masks[2] = {mask, 0};
      unpack(w, stride, start, count, panel);
      if (groups == 2) {
        const size_t left = end - row - TILE;
        masks[1] = (__mmask16)(left < TILE ? (1u << left) - 1 : 0xffff);
        unpack(w + TILE * stride, stride, start, count, panel + PANEL_BLOCKS);
      }
      sweep(p, panel, count, start, at, masks, groups, start + count == blocks);
      row += groups == 2 ? 2 * TILE : wanted;
    }
  }
}

FORMAT_32(q4_0, 18, scales_half, offset8, 0, 0)
FORMAT_32(q4_1, 20, scales_half_minimum, minimum, -1, 1)
FORMAT_32(q5_0, 22, scales_half, offset16, 1, 0)
FORMAT_32(q5_1, 24, scales_half_minimum, minimum, -1, 1)
FORMAT_32(q8_0, 34, scales_half, offset128, 4, 0)
FORMAT_32(mxfp4, 17, scales_mxfp4, offset16, 1, 0)
FORMAT_256(q4_K, 144, scales_k, minimum, -1, 1, 0)
FORMAT_256(q5_K, 176, scales_k, minimum, -1, 1, 0)
FORMAT_256(q6_K, 210, scales_q6_K, offset32_halves, 2, 0, 1)

#define CASE(type, name) \
  case type: \
    if (p->tokens <= GEMV_TOKENS) { \
      ck_gemv_##name##_q8_avx512(p, begin, end); \
    } else { \
      ck_gemm_##name##_q8_avx512(p, begin, end, scratch); \
    } \
    return;

void ck_multiply_q8_avx512(const ck_product *p, size_t begin, size_t end, void *scratch) {
  if (p->rows < TILE || p->columns == 0) {
    ck_multiply_q8_ref(p, begin, end, scratch);
    return;
  }
  if (p->type == CK_Q8_0 && p->tokens <= 2) {
    ck_few_tokens_q8_0_avx512vl(p, begin, end);
    return;
  }
  switch (p->type) {
    CASE(CK_Q4_0, q4_0)
    CASE(CK_Q4_1, q4_1)
    CASE(CK_Q5_0, q5_0)
    CASE(CK_Q5_1, q5_1)
    CASE(CK_Q8_0, q8_0)
    CASE(CK_MXFP4, mxfp4)
    CASE(CK_Q4_K, q4_K)
    CASE(CK_Q5_K, q5_K)
    CASE(CK_Q6_K, q6_K)
  }
}

CK_AVX512 void ck_quantize_q8_avx512(const float *x, size_t columns, ck_q8_block *out) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    const __mmask16 low = (__mmask16)(left >= 16 ? 0xffff : (1u << left) - 1);
    const __mmask16 high = (__mmask16)(left >= 32 ? 0xffff : left > 16 ? (1u << (left - 16)) - 1 : 0);
    const __m512 a = _mm512_maskz_loadu_ps(low, x + start);
    const __m512 b = _mm512_maskz_loadu_ps(high, x + start + 16);
    const uint32_t largest = _mm512_reduce_max_epu32(_mm512_max_epu32(
      _mm512_and_si512(_mm512_castps_si512(a), magnitude),
      _mm512_and_si512(_mm512_castps_si512(b), magnitude)));
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q8_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const __m512 inverse = _mm512_set1_ps(127.0f / maximum);
    const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse));
    const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse));
    _mm_storeu_si128((__m128i *)out->q, _mm512_cvtepi32_epi8(qa));
    _mm_storeu_si128((__m128i *)(out->q + 16), _mm512_cvtepi32_epi8(qb));
    const int32_t first = _mm512_reduce_add_epi32(qa);
    const int32_t sum = first + _mm512_reduce_add_epi32(qb);
    out->d = maximum / 127.0f;
    out->ds = out->d * (float)sum;
    out->n8 = -8 * sum;
    out->n8_low = -8 * first;
  }
}
#endif
