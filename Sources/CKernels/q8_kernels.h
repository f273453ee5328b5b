// Quantised weights times int8 or int16 activations, for vectors of any width: included after
// q8_vector128.h, q8_vector256.h or q8_vector512.h by the files of the instruction sets (q8_avx2.c,
// q8_dotprod.c, ...), which define
//
//   SUFFIX(name)   the name with the instruction set appended
//   CK_TARGET      the target attribute
//   CK_DOT         sums + products of four bytes each, where there is such an instruction
//   SIGNED_LEVELS  1 where levels are multiplied as signed bytes, 0 where as unsigned ones
//
// Few tokens (a draft that is checked): one pass over the weights as they are stored, TILE rows at a
// time, whose levels stay in registers for all tokens (gemv); from three tokens on they are turned around
// there first. More tokens:
// PANEL_TILES tiles of PANEL_BLOCKS blocks are unpacked into a panel that stays in the first-level
// cache, and all tokens are swept over it, SWEEP_TOKENS at a time (gemm). Both add the blocks of a
// row in ascending order.
//
// int16 activations are two planes of bytes: the dot product of the high bytes, times 256, is where
// that of the low bytes begins, which is left out where a block has none. The weights are read and unpacked
// once for both.
//
// Without CK_DOT, products of bytes are added up in 16 bits (vpmaddubsw) as long as they cannot
// overflow: `room` is how many fit.
#include "q8_panels.h"

/// Adds block `b` of a tile times each of some tokens (a constant) to `sums`.
CK_INLINE_TARGET void add_block(
  tile_levels *w, const tile_scales *s, const ck_q8_block *const *x, size_t b,
  const level_kind kind, const int planes, const size_t tokens, vf *sums
) {
  if (tokens > 2) return block_times_tokens(w, s, x, b, kind, planes, tokens, sums);
  CK_UNROLL for (size_t t = 0; t < tokens; t++) {
    sums[t] = block_times_token(w, s, block_at(x[t], b, planes), kind, planes, sums[t]);
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
      add_block(&levels, &s, x, b, kind, planes, tokens, sums); \
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
      store_levels(&levels, kind, out + b); \
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
        add_block(&levels, &s, x, b + j, kind, planes, tokens, sums); \
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
        store_levels(&levels, kind, out + j); \
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
    /* Two sums a block and eight tokens would be more than there are registers. */ \
    if (GEMV_TOKENS > 4 && tokens > 6 && !(kind).halves) { \
      return gemv_##name(p, begin, end, 0, GEMV_TOKENS > 4 ? 8 : 4, tokens, planes); \
    } \
    if (GEMV_TOKENS > 4 && (tokens == 5 || tokens == 6)) { \
      return gemv_##name(p, begin, end, 0, GEMV_TOKENS > 4 ? 6 : 4, tokens, planes); \
    } \
    for (size_t token = 0, left = tokens; token < tokens; token += 4, left = tokens - token) { \
      if (left > 2) { \
        gemv_##name(p, begin, end, token, 4, left < 4 ? left : 4, planes); \
      } else if (left == 2) { \
        gemv_##name(p, begin, end, token, 2, 2, planes); \
      } else { \
        gemv_##name(p, begin, end, token, 1, 1, planes); \
      } \
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
FORMAT_32(iq4_nl, 18, scales_half, signed8)
FORMAT_256(q3_K, 110, scales_q3_K, halves8)
FORMAT_256(q4_K, 144, scales_k, minimum4)
FORMAT_256(q5_K, 176, scales_k, minimum5)
FORMAT_256(q6_K, 210, scales_q6_K, halves32)
FORMAT_256(iq4_xs, 136, scales_iq4_xs, signed8)

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
    CASE(CK_Q3_K, q3_K)
    CASE(CK_IQ4_NL, iq4_nl)
    CASE(CK_IQ4_XS, iq4_xs)
  }
}

#include "q8_coarse.h"
