// Attention over the tiled cache, written once; attention.c includes this for each instruction set.
//
// For one query row: within a segment (256 keys at absolute positions) an online softmax goes from
// tile to tile (64 keys); segments are merged in order. What a row yields depends on its query and
// its keys alone, never on its neighbours, so any split of a prompt or of the work gives equal bits.

#define CK_ROWS 6  // rows of a register block

/// Bytes of one element, and of the scales behind a tile.
CK_INLINE size_t CK_(element_bytes)(const int type) {
  return type == ck_cache_q8 ? 1 : type == ck_cache_f16 ? 2 : 4;
}
CK_INLINE size_t CK_(scale_bytes)(const int type) {
  return type == ck_cache_q8 ? CK_TILE * sizeof(float) : 0;
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
      if (type == ck_cache_f16)
        CK_(from_f16)(&line[v], (const uint16_t *)b + k * b_stride + 16 * v);
      else if (type == ck_cache_q8)
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
    const size_t key_bytes = CK_TILE * (size_t)head->key_size * size;
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
      CK_(panel)(n, (high + 15) / 16, type, false, queries + r0 * query_stride, query_stride, keys,
                 CK_TILE, 0, head->key_size, scores, CK_TILE);
      for (int r = r0; r < r0 + n; r++) {
        float *row = scores + (r - r0) * CK_TILE;
        if (first[r] >= base + CK_TILE || end[r] <= base || first[r] >= end[r])
          memset(row, 0, CK_TILE * sizeof(float));
        else
          CK_(weigh)(row, first[r] - base, end[r] - base, head->scale, &maxima[r], &lanes[r],
                     sums + (size_t)r * stride, stride, type == ck_cache_q8,
                     (const float *)(keys + key_bytes), (const float *)(values + value_bytes));
      }
      CK_(panel)(n, stride / 16, type, true, scores, CK_TILE, values, stride, low, high,
                 sums + (size_t)r0 * stride, stride);
    }
  }
  for (int r = 0; r < rows; r++) {
    states[r].maximum = maxima[r];
    states[r].sum = CK_(sum16)(&lanes[r]);
  }
}

/// Rows made ready: packed queries and the key range of each.
typedef struct {
  const float *queries;
  size_t stride;
  int32_t first[CK_ATTEND_ROWS], end[CK_ATTEND_ROWS];
  int32_t lowest, highest;
} CK_(ready);

/// - packed: room for [rows][key_size], used when rows of several tokens are not evenly spaced.
CK_INLINE void CK_(make_ready)(const ck_query_rows *rows, int key_size, float *packed,
                               CK_(ready) * out) {
  out->lowest = INT32_MAX, out->highest = 0;
  for (int r = 0; r < rows->rows; r++) {
    const int position = rows->position + r / rows->group;
    int first = rows->window > 0 ? position - rows->window + 1 : 0;
    if (first < 0 || rows->length) first = 0;
    out->first[r] = first;
    out->end[r] = rows->length ? rows->length : position + 1;
    if (first < out->lowest) out->lowest = first;
    if (out->end[r] > out->highest) out->highest = out->end[r];
  }
  out->queries = rows->queries, out->stride = (size_t)key_size;
  if (rows->rows <= rows->group) return;
  if (rows->group == 1) {
    out->stride = rows->token_stride;
    return;
  }
  for (int r = 0; r < rows->rows; r += rows->group) {
    int n = rows->rows - r < rows->group ? rows->rows - r : rows->group;
    memcpy(packed + (size_t)r * key_size,
           rows->queries + (size_t)(r / rows->group) * rows->token_stride,
           (size_t)n * key_size * sizeof(float));
  }
  out->queries = packed;
}

CK_INLINE void CK_(segment)(const ck_cache_head *head, const CK_(ready) * ready, int rows,
                            int segment, ck_softmax_state *states, float *sums) {
  if (head->type == ck_cache_f16)
    CK_(segment_of)(ck_cache_f16, head, ready->queries, ready->stride, rows, ready->first,
                    ready->end, segment, states, sums);
  else if (head->type == ck_cache_q8)
    CK_(segment_of)(ck_cache_q8, head, ready->queries, ready->stride, rows, ready->first,
                    ready->end, segment, states, sums);
  else
    CK_(segment_of)(ck_cache_f32, head, ready->queries, ready->stride, rows, ready->first,
                    ready->end, segment, states, sums);
}

static __attribute__((noinline)) void CK_(segment_call)(const ck_cache_head *head,
                                                        const CK_(ready) * ready, int rows,
                                                        int segment, ck_softmax_state *states,
                                                        float *sums) {
  CK_(segment)(head, ready, rows, segment, states, sums);
}

static void CK_(attend_segment)(const ck_cache_head *head, const ck_query_rows *rows, int segment,
                                ck_softmax_state *states, float *sums) {
  CK_(ready) ready;
  _Alignas(64) float packed[CK_ATTEND_ROWS * CK_HEAD_MAX];
  CK_(make_ready)(rows, head->key_size, packed, &ready);
  CK_(segment_call)(head, &ready, rows->rows, segment, states, sums);
}

/// total ← total merged with what a later segment found.
CK_INLINE void CK_(merge_into)(ck_softmax_state *total, float *total_values,
                               const ck_softmax_state *next, const float *values, int stride) {
  if (!(next->sum > 0)) {
    if (next->sum == 0) return;  // no key of this segment counts; NaN goes on
  }
  if (total->sum == 0) {
    *total = *next;
    memcpy(total_values, values, (size_t)stride * sizeof(float));
    return;
  }
  const float m = total->maximum > next->maximum ? total->maximum : next->maximum;
  v16 a = CK_SPLAT(total->maximum - m), b = CK_SPLAT(next->maximum - m);
  CK_(exp16)(&a);
  CK_(exp16)(&b);
  total->maximum = m;
  total->sum = fmaf(next->sum, b[0], total->sum * a[0]);
  for (int i = 0; i < stride; i += 16)
    CK_STORE(total_values + i, CK_FMA(CK_LOAD(values + i), b, CK_LOAD(total_values + i) * a));
}

/// Adds the sink (a score without a value) and divides by the sum.
CK_INLINE void CK_(finish)(const ck_softmax_state *state, float *values, const float *sink,
                           float *out, int value_size, int stride) {
  float sum = state->sum, factor = 1;
  if (sink) {
    const float m = state->maximum > *sink ? state->maximum : *sink;
    v16 a = CK_SPLAT(state->maximum - m), b = CK_SPLAT(*sink - m);
    CK_(exp16)(&a);
    CK_(exp16)(&b);
    factor = a[0];
    sum = fmaf(sum, factor, b[0]);
  }
  factor = factor / sum;
  for (int i = 0; i < stride; i += 16) {
    v16 v = CK_LOAD(values + i) * CK_SPLAT(factor);
    if (value_size - i >= 16) CK_STORE(out + i, v);
    else CK_(store_part)(&v, out + i, (size_t)(value_size - i));
  }
}

static void CK_(merge)(const ck_softmax_state *states, size_t state_stride, const float *sums,
                       size_t sum_stride, int segments, const float *sink, float *out,
                       int value_size, int value_stride) {
  ck_softmax_state total = {-INFINITY, 0};
  _Alignas(64) float values[CK_HEAD_MAX];
  memset(values, 0, (size_t)value_stride * sizeof(float));
  for (int s = 0; s < segments; s++)
    CK_(merge_into)(&total, values, states + s * state_stride, sums + s * sum_stride,
                    value_stride);
  CK_(finish)(&total, values, sink, out, value_size, value_stride);
}

static void CK_(attend)(const ck_cache_head *head, const ck_query_rows *rows, float *out,
                        size_t out_stride) {
  const int stride = head->value_stride, n = rows->rows;
  CK_(ready) ready;
  ck_softmax_state total[CK_ATTEND_ROWS], part[CK_ATTEND_ROWS];
  _Alignas(64) float packed[CK_ATTEND_ROWS * CK_HEAD_MAX];
  _Alignas(64) float total_values[CK_ATTEND_ROWS * CK_HEAD_MAX];
  _Alignas(64) float values[CK_ATTEND_ROWS * CK_HEAD_MAX];
  CK_(make_ready)(rows, head->key_size, packed, &ready);
  for (int r = 0; r < n; r++) total[r].maximum = -INFINITY, total[r].sum = 0;
  memset(total_values, 0, (size_t)n * stride * sizeof(float));
  const int keys = CK_TILE * CK_SEGMENT_TILES;
  for (int s = ready.lowest / keys; s * keys < ready.highest; s++) {
    CK_(segment_call)(head, &ready, n, s, part, values);
    for (int r = 0; r < n; r++)
      CK_(merge_into)(&total[r], total_values + (size_t)r * stride, &part[r],
                      values + (size_t)r * stride, stride);
  }
  for (int r = 0; r < n; r++)
    CK_(finish)(&total[r], total_values + (size_t)r * stride,
                rows->sinks ? rows->sinks + r % rows->group : NULL,
                out + (size_t)(r / rows->group) * out_stride +
                    (size_t)(r % rows->group) * head->value_size,
                head->value_size, stride);
}
