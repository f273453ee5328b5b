// Quantised weights times int8 activations in 256-bit vectors. Included by q8_avx2.c,
// q8_avxvnni.c and q8_avx512vl.c, which define
//
//   SUFFIX(name)   the name with the instruction set appended
//   CK_TARGET      the target attribute
//   VNNI           1 where vpdpbusd is there
//   CK_DPBUSD      its intrinsic (VNNI only)
//
// As q8_avx512.c, with 8 rows in a tile and one tile in a panel. Without VNNI, products of bytes are
// added up in 16 bits (vpmaddubsw) as long as they cannot overflow: `room` is how many fit.
#include "q8_avx2.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET

enum {
  TILE = 8,           // rows in a vector
  PANEL_BLOCKS = 32,  // blocks of a panel
  GEMV_TOKENS = 4,    // tokens up to which weights are not unpacked first
  AHEAD = 4096,       // bytes to fetch ahead, beyond one tile
};

/// Kinds of levels: how they are corrected and how many products fit 16 bits.
typedef struct {
  int shift;     // the level offset is 8 << shift; none if negative
  int minimum;   // the format has minimums
  int halves;    // the format has a scale for each half block
  int is_signed; // levels are signed bytes
  int room;      // products of a pair of bytes each that may be added up in 16 bits
} level_kind;

/// sum of w * x over each group of 4 bytes and `count` vectors, added to `dots`.
/// |level| * 127 * 2 * room stays below 2^15.
CK_INLINE_TARGET __m256i dot(
  const level_kind kind, const __m256i *w, const __m256i *x, const int count, __m256i dots
) {
#if VNNI
  (void)kind;
  CK_UNROLL for (int i = 0; i < count; i++) dots = CK_DPBUSD(dots, w[i], x[i]);
  return dots;
#else
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i pairs = _mm256_setzero_si256();
  CK_UNROLL for (int i = 0; i < count; i++) {
    const __m256i product =
      kind.is_signed
        ? _mm256_maddubs_epi16(_mm256_abs_epi8(w[i]), _mm256_sign_epi8(x[i], w[i]))
        : _mm256_maddubs_epi16(w[i], x[i]);
    pairs = i % kind.room == 0 ? product : _mm256_add_epi16(pairs, product);
    if (i % kind.room == kind.room - 1 || i == count - 1) {
      dots = _mm256_add_epi32(dots, _mm256_madd_epi16(pairs, ones));
    }
  }
  return dots;
#endif
}

/// The 4 partial sums in each lane added up, rows in order.
CK_INLINE_TARGET __m256i row_sums(const __m256i v[4]) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
}

CK_INLINE_TARGET __m256 scaled(__m256i dots, __m256 scale, float d, __m256 sum) {
  return _mm256_fmadd_ps(
    _mm256_cvtepi32_ps(dots), _mm256_mul_ps(scale, _mm256_set1_ps(d)), sum);
}

/// One block of 8 rows times one token.
CK_INLINE_TARGET __m256 block_times_token(
  const tile_levels *w, const tile_scales *s, const ck_q8_block *x, const level_kind kind,
  __m256 sum
) {
  const __m256i v[2] = {
    _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)x->q)),
    _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(x->q + 16)))};
  const __m256i zero = _mm256_setzero_si256();
  __m256i dots[4];
  if (kind.halves) {
    CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = dot(kind, &w->first[a], v, 1, zero);
    const __m256i low = _mm256_add_epi32(
      row_sums(dots), _mm256_set1_epi32(x->n8_low * (1 << kind.shift)));
    CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = dot(kind, &w->last[a], v + 1, 1, zero);
    const __m256i high = _mm256_add_epi32(
      row_sums(dots), _mm256_set1_epi32((x->n8 - x->n8_low) * (1 << kind.shift)));
    return scaled(high, s->scale[1], x->d, scaled(low, s->scale[0], x->d, sum));
  }
  CK_UNROLL for (int a = 0; a < 4; a++) {
    const __m256i both[2] = {w->first[a], w->last[a]};
    dots[a] = dot(kind, both, v, 2, zero);
  }
  __m256i all = row_sums(dots);
  if (kind.shift >= 0) {
    all = _mm256_add_epi32(all, _mm256_set1_epi32(x->n8 * (1 << kind.shift)));
  }
  sum = scaled(all, s->scale[0], x->d, sum);
  return kind.minimum ? _mm256_fmadd_ps(s->minimum, _mm256_set1_ps(x->ds), sum) : sum;
}

/// The elements [skip, skip + wanted) of a tile, as a mask for loads and stores.
CK_INLINE_TARGET __m256i row_mask(size_t skip, size_t wanted) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_andnot_si256(
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)skip), lane),
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(skip + wanted)), lane));
}

CK_INLINE_TARGET void store_row(
  const ck_product *p, size_t token, size_t row, __m256i rows, int with_bias, __m256 sum
) {
  if (with_bias && p->bias) sum = _mm256_add_ps(sum, _mm256_maskload_ps(p->bias + row, rows));
  _mm256_maskstore_ps(p->out + token * p->out_stride + row, rows, sum);
}

CK_INLINE void prefetch(const uint8_t *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 3);
}

// --- Panels: [block][8][8 rows][4 levels], then [8] scales and [8] minimums or second scales.

typedef struct {
  uint8_t level[8][32];
  float scale[8];
  float other[8];
} panel_block;

CK_INLINE_TARGET void store_levels(tile_levels *w, panel_block *out) {
  transpose_lanes(w->first);
  transpose_lanes(w->last);
  CK_UNROLL for (int j = 0; j < 4; j++) {
    _mm256_store_si256((__m256i *)out->level[j], w->first[j]);
    _mm256_store_si256((__m256i *)out->level[j + 4], w->last[j]);
  }
}

/// One panel of `blocks` blocks times `tokens` (a constant) tokens.
CK_INLINE_TARGET void panel_times_tokens(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t token,
  size_t row, __m256i rows, int last_time, const level_kind kind, const int tokens
) {
  const ck_q8_block *x = (const ck_q8_block *)p->x + token * p->x_stride + start;
  const size_t stride = p->x_stride;
  __m256 sums[4];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    const float *out = p->out + (token + (size_t)t) * p->out_stride + row;
    sums[t] = start == 0 ? _mm256_setzero_ps() : _mm256_maskload_ps(out, rows);
  }
  for (size_t b = 0; b < blocks; b++) {
    const panel_block *w = panel + b;
    const ck_q8_block *xb = x + b;
    CK_UNROLL for (int half = 0; half < (kind.halves ? 2 : 1); half++) {
      const int from = kind.halves ? 4 * half : 0, count = kind.halves ? 4 : 8;
      const __m256 scale = _mm256_load_ps(half ? w->other : w->scale);
      __m256i levels[8];
      CK_UNROLL for (int j = 0; j < count; j++) {
        levels[j] = _mm256_load_si256((const __m256i *)w->level[from + j]);
      }
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        const ck_q8_block *xt = xb + (size_t)t * stride;
        __m256i v[8];
        CK_UNROLL for (int j = 0; j < count; j++) {
          v[j] = _mm256_set1_epi32((int)ck_load32(xt->q + 4 * (from + j)));
        }
        __m256i dots = _mm256_setzero_si256();
        if (kind.halves) {
          dots = _mm256_set1_epi32(
            (half ? xt->n8 - xt->n8_low : xt->n8_low) * (1 << kind.shift));
        } else if (kind.shift >= 0) {
          dots = _mm256_slli_epi32(_mm256_set1_epi32(xt->n8), kind.shift);
        }
        dots = dot(kind, levels, v, count, dots);
        sums[t] = scaled(dots, scale, xt->d, sums[t]);
      }
    }
    if (kind.minimum) {
      const __m256 m = _mm256_load_ps(w->other);
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        sums[t] = _mm256_fmadd_ps(m, _mm256_set1_ps(xb[(size_t)t * stride].ds), sums[t]);
      }
    }
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    store_row(p, token + (size_t)t, row, rows, last_time, sums[t]);
  }
}

CK_INLINE_TARGET void sweep_panel(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  __m256i rows, int last_time, const level_kind kind
) {
  size_t token = 0;
  for (; token + 4 <= p->tokens; token += 4) {
    panel_times_tokens(p, panel, blocks, start, token, row, rows, last_time, kind, 4);
  }
  for (; token < p->tokens; token++) {
    panel_times_tokens(p, panel, blocks, start, token, row, rows, last_time, kind, 1);
  }
}

// --- One pair of functions for each format.

/// Where a tile that should begin at `row` is read, and which of its lanes are wanted: tiles that
/// reach past the last row are moved up.
#define TILE_AT(row) \
  const size_t at = (row) + TILE <= p->rows ? (row) : p->rows - TILE; \
  const size_t skip = (row) - at; \
  const size_t wanted = end - (row) < TILE - skip ? end - (row) : TILE - skip; \
  const __m256i mask = row_mask(skip, wanted);

/// Formats of 32 weights a block.
#define FORMAT_32(name, block_bytes, scales, kind) \
  CK_INLINE_TARGET void gemv_##name( \
    const ck_product *p, size_t begin, size_t end, size_t token, const size_t tokens \
  ) { \
    const size_t stride = p->row_bytes, blocks = p->columns / CK_BLOCK; \
    const ck_q8_block *x = (const ck_q8_block *)p->x + token * p->x_stride; \
    for (size_t row = begin; row < end; row += TILE) { \
      TILE_AT(row) \
      const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
      const uint8_t *ahead = w + TILE * stride + AHEAD; \
      __m256 sums[2]; \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) sums[t] = _mm256_setzero_ps(); \
      for (size_t b = 0; b < blocks; b++, w += block_bytes, ahead += TILE * block_bytes) { \
        tile_levels levels; \
        tile_scales s; \
        prefetch(ahead, TILE * block_bytes); \
        LEVELS_32(name, w, stride, &levels); \
        scales(w, stride, &s); \
        CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
          sums[t] = block_times_token(&levels, &s, x + t * p->x_stride + b, kind, sums[t]); \
        } \
      } \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
        store_row(p, token + t, at, mask, 1, sums[t]); \
      } \
    } \
  } \
  CK_INLINE_TARGET void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start * block_bytes; \
    for (size_t b = 0; b < blocks; b++, w += block_bytes) { \
      tile_levels levels; \
      tile_scales s; \
      LEVELS_32(name, w, stride, &levels); \
      scales(w, stride, &s); \
      store_levels(&levels, out + b); \
      _mm256_store_ps(out[b].scale, s.scale[0]); \
      if ((kind).minimum) _mm256_store_ps(out[b].other, s.minimum); \
    } \
  } \
  GEMV_AND_GEMM(name, kind)

/// Formats of 256 weights a block.
#define FORMAT_256(name, block_bytes, scales, kind) \
  CK_INLINE_TARGET void gemv_##name( \
    const ck_product *p, size_t begin, size_t end, size_t token, const size_t tokens \
  ) { \
    const size_t stride = p->row_bytes, blocks = p->columns / 256; \
    const ck_q8_block *x = (const ck_q8_block *)p->x + token * p->x_stride; \
    for (size_t row = begin; row < end; row += TILE) { \
      TILE_AT(row) \
      const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
      const uint8_t *ahead = w + TILE * stride + AHEAD; \
      __m256 sums[2]; \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) sums[t] = _mm256_setzero_ps(); \
      for (size_t b = 0; b < blocks; b++, w += block_bytes) { \
        _Alignas(32) float one[8][8], other[8][8]; \
        raw_##name raw; \
        scales(w, stride, one, other); \
        CK_UNROLL for (size_t j = 0; j < 8; j++) { \
          tile_levels levels; \
          tile_scales s; \
          prefetch(ahead, TILE * block_bytes / 8); \
          ahead += TILE * block_bytes / 8; \
          levels_##name(w, stride, j, &raw, &levels); \
          s.scale[0] = _mm256_load_ps(one[j]); \
          s.scale[1] = s.minimum = _mm256_load_ps(other[j]); \
          CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
            sums[t] = block_times_token( \
              &levels, &s, x + t * p->x_stride + 8 * b + j, kind, sums[t]); \
          } \
        } \
      } \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
        store_row(p, token + t, at, mask, 1, sums[t]); \
      } \
    } \
  } \
  CK_INLINE_TARGET void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start / 8 * block_bytes; \
    for (size_t b = 0; b < blocks; b += 8, w += block_bytes, out += 8) { \
      _Alignas(32) float one[8][8], other[8][8]; \
      raw_##name raw; \
      scales(w, stride, one, other); \
      CK_UNROLL for (size_t j = 0; j < 8; j++) { \
        tile_levels levels; \
        levels_##name(w, stride, j, &raw, &levels); \
        store_levels(&levels, out + j); \
        _mm256_store_ps(out[j].scale, _mm256_load_ps(one[j])); \
        _mm256_store_ps(out[j].other, _mm256_load_ps(other[j])); \
      } \
    } \
  } \
  GEMV_AND_GEMM(name, kind)

#define GEMV_AND_GEMM(name, kind) \
  CK_TARGET static void SUFFIX(ck_gemv_##name##_q8)( \
    const ck_product *p, size_t begin, size_t end \
  ) { \
    size_t token = 0; \
    for (; token + 2 <= p->tokens; token += 2) gemv_##name(p, begin, end, token, 2); \
    if (token < p->tokens) gemv_##name(p, begin, end, token, 1); \
  } \
  CK_TARGET static void SUFFIX(ck_gemm_##name##_q8)( \
    const ck_product *p, size_t begin, size_t end, panel_block *panel \
  ) { \
    const size_t stride = p->row_bytes, blocks = p->columns / CK_BLOCK; \
    for (size_t start = 0; start < blocks; start += PANEL_BLOCKS) { \
      const size_t count = blocks - start < PANEL_BLOCKS ? blocks - start : PANEL_BLOCKS; \
      for (size_t row = begin; row < end; row += TILE) { \
        TILE_AT(row) \
        const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
        unpack_##name(w, stride, start, count, panel); \
        sweep_panel(p, panel, count, start, at, mask, start + count == blocks, kind); \
      } \
    } \
  }

/// q8_0 has signed levels; vpdpbusd wants them as unsigned ones with an offset of 128.
CK_INLINE_TARGET void prepared_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q8_0(p, stride, out);
#if VNNI
  const __m256i offset = _mm256_set1_epi8(-128);
  CK_UNROLL for (int a = 0; a < 4; a++) {
    out->first[a] = _mm256_xor_si256(out->first[a], offset);
    out->last[a] = _mm256_xor_si256(out->last[a], offset);
  }
#endif
}
#define prepared_q4_0 levels_q4_0
#define prepared_q4_1 levels_q4_1
#define prepared_q5_0 levels_q5_0
#define prepared_q5_1 levels_q5_1
#define prepared_mxfp4 levels_mxfp4
#define LEVELS_32(name, w, stride, out) prepared_##name(w, stride, out)

//                                        shift min halves signed room
static const level_kind four_minimum = {-1, 1, 0, 0, 8}, four_offset = {0, 0, 0, 0, 8};
static const level_kind five_minimum = {-1, 1, 0, 0, 4}, five_offset = {1, 0, 0, 0, 4};
static const level_kind six_halves = {2, 0, 1, 0, 2};
static const level_kind eight = {VNNI ? 4 : -1, 0, 0, !VNNI, 1};

FORMAT_32(q4_0, 18, scales_half, four_offset)
FORMAT_32(q4_1, 20, scales_half_minimum, four_minimum)
FORMAT_32(q5_0, 22, scales_half, five_offset)
FORMAT_32(q5_1, 24, scales_half_minimum, five_minimum)
FORMAT_32(q8_0, 34, scales_half, eight)
FORMAT_32(mxfp4, 17, scales_mxfp4, five_offset)
FORMAT_256(q4_K, 144, scales_k, four_minimum)
FORMAT_256(q5_K, 176, scales_k, five_minimum)
FORMAT_256(q6_K, 210, scales_q6_K, six_halves)

#ifndef CK_FEW_TOKENS_ONLY
#define CASE(type, name) \
  case type: \
    if (p->tokens <= GEMV_TOKENS) { \
      SUFFIX(ck_gemv_##name##_q8)(p, begin, end); \
    } else { \
      SUFFIX(ck_gemm_##name##_q8)(p, begin, end, scratch); \
    } \
    return;

void SUFFIX(ck_multiply_q8)(const ck_product *p, size_t begin, size_t end, void *scratch) {
  if (p->rows < TILE || p->columns == 0) {
    ck_multiply_q8_ref(p, begin, end, scratch);
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
#endif
