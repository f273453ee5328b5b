// Attention of a few rows over one segment of the tiled cache: scores, softmax weights and sums of values.
// Included by attention_body.h for each instruction set.

#define CK_ROWS 6  // rows of a register block

/// Bytes of one element, and of the scales behind a tile.
CK_INLINE size_t CK_(element_bytes)(const int type) {
  return type == ck_cache_q8 ? 1 : type == ck_cache_f32 ? 4 : 2;
}
CK_INLINE size_t CK_(scale_bytes)(const int type) {
  return type == ck_cache_q8 || type == ck_cache_q16 ? CK_TILE * sizeof(float) : 0;
}

/// Sixteen levels as floats.
CK_INLINE void CK_(from_i8)(v16 *v, const int8_t *p) {
  v16c levels;
  memcpy(&levels, p, sizeof levels);
  *v = __builtin_convertvector(levels, v16);
}

/// c[rows][16·vectors] (+)= a[rows][k0 ..< k1] · b[k0 ..< k1][16·vectors], in order of k, fused.
CK_INLINE void CK_(block)(const int rows, const int vectors, const int type, const bool add,
                          const float *a, size_t a_stride, const void *b, size_t b_stride, int k0,
                          int k1, float *c, size_t c_stride) {
  v16 sum[CK_ROWS][4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      sum[r][v] = add ? CK_LOAD(c + r * c_stride + 16 * v) : CK_SPLAT(0);
  for (int k = k0; k < k1; k++) {
    v16 line[4];
    for (int v = 0; v < vectors; v++) {
      if (type == ck_cache_q8)
        CK_(from_i8)(&line[v], (const int8_t *)b + k * b_stride + 16 * v);
      else
        line[v] = CK_LOAD((const float *)b + k * b_stride + 16 * v);
    }
    for (int r = 0; r < rows; r++) {
      v16 x = CK_SPLAT(a[r * a_stride + k]);
      for (int v = 0; v < vectors; v++) sum[r][v] = CK_FMA(x, line[v], sum[r][v]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) CK_STORE(c + r * c_stride + 16 * v, sum[r][v]);
}

#if CK_ISA == 2
#define CK_WIDE 4
#else
#define CK_WIDE 1
#endif

#define CK_BLOCK_CASE(r)                                                                          \
  case r:                                                                                         \
    CK_(block)(r, CK_WIDE, type, add, a, a_stride, b, b_stride, k0, k1, c, c_stride);              \
    break;
#define CK_NARROW_CASE(r)                                                                         \
  case r:                                                                                         \
    CK_(block)(r, 1, type, add, a, a_stride, b, b_stride, k0, k1, c, c_stride);                    \
    break;

/// As `block`, for any number of vectors: wide blocks first, then single ones.
CK_INLINE void CK_(panel)(int rows, int vectors, const int type, const bool add, const float *a,
                          size_t a_stride, const char *b, size_t b_stride, int k0, int k1,
                          float *c, size_t c_stride) {
  const size_t size = CK_(element_bytes)(type);
  for (; vectors >= CK_WIDE; vectors -= CK_WIDE) {
    switch (rows) {
      CK_BLOCK_CASE(1) CK_BLOCK_CASE(2) CK_BLOCK_CASE(3)
      CK_BLOCK_CASE(4) CK_BLOCK_CASE(5) CK_BLOCK_CASE(6)
    }
    b += CK_WIDE * 16 * size, c += CK_WIDE * 16;
  }
  for (; vectors > 0; vectors--) {
    switch (rows) {
      CK_NARROW_CASE(1) CK_NARROW_CASE(2) CK_NARROW_CASE(3)
      CK_NARROW_CASE(4) CK_NARROW_CASE(5) CK_NARROW_CASE(6)
    }
    b += 16 * size, c += 16;
  }
}

#include "attention_pairs.h"

/// One row's softmax step over a tile: scores → weights, in place. With `scales` ([64] each), scores
/// are of levels of keys, and weights become factors of levels of values.
CK_INLINE void CK_(weigh)(float *scores, int first, int end, float scale, float *maximum, v16 *sum,
                          float *values, int value_stride, const bool scales,
                          const float *key_scales, const float *value_scales) {
  const v16i lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const v16 none = CK_SPLAT(-INFINITY);
  v16 s[4], best = none;
  v16i inside[4];
  for (int v = 0; v < 4; v++) {
    v16i lane = lanes + 16 * v;
    inside[v] = (lane >= first) & (lane < end);
    s[v] = CK_LOAD(scores + 16 * v);
    if (scales) s[v] = s[v] * CK_LOAD(key_scales + 16 * v);
    s[v] = s[v] * CK_SPLAT(scale);
    s[v] = CK_SELECT(inside[v], s[v], none);
    best = CK_MAX(s[v], best);
  }
  float top = CK_(max16)(&best);
  if (top > *maximum) {
    v16 shrink = CK_SPLAT(*maximum - top);
    CK_(exp16)(&shrink);
    *maximum = top;
    *sum = *sum * shrink;
    for (int i = 0; i < value_stride; i += 16) CK_STORE(values + i, CK_LOAD(values + i) * shrink);
  }
  const v16 m = CK_SPLAT(*maximum);
  for (int v = 0; v < 4; v++) {
    v16 p = s[v] - m;
    CK_(exp16)(&p);
    p = (v16)((v16i)p & inside[v]);
    *sum = *sum + p;
    if (scales) {
      p = p * CK_LOAD(value_scales + 16 * v);
      p = (v16)((v16i)p & inside[v]);  // the scale of a key that does not count may be anything
    }
    CK_STORE(scores + 16 * v, p);
  }
}

CK_INLINE void CK_(segment_of)(const int type, const ck_cache_head *head, const float *queries,
                               size_t query_stride, int rows, const int32_t *first,
                               const int32_t *end, int segment, ck_softmax_state *states,
                               float *sums) {
  const size_t size = CK_(element_bytes)(type);
  const int stride = head->value_stride;
  float maxima[CK_ATTEND_ROWS];
  v16 lanes[CK_ATTEND_ROWS];
  _Alignas(64) float scores[CK_ROWS * CK_TILE];
  for (int r = 0; r < rows; r++) maxima[r] = -INFINITY, lanes[r] = CK_SPLAT(0);
  memset(sums, 0, (size_t)rows * stride * sizeof(float));
  memset(scores, 0, sizeof scores);
  const bool pairs = type == ck_cache_q16;
  const int key_pairs = (head->key_size + 1) / 2;
  _Alignas(64) int16_t levels[pairs ? CK_ATTEND_ROWS * CK_HEAD_MAX : 1];
  _Alignas(64) int16_t shares[pairs ? CK_ROWS * CK_TILE : 1];
  float factors[CK_ATTEND_ROWS], share_factors[CK_ROWS];
  if (pairs) {
    for (int r = 0; r < rows; r++) {
      int16_t *const own = levels + 2 * r * key_pairs;
      own[2 * key_pairs - 1] = 0;
      factors[r] = CK_(round_q16)(queries + r * query_stride, own, (size_t)head->key_size, 2, 1);
    }
  }

  int lowest = INT32_MAX, highest = 0;
  for (int r = 0; r < rows; r++) {
    if (first[r] < lowest) lowest = first[r];
    if (end[r] > highest) highest = end[r];
  }
  int tile = segment * CK_SEGMENT_TILES, tile_end = tile + CK_SEGMENT_TILES;
  if (tile < lowest / CK_TILE) tile = lowest / CK_TILE;
  if (tile_end > (highest + CK_TILE - 1) / CK_TILE) tile_end = (highest + CK_TILE - 1) / CK_TILE;
  for (; tile < tile_end; tile++) {
    const int base = tile * CK_TILE;
    const size_t slot = (size_t)(tile % head->slots);
    const size_t key_bytes = CK_TILE * (size_t)(pairs ? 2 * key_pairs : head->key_size) * size;
    const size_t value_bytes = CK_TILE * (size_t)stride * size;
    const char *keys = (const char *)head->keys + slot * (key_bytes + CK_(scale_bytes)(type));
    const char *values =
        (const char *)head->values + slot * (value_bytes + CK_(scale_bytes)(type));
    for (int r0 = 0; r0 < rows; r0 += CK_ROWS) {
      const int n = rows - r0 < CK_ROWS ? rows - r0 : CK_ROWS;
      int low = CK_TILE, high = 0;
      for (int r = r0; r < r0 + n; r++) {
        int a = first[r] - base, b = end[r] - base;
        if (a < 0) a = 0;
        if (b > CK_TILE) b = CK_TILE;
        if (a >= b) continue;
        if (a < low) low = a;
        if (b > high) high = b;
      }
      if (low >= high) continue;
      if (pairs)
        CK_(pair_panel)(n, (high + 15) / 16, false, levels + 2 * r0 * key_pairs, (size_t)key_pairs,
                        (const int16_t *)keys, CK_TILE, 0, key_pairs, factors + r0, scores,
                        CK_TILE);
      else
        CK_(panel)(n, (high + 15) / 16, type, false, queries + r0 * query_stride, query_stride,
                   keys, CK_TILE, 0, head->key_size, scores, CK_TILE);
      for (int r = r0; r < r0 + n; r++) {
        float *row = scores + (r - r0) * CK_TILE;
        if (first[r] >= base + CK_TILE || end[r] <= base || first[r] >= end[r])
          memset(row, 0, CK_TILE * sizeof(float));
        else
          CK_(weigh)(row, first[r] - base, end[r] - base, head->scale, &maxima[r], &lanes[r],
                     sums + (size_t)r * stride, stride, CK_(scale_bytes)(type) > 0,
                     (const float *)(keys + key_bytes), (const float *)(values + value_bytes));
      }
      if (pairs) {
        for (int r = 0; r < n; r++)
          share_factors[r] =
              CK_(round_q16)(scores + r * CK_TILE, shares + r * CK_TILE, CK_TILE, 2, 1);
        CK_(pair_panel)(n, stride / 16, true, shares, CK_TILE / 2, (const int16_t *)values,
                        (size_t)stride, low / 2, (high + 1) / 2, share_factors,
                        sums + (size_t)r0 * stride, (size_t)stride);
      } else {
        CK_(panel)(n, stride / 16, type, true, scores, CK_TILE, values, stride, low, high,
                   sums + (size_t)r0 * stride, stride);
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    states[r].maximum = maxima[r];
    states[r].sum = CK_(sum16)(&lanes[r]);
  }
}
