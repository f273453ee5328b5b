// Quantised weights times int8 or int16 activations, for vectors of any width: included after
// q8_vector256.h or q8_vector512.h by q8_avx2.c, q8_avxvnni.c and q8_avx512.c, which define
//
//   SUFFIX(name)   the name with the instruction set appended
//   CK_TARGET      the target attribute
//   VNNI           1 where vpdpbusd is there, CK_DPBUSD its intrinsic
//
// Few tokens (a draft that is checked): one pass over the weights as they are stored, TILE rows at a
// time, whose levels stay in registers for all tokens (gemv). More tokens:
// PANEL_TILES tiles of PANEL_BLOCKS blocks are unpacked into a panel that stays in the first-level
// cache, and all tokens are swept over it, SWEEP_TOKENS at a time (gemm). Both add the blocks of a
// row in ascending order.
//
// int16 activations are two planes of bytes: the dot product of the high bytes, times 256, is where
// that of the low bytes begins. The weights are read and unpacked once for both.
//
// Without VNNI, products of bytes are added up in 16 bits (vpmaddubsw) as long as they cannot
// overflow: `room` is how many fit.
#include "q8_levels.h"

enum {
  AHEAD = 4096,     // bytes to fetch ahead, beyond one tile
};

/// Kinds of levels: how they are corrected and how many products fit 16 bits.
typedef struct {
  int shift;     // the level offset is 8 << shift; none if negative
  int minimum;   // the format has minimums
  int halves;    // the format has a scale for each half block
  int is_signed; // levels are signed bytes
  int room;      // products of a pair of bytes each that may be added up in 16 bits
} level_kind;

/// Blocks of activations are reached by their bytes: both kinds begin alike.
CK_INLINE const ck_q8_block *activations(const ck_product *p, size_t token, size_t block) {
  const size_t bytes = p->planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  return (const ck_q8_block *)((const uint8_t *)p->x + (token * p->x_stride + block) * bytes);
}
CK_INLINE const ck_q8_block *block_at(const ck_q8_block *x, size_t index, const int planes) {
  return planes == 2 ? &((const ck_q16_block *)x)[index].high : x + index;
}
/// The bytes of plane 0 (the high ones) or 1.
CK_INLINE const int8_t *plane_of(const ck_q8_block *x, const int plane) {
  return plane ? ((const ck_q16_block *)x)->low : x->q;
}

/// Product `i` of `count` that are added to `dots`: w * x over each group of 4 bytes. Without VNNI
/// they gather in `pairs` first: |level| * 127 * 2 * room stays below 2^15.
CK_INLINE_TARGET vi dot_step(
  const level_kind kind, const int i, const int count, vi w, vi x, vi *pairs, vi dots
) {
#if VNNI
  (void)kind, (void)i, (void)count, (void)pairs;
  return CK_DPBUSD(dots, w, x);
#else
  const vi product =
    kind.is_signed ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w))
                   : _mm256_maddubs_epi16(w, x);
  *pairs = i % kind.room == 0 ? product : _mm256_add_epi16(*pairs, product);
  if (i % kind.room < kind.room - 1 && i < count - 1) return dots;
  return _mm256_add_epi32(dots, _mm256_madd_epi16(*pairs, _mm256_set1_epi16(1)));
#endif
}

CK_INLINE_TARGET vf scaled(vi dots, vf scale, float d, vf sum) {
  return VI(fmadd_ps)(VI(cvtepi32_ps)(dots), VI(mul_ps)(scale, VI(set1_ps)(d)), sum);
}

/// The dot products of a tile's block with half (0, 1) of a token's block, or both (-1).
CK_INLINE_TARGET vi tile_dots(
  const tile_levels *w, const ck_q8_block *x, const level_kind kind, const int planes,
  const int half
) {
  vi dots[4];
  CK_UNROLL for (int a = 0; a < 4; a++) dots[a] = VBITS(setzero)();
  CK_UNROLL for (int plane = 0; plane < planes; plane++) {
    const __m128i *q = (const __m128i *)plane_of(x, plane);
    const vi first = every_lane(_mm_loadu_si128(q)), last = every_lane(_mm_loadu_si128(q + 1));
    CK_UNROLL for (int a = 0; a < 4; a++) {
      if (plane) dots[a] = VI(slli_epi32)(dots[a], 8);
      vi pairs;
      if (half < 0) {
        dots[a] = dot_step(kind, 0, 2, w->first[a], first, &pairs, dots[a]);
        dots[a] = dot_step(kind, 1, 2, w->last[a], last, &pairs, dots[a]);
      } else {
        dots[a] = dot_step(
          kind, 0, 1, half ? w->last[a] : w->first[a], half ? last : first, &pairs, dots[a]);
      }
    }
  }
  return row_sums(dots);
}

/// What offsets in the levels of half (0, 1) of a block, or all of it (-1), take from its products.
CK_INLINE_TARGET vi correction(const ck_q8_block *x, const level_kind kind, const int half) {
  const int32_t n = half < 0 ? x->n8 : half ? x->n8 - x->n8_low : x->n8_low;
  return VI(set1_epi32)(n * (1 << kind.shift));
}

/// One block of a tile times one token.
CK_INLINE_TARGET vf block_times_token(
  const tile_levels *w, const tile_scales *s, const ck_q8_block *x, const level_kind kind,
  const int planes, vf sum
) {
  if (kind.halves) {
    CK_UNROLL for (int half = 0; half < 2; half++) {
      const vi dots = VI(add_epi32)(
        tile_dots(w, x, kind, planes, half), correction(x, kind, half));
      sum = scaled(dots, s->scale[half], x->d, sum);
    }
    return sum;
  }
  vi dots = tile_dots(w, x, kind, planes, -1);
  if (kind.shift >= 0) dots = VI(add_epi32)(dots, correction(x, kind, -1));
  sum = scaled(dots, s->scale[0], x->d, sum);
  return kind.minimum ? VI(fmadd_ps)(s->minimum, VI(set1_ps)(x->ds), sum) : sum;
}

CK_INLINE_TARGET void store_row(
  const ck_product *p, size_t token, size_t row, row_mask rows, int with_bias, vf sum
) {
  if (with_bias && p->bias) sum = VI(add_ps)(sum, load_rows(p->bias + row, rows));
  store_rows(p->out + token * p->out_stride + row, rows, sum);
}

/// Fetches the lines of [p, p + bytes). Tiles are read TILE rows at a time, but fetched in the order
/// they lie in memory, at least one tile ahead (a thread's next chunk of rows is usually the one that
/// follows, so what is fetched past the end is not lost).
CK_INLINE void prefetch(const uint8_t *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 3);
}

// --- Panels: [block][8][TILE rows][4 levels], then scales and minimums or second scales.

typedef struct {
  uint8_t level[8][4 * TILE];
  float scale[TILE];
  float other[TILE];
} panel_block;

CK_INLINE_TARGET void store_levels(tile_levels *w, panel_block *out) {
  transpose_lanes(w->first);
  transpose_lanes(w->last);
  CK_UNROLL for (int j = 0; j < 4; j++) {
    VBITS(store)((vi *)out->level[j], w->first[j]);
    VBITS(store)((vi *)out->level[j + 4], w->last[j]);
  }
}

/// `tiles` (1 or PANEL_TILES) tiles of a panel times `tokens` tokens (constants), `blocks` blocks.
CK_INLINE_TARGET void panel_times_tokens(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t token,
  size_t row, const row_mask *rows, int last_time, const level_kind kind, const int planes,
  const int tiles, const int tokens
) {
  const ck_q8_block *x[SWEEP_TOKENS];
  vf sums[PANEL_TILES][SWEEP_TOKENS];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    x[t] = activations(p, token + (size_t)t, start);
    CK_UNROLL for (int g = 0; g < tiles; g++) {
      const float *out = p->out + (token + (size_t)t) * p->out_stride + row + TILE * (size_t)g;
      sums[g][t] = start == 0 ? VI(setzero_ps)() : load_rows(out, rows[g]);
    }
  }
  for (size_t b = 0; b < blocks; b++) {
    const panel_block *w = panel + b;
    CK_UNROLL for (int half = 0; half < (kind.halves ? 2 : 1); half++) {
      const int from = kind.halves ? 4 * half : 0, count = kind.halves ? 4 : 8;
      vi dots[PANEL_TILES][SWEEP_TOKENS], pairs[PANEL_TILES][SWEEP_TOKENS];
      CK_UNROLL for (int plane = 0; plane < planes; plane++) {
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          vi offset = VBITS(setzero)();
          if (kind.shift >= 0 && plane == planes - 1) {
            offset = correction(block_at(x[t], b, planes), kind, kind.halves ? half : -1);
          }
          CK_UNROLL for (int g = 0; g < tiles; g++) {
            dots[g][t] =
              plane ? VI(add_epi32)(VI(slli_epi32)(dots[g][t], 8), offset) : offset;
          }
        }
        CK_UNROLL for (int j = 0; j < count; j++) {
          vi levels[PANEL_TILES];
          CK_UNROLL for (int g = 0; g < tiles; g++) {
            levels[g] = VBITS(load)((const vi *)w[g * PANEL_BLOCKS].level[from + j]);
          }
          CK_UNROLL for (int t = 0; t < tokens; t++) {
            const int8_t *q = plane_of(block_at(x[t], b, planes), plane);
            const vi v = VI(set1_epi32)((int)ck_load32(q + 4 * (from + j)));
            CK_UNROLL for (int g = 0; g < tiles; g++) {
              dots[g][t] = dot_step(kind, j, count, levels[g], v, &pairs[g][t], dots[g][t]);
            }
          }
        }
      }
      CK_UNROLL for (int g = 0; g < tiles; g++) {
        const vf scale =
          VI(load_ps)(half ? w[g * PANEL_BLOCKS].other : w[g * PANEL_BLOCKS].scale);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          sums[g][t] = scaled(dots[g][t], scale, block_at(x[t], b, planes)->d, sums[g][t]);
        }
      }
    }
    if (kind.minimum) {
      CK_UNROLL for (int g = 0; g < tiles; g++) {
        const vf m = VI(load_ps)(w[g * PANEL_BLOCKS].other);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          const vf ds = VI(set1_ps)(block_at(x[t], b, planes)->ds);
          sums[g][t] = VI(fmadd_ps)(m, ds, sums[g][t]);
        }
      }
    }
  }
  CK_UNROLL for (int g = 0; g < tiles; g++) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      store_row(p, token + (size_t)t, row + TILE * (size_t)g, rows[g], last_time, sums[g][t]);
    }
  }
}

/// All tokens over one panel.
CK_INLINE_TARGET void sweep_panel(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const row_mask *rows, int last_time, const level_kind kind, const int planes, const int tiles
) {
  size_t token = 0;
#define SWEEP(count) \
  for (; token + (count) <= p->tokens; token += (count)) { \
    panel_times_tokens( \
      p, panel, blocks, start, token, row, rows, last_time, kind, planes, tiles, count); \
  }
  SWEEP(SWEEP_TOKENS)
  SWEEP(2)
  SWEEP(1)
#undef SWEEP
}

#define SWEEP_FUNCTION(name, kind, planes) \
  CK_TARGET static void sweep_##name( \
    const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row, \
    const row_mask *rows, int tiles, int last_time \
  ) { \
    if (PANEL_TILES > 1 && tiles > 1) { \
      sweep_panel( \
        p, panel, blocks, start, row, rows, last_time, kind, planes, PANEL_TILES); \
    } else { \
      sweep_panel(p, panel, blocks, start, row, rows, last_time, kind, planes, 1); \
    } \
  }

//                                       shift min halves signed room
static const level_kind minimum4 = {-1, 1, 0, 0, 8}, offset8 = {0, 0, 0, 0, 8};
static const level_kind minimum5 = {-1, 1, 0, 0, 4}, offset16 = {1, 0, 0, 0, 4};
static const level_kind halves32 = {2, 0, 1, 0, 2};
static const level_kind signed8 = {VNNI ? 4 : -1, 0, 0, !VNNI, 1};

#define SWEEP_FUNCTIONS(kind) SWEEP_FUNCTION(kind##_1, kind, 1) SWEEP_FUNCTION(kind##_2, kind, 2)
SWEEP_FUNCTIONS(minimum4)
SWEEP_FUNCTIONS(offset8)
SWEEP_FUNCTIONS(offset16)
SWEEP_FUNCTIONS(halves32)
SWEEP_FUNCTIONS(signed8)
#if VNNI
#define sweep_minimum5_1 sweep_minimum4_1
#define sweep_minimum5_2 sweep_minimum4_2
#else
SWEEP_FUNCTIONS(minimum5)
#endif

typedef void (*unpack_function)(
  const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out);
typedef void (*sweep_function)(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const row_mask *rows, int tiles, int last_time);

/// Where a tile that should begin at `row` is read, and which of its rows are wanted: tiles that
/// reach past the last row are moved up.
#define TILE_AT(row) \
  const size_t at = (row) + TILE <= p->rows ? (row) : p->rows - TILE; \
  const size_t skip = (row) - at; \
  const size_t wanted = end - (row) < TILE - skip ? end - (row) : TILE - skip; \
  const row_mask mask = rows_of(skip, wanted);

CK_TARGET static void gemm(
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
      const int tiles =
        PANEL_TILES == 2 && skip == 0 && row + 2 * TILE <= p->rows && end - row > TILE ? 2 : 1;
      row_mask masks[2] = {mask, mask};
      unpack(w, stride, start, count, panel);
      if (tiles == 2) {
        const size_t left = end - row - TILE;
        masks[1] = rows_of(0, left < TILE ? left : TILE);
        unpack(w + TILE * stride, stride, start, count, panel + PANEL_BLOCKS);
      }
      sweep(p, panel, count, start, at, masks, tiles, start + count == blocks);
      row += tiles == 2 ? 2 * TILE : wanted;
    }
  }
}

// --- The functions of each format.

/// The tiles of rows [begin, end) for `tokens` tokens (a constant) from `token` on, of which the first
/// `real` are stored. TILE_BLOCKS is what goes over the blocks of one tile.
#define GEMV(name, TILE_BLOCKS) \
  CK_INLINE_TARGET void gemv_##name( \
    const ck_product *p, size_t begin, size_t end, size_t token, const size_t tokens, \
    const size_t real, const int planes \
  ) { \
    const size_t stride = p->row_bytes; \
    const ck_q8_block *x[GEMV_TOKENS]; \
    CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
      x[t] = activations(p, token + (t < real ? t : 0), 0); \
    } \
    for (size_t row = begin; row < end; row += TILE) { \
      TILE_AT(row) \
      const uint8_t *w = (const uint8_t *)p->weights + at * stride; \
      const uint8_t *ahead = w + TILE * stride + AHEAD; \
      vf sums[GEMV_TOKENS]; \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) sums[t] = VI(setzero_ps)(); \
      TILE_BLOCKS \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
        if (t < real) store_row(p, token + t, at, mask, 1, sums[t]); \
      } \
    } \
  }

/// Formats of 32 weights a block.
#define FORMAT_32(name, block_bytes, scales, kind) \
  GEMV(name, \
    for (size_t b = 0; b < p->columns / CK_BLOCK; b++, w += block_bytes) { \
      tile_levels levels; \
      tile_scales s; \
      prefetch(ahead + b * TILE * block_bytes, TILE * block_bytes); \
      prepared_##name(w, stride, &levels); \
      scales(w, stride, &s); \
      CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
        sums[t] = block_times_token( \
          &levels, &s, block_at(x[t], b, planes), kind, planes, sums[t]); \
      } \
    }) \
  CK_TARGET static void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start * block_bytes; \
    for (size_t b = 0; b < blocks; b++, w += block_bytes) { \
      tile_levels levels; \
      tile_scales s; \
      prepared_##name(w, stride, &levels); \
      scales(w, stride, &s); \
      store_levels(&levels, out + b); \
      VI(store_ps)(out[b].scale, s.scale[0]); \
      if ((kind).minimum) VI(store_ps)(out[b].other, s.minimum); \
    } \
  } \
  MULTIPLY(name, kind)

/// Formats of 256 weights a block.
#define FORMAT_256(name, block_bytes, scales, kind) \
  GEMV(name, \
    for (size_t b = 0; b < p->columns / CK_BLOCK; b += 8, w += block_bytes) { \
      _Alignas(64) float one[8][TILE]; \
      _Alignas(64) float other[8][TILE]; \
      raw_##name raw; \
      scales(w, stride, one, other); \
      CK_UNROLL for (size_t j = 0; j < 8; j++) { \
        tile_levels levels; \
        tile_scales s; \
        prefetch(ahead + (b + j) * (TILE * block_bytes / 8), TILE * block_bytes / 8); \
        levels_##name(w, stride, j, &raw, &levels); \
        s.scale[0] = VI(load_ps)(one[j]); \
        s.scale[1] = s.minimum = VI(load_ps)(other[j]); \
        CK_UNROLL for (size_t t = 0; t < tokens; t++) { \
          sums[t] = block_times_token( \
            &levels, &s, block_at(x[t], b + j, planes), kind, planes, sums[t]); \
        } \
      } \
    }) \
  CK_TARGET static void unpack_##name( \
    const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out \
  ) { \
    w += start / 8 * block_bytes; \
    for (size_t b = 0; b < blocks; b += 8, w += block_bytes, out += 8) { \
      _Alignas(64) float one[8][TILE]; \
      _Alignas(64) float other[8][TILE]; \
      raw_##name raw; \
      scales(w, stride, one, other); \
      CK_UNROLL for (size_t j = 0; j < 8; j++) { \
        tile_levels levels; \
        levels_##name(w, stride, j, &raw, &levels); \
        store_levels(&levels, out + j); \
        VI(store_ps)(out[j].scale, VI(load_ps)(one[j])); \
        VI(store_ps)(out[j].other, VI(load_ps)(other[j])); \
      } \
    } \
  } \
  MULTIPLY(name, kind)

#define MULTIPLY(name, kind) \
  CK_INLINE_TARGET void few_##name( \
    const ck_product *p, size_t begin, size_t end, const int planes \
  ) { \
    const size_t tokens = p->tokens; \
    if (GEMV_TOKENS > 4 && tokens > 6) { \
      gemv_##name(p, begin, end, 0, GEMV_TOKENS > 4 ? 8 : 4, tokens, planes); \
    } else if (GEMV_TOKENS > 4 && tokens > 4) { \
      gemv_##name(p, begin, end, 0, GEMV_TOKENS > 4 ? 6 : 4, tokens, planes); \
    } else if (tokens == 4 || (GEMV_TOKENS > 4 && tokens == 3)) { \
      gemv_##name(p, begin, end, 0, 4, tokens, planes); \
    } else { \
      size_t token = 0; \
      for (; token + 2 <= tokens; token += 2) { \
        gemv_##name(p, begin, end, token, 2, 2, planes); \
      } \
      if (token < tokens) gemv_##name(p, begin, end, token, 1, 1, planes); \
    } \
  } \
  CK_TARGET static void SUFFIX(ck_multiply_##name)( \
    const ck_product *p, size_t begin, size_t end, void *scratch \
  ) { \
    if (p->tokens > GEMV_TOKENS) { \
      gemm( \
        p, begin, end, scratch, unpack_##name, \
        p->planes == 2 ? sweep_##kind##_2 : sweep_##kind##_1); \
    } else if (p->planes == 2) { \
      few_##name(p, begin, end, 2); \
    } else { \
      few_##name(p, begin, end, 1); \
    } \
  }

/// q8_0 has signed levels; vpdpbusd wants them as unsigned ones with an offset of 128.
CK_INLINE_TARGET void prepared_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q8_0(p, stride, out);
#if VNNI
  const vi offset = VI(set1_epi8)(-128);
  CK_UNROLL for (int a = 0; a < 4; a++) {
    out->first[a] = VBITS(xor)(out->first[a], offset);
    out->last[a] = VBITS(xor)(out->last[a], offset);
  }
#endif
}
#define prepared_q4_0 levels_q4_0
#define prepared_q4_1 levels_q4_1
#define prepared_q5_0 levels_q5_0
#define prepared_q5_1 levels_q5_1
#define prepared_mxfp4 levels_mxfp4

FORMAT_32(q4_0, 18, scales_half, offset8)
FORMAT_32(q4_1, 20, scales_half_minimum, minimum4)
FORMAT_32(q5_0, 22, scales_half, offset16)
FORMAT_32(q5_1, 24, scales_half_minimum, minimum5)
FORMAT_32(q8_0, 34, scales_half, signed8)
FORMAT_32(mxfp4, 17, scales_mxfp4, offset16)
FORMAT_256(q4_K, 144, scales_k, minimum4)
FORMAT_256(q5_K, 176, scales_k, minimum5)
FORMAT_256(q6_K, 210, scales_q6_K, halves32)

#define CASE(type, name) \
  case type: SUFFIX(ck_multiply_##name)(p, begin, end, scratch); return;

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
