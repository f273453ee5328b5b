// One tile of quantised weights (a row in each element of a vector) times one token: what the products of
// few and of many tokens share. Included by q8_panels.h.
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
/// Whether the low bytes of a block count.
CK_INLINE int has_low(const ck_q8_block *x) { return ((const ck_q16_block *)x)->has_low != 0; }

/// Product `i` of `count` that are added to `dots`: w * x over each group of 4 bytes. Without CK_DOT
/// they gather in `pairs` first: |level| * 127 * 2 * room stays below 2^15.
CK_INLINE_TARGET vi dot_step(
  const level_kind kind, const int i, const int count, vi w, vi x, vi *pairs, vi dots
) {
#ifdef CK_DOT
  (void)kind, (void)i, (void)count, (void)pairs;
  return CK_DOT(dots, w, x);
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

/// The dot products of a tile's block with half (0, 1) of the bytes of a block, or both (-1).
CK_INLINE_TARGET vi plane_dots(
  const tile_levels *w, const int8_t *q, const level_kind kind, const int half
) {
  vi dots[4];
  const vi first = every_lane(load_lane(q)), last = every_lane(load_lane(q + 16));
  CK_UNROLL for (int a = 0; a < 4; a++) {
    vi pairs;
    dots[a] = VBITS(setzero)();
    if (half < 0) {
      dots[a] = dot_step(kind, 0, 2, w->first[a], first, &pairs, dots[a]);
      dots[a] = dot_step(kind, 1, 2, w->last[a], last, &pairs, dots[a]);
    } else {
      dots[a] = dot_step(
        kind, 0, 1, half ? w->last[a] : w->first[a], half ? last : first, &pairs, dots[a]);
    }
  }
  return row_sums(dots);
}

/// The same with a token's block.
CK_INLINE_TARGET vi tile_dots(
  const tile_levels *w, const ck_q8_block *x, const level_kind kind, const int planes,
  const int half
) {
  vi dots = plane_dots(w, plane_of(x, 0), kind, half);
  if (planes == 1) return dots;
  dots = VI(slli_epi32)(dots, 8);
  return has_low(x) ? VI(add_epi32)(dots, plane_dots(w, plane_of(x, 1), kind, half)) : dots;
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

/// Groups of four levels [from, from + count) of block `b` of a tile times those of some tokens (a constant).
/// The levels have been turned around, one row in each element, so that no products are added up across.
/// Each step of a sum waits for the step before, so tokens take turns.
CK_INLINE_TARGET void word_dots(
  const tile_levels *w, const ck_q8_block *const *x, size_t b, const int from, const int count,
  const level_kind kind, const int planes, const size_t tokens, vi *dots
) {
  vi pairs[GEMV_TOKENS];
  CK_UNROLL for (size_t t = 0; t < tokens; t++) dots[t] = VBITS(setzero)();
  CK_UNROLL for (int i = 0; i < count; i++) {
    const int j = from + i;
    const vi levels = j < 4 ? w->first[j & 3] : w->last[j & 3];
    CK_UNROLL for (size_t t = 0; t < tokens; t++) {
      const vi v = every_word(plane_of(block_at(x[t], b, planes), 0), j);
      dots[t] = dot_step(kind, i, count, levels, v, &pairs[t], dots[t]);
    }
  }
  CK_UNROLL for (size_t t = 0; t < tokens && planes == 2; t++) {
    const ck_q8_block *const block = block_at(x[t], b, planes);
    dots[t] = VI(slli_epi32)(dots[t], 8);
    if (!has_low(block)) continue;
    CK_UNROLL for (int i = 0; i < count; i++) {
      const int j = from + i;
      const vi levels = j < 4 ? w->first[j & 3] : w->last[j & 3];
      const vi v = every_word(plane_of(block, 1), j);
      dots[t] = dot_step(kind, i, count, levels, v, &pairs[t], dots[t]);
    }
  }
}

/// Block `b` of a tile, turned around, times some tokens (a constant), to be added to `sums`.
CK_INLINE_TARGET void words_times_tokens(
  const tile_levels *w, const tile_scales *s, const ck_q8_block *const *x, size_t b,
  const level_kind kind, const int planes, const size_t tokens, vf *sums
) {
  CK_UNROLL for (int half = 0; half < (kind.halves ? 2 : 1); half++) {
    vi dots[GEMV_TOKENS];
    word_dots(
      w, x, b, kind.halves ? 4 * half : 0, kind.halves ? 4 : 8, kind, planes, tokens, dots);
    CK_UNROLL for (size_t t = 0; t < tokens; t++) {
      const ck_q8_block *const block = block_at(x[t], b, planes);
      if (kind.shift >= 0) {
        dots[t] = VI(add_epi32)(dots[t], correction(block, kind, kind.halves ? half : -1));
      }
      sums[t] = scaled(dots[t], s->scale[half], block->d, sums[t]);
    }
  }
  CK_UNROLL for (size_t t = 0; t < tokens && kind.minimum; t++) {
    const vf ds = VI(set1_ps)(block_at(x[t], b, planes)->ds);
    sums[t] = VI(fmadd_ps)(s->minimum, ds, sums[t]);
  }
}

/// The same of levels as they were read.
CK_INLINE_TARGET void block_times_tokens(
  tile_levels *w, const tile_scales *s, const ck_q8_block *const *x, size_t b,
  const level_kind kind, const int planes, const size_t tokens, vf *sums
) {
  transpose_lanes(w->first);
  transpose_lanes(w->last);
  words_times_tokens(w, s, x, b, kind, planes, tokens, sums);
}

CK_INLINE_TARGET void store_row(
  const ck_product *p, size_t token, size_t row, row_mask rows, int with_bias, vf sum
) {
  if (with_bias && p->bias) sum = VI(add_ps)(sum, load_rows(p->bias + row, rows));
  store_rows(p->out + token * p->out_stride + row, rows, sum);
}

/// Fetches the lines of [p, p + bytes). Tiles are read TILE rows at a time, but fetched in the order
/// they lie in memory, at least one tile ahead (a thread's next chunk of rows is usually the one that
/// follows, so what is fetched past the end is not lost). Into the second-level cache: a tile does not
/// fit the first, and what is under way to the first is bound by its few miss registers (Zen 4: 12 GB/s a
/// thread, whatever the format, where the second takes 25).
CK_INLINE void prefetch(const uint8_t *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 2);
}
