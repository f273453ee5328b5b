// Attention over the tiled cache, written once; vector_kernels.c includes this for each instruction set.
//
// For one query row: within a segment (256 keys at absolute positions) an online softmax goes from
// tile to tile (64 keys); segments are merged in order. What a row yields depends on its query and
// its keys alone, never on its neighbours, so any split of a prompt or of the work gives equal bits.

#include "attention_segment.h"

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
  if (head->type == ck_cache_q16)
    CK_(segment_of)(ck_cache_q16, head, ready->queries, ready->stride, rows, ready->first,
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
