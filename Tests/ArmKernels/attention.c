// Attention over the tiled cache.
#include "harness.h"

#include <string.h>

enum { KEYS = 0, VALUES = 1, QUERIES = 2, KNOWN = 3, FOUND = 4, STATES = 5, SUMS = 6 };

/// A cache of `length` keys in tiles of `type`, as the tables' store_q16 and store_q8 write it.
static void fill_cache(ck_cache_head *head, int length, numbers *n) {
  const ck_vector_kernels *k = ck_vector_kernels_for(ck_isa_ref);
  const size_t size = head->type == ck_cache_q8 ? 1 : head->type == ck_cache_q16 ? 2 : 4;
  const size_t scales = head->type == ck_cache_f32 ? 0 : CK_TILE * sizeof(float);
  // Keys of q16 have an even number of levels.
  const size_t key_levels = (size_t)(head->key_size + (head->type == ck_cache_q16) * (head->key_size & 1));
  const size_t key_tile = CK_TILE * key_levels * size + scales;
  const size_t value_tile = CK_TILE * (size_t)head->value_stride * size + scales;
  uint8_t *keys = place(KEYS, (size_t)head->slots * key_tile);
  uint8_t *values = place(VALUES, (size_t)head->slots * value_tile);
  // Whatever was there before: memory that no key or value was written to is not to count.
  memset(keys, 0xff, (size_t)head->slots * key_tile);
  memset(values, 0, (size_t)head->slots * value_tile);
  for (int p = 0; p < length; p++) {
    const size_t slot = (size_t)(p / CK_TILE % head->slots), lane = (size_t)(p % CK_TILE);
    uint8_t *key = keys + slot * key_tile, *value = values + slot * value_tile;
    float x[CK_HEAD_MAX], y[CK_HEAD_MAX] = {0};
    for (int i = 0; i < head->key_size; i++) x[i] = 2 * unit(n);
    for (int i = 0; i < head->value_size; i++) y[i] = unit(n);
    const size_t stride = (size_t)head->value_stride, many = (size_t)head->key_size;
    if (head->type == ck_cache_q16) {
      int16_t *const pairs = (int16_t *)value + lane / 2 * 2 * stride + lane % 2;
      const float a = k->store_q16(x, (int16_t *)key + 2 * lane, many, 2 * CK_TILE, 1);
      const float b = k->store_q16(y, pairs, stride, 4, 2);
      memcpy(key + 2 * CK_TILE * key_levels + 4 * lane, &a, 4);
      memcpy(value + 2 * CK_TILE * stride + 4 * lane, &b, 4);
    } else if (head->type == ck_cache_q8) {
      const float a = k->store_q8(x, (int8_t *)key + lane, many, CK_TILE);
      const float b = k->store_q8(y, (int8_t *)value + lane * stride, stride, 1);
      memcpy(key + CK_TILE * many + 4 * lane, &a, 4);
      memcpy(value + CK_TILE * stride + 4 * lane, &b, 4);
    } else {
      for (size_t i = 0; i < many; i++) ((float *)key)[i * CK_TILE + lane] = x[i];
      memcpy((float *)value + lane * stride, y, stride * sizeof(float));
    }
  }
  head->keys = keys;
  head->values = values;
}

static void check(numbers *n, const ck_vector_kernels *table, const char *name, int type) {
  const ck_vector_kernels *reference = ck_vector_kernels_for(ck_isa_ref);
  static const int sizes[] = {16, 20, 64, 72, 9};
  const int value_size = sizes[below(n, 4)], window = next(n) % 3 ? 0 : 1 + (int)below(n, 100);
  const int tokens = 1 + (int)below(n, 4), group = 1 + (int)below(n, 5);
  const int position = (int)below(n, 600), length = position + tokens;
  ck_cache_head head = {
    .slots = length / CK_TILE + 1, .type = type, .key_size = sizes[below(n, 5)],
    .value_size = value_size, .value_stride = (value_size + 15) / 16 * 16, .scale = 0.125f};
  fill_cache(&head, length, n);
  const int rows = tokens * group > CK_ATTEND_ROWS ? CK_ATTEND_ROWS : tokens * group;
  const size_t per_token = (size_t)(group * head.key_size);
  float *queries = place(QUERIES, (size_t)tokens * per_token * sizeof *queries);
  for (size_t i = 0; i < (size_t)tokens * per_token; i++) queries[i] = 2 * unit(n);
  const float sinks[5] = {0.5f, -1, 2, 0, 30};
  const ck_query_rows asked = {
    .queries = queries, .token_stride = per_token, .group = group, .rows = rows,
    .position = position, .window = window, .length = next(n) % 4 ? 0 : length,
    .sinks = next(n) % 2 ? sinks : 0};
  const size_t out_stride = (size_t)(group * value_size), count = (size_t)tokens * out_stride;
  float *known = place(KNOWN, count * sizeof *known), *found = place(FOUND, count * sizeof *found);
  memset(known, 0, count * sizeof *known);
  memset(found, 0, count * sizeof *found);
  reference->attend(&head, &asked, known, out_stride);
  table->attend(&head, &asked, found, out_stride);
  digest_floats(known, count);
  const char *format = "%s: attention, cache type %d, position %d, %d rows, window %d";
  compare_floats(known, found, count, format, name, type, position, rows, window);
  // The same in segments that are merged afterwards: one row.
  const int segments = (length + CK_TILE * CK_SEGMENT_TILES - 1) / (CK_TILE * CK_SEGMENT_TILES);
  const size_t stride = (size_t)head.value_stride;
  ck_softmax_state *states = place(STATES, (size_t)(segments * rows) * sizeof *states);
  float *sums = place(SUMS, (size_t)(segments * rows) * stride * sizeof *sums);
  for (int s = 0; s < segments; s++) {
    table->attend_segment(&head, &asked, s, states + s * rows, sums + (size_t)(s * rows) * stride);
  }
  table->merge(
    states, (size_t)rows, sums, (size_t)rows * stride, segments, asked.sinks, found, value_size,
    head.value_stride);
  compare_floats(known, found, (size_t)value_size, format, name, type, position, 1, window);
}

void check_attention(void) {
  static const ck_isa sets[] = {ck_isa_ref, ck_isa_avx2, ck_isa_avx512, ck_isa_neon};
  static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
  for (int i = 0; i < 4; i++) {
    const ck_vector_kernels *table = ck_vector_kernels_for(sets[i]);
    if (!table) continue;
    pause_digest(i > 0);
    numbers n = {5};
    for (int round = 0; round < 120; round++) check(&n, table, names[i], round % 3);
  }
  pause_digest(0);
}
