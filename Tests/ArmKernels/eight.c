// Products of bytes.
#include "harness.h"

#include <string.h>

enum { WEIGHTS = 0, SCALES = 1, FLOATS = 2, LEVELS = 3, FACTS = 4, OUT = 5, PANELS = 7 };

static void check(numbers *n, size_t rows, size_t columns, size_t tokens, int kind) {
  const size_t stride = ck_i8_stride(columns), sections = ck_i8_sections(columns);
  const size_t panels = (rows + CK_I8_ROWS - 1) / CK_I8_ROWS;
  const ck_vector_kernels *vectors = ck_vector_kernels_for(ck_isa_ref);
  float *w = place(WEIGHTS, rows * columns * sizeof *w);
  float *x = place(FLOATS, tokens * columns * sizeof *x);
  // Ordinary, the largest sums there are, or large, tiny and odd values here and there.
  for (size_t i = 0; i < rows * columns; i++) w[i] = kind == 1 ? 3 : unit(n);
  for (size_t i = 0; i < tokens * columns; i++) x[i] = kind == 1 ? (next(n) & 1 ? 5 : -5) : unit(n);
  for (size_t i = 0; i < tokens * columns && kind == 2; i += 1 + below(n, 40)) {
    static const float odd[] = {3e38f, 1e-40f, -0.0f, 1e-31f, __builtin_inff(), __builtin_nanf("")};
    x[i] = odd[below(n, 6)];
  }
  int8_t *packed = place(PANELS, panels * CK_I8_ROWS * stride);
  float *scales = place(SCALES, panels * CK_I8_ROWS * sections * sizeof *scales);
  for (size_t p = 0; p < panels; p++) {
    const size_t here = rows - p * CK_I8_ROWS < CK_I8_ROWS ? rows - p * CK_I8_ROWS : CK_I8_ROWS;
    ck_i8_pack(
      vectors, w + p * CK_I8_ROWS * columns, columns, here, columns, packed + p * CK_I8_ROWS * stride,
      scales + p * CK_I8_ROWS * sections);
  }
  int8_t *levels = place(LEVELS, tokens * stride);
  ck_i8_facts *facts = place(FACTS, tokens * sections * sizeof *facts);
  for (size_t t = 0; t < tokens; t++) {
    ck_i8_quantize(vectors, x + t * columns, columns, levels + t * stride, facts + t * sections);
  }
  // The largest and the smallest levels there are, which no data reaches everywhere.
  if (kind == 3) {
    for (size_t i = 0; i < tokens * stride; i++) levels[i] = i % stride < columns ? 127 : 0;
    for (size_t i = 0; i < panels * CK_I8_ROWS * stride; i++) packed[i] = next(n) & 1 ? 127 : -127;
    for (size_t s = 0; s < tokens * sections; s++) {
      const size_t begin = s % sections * CK_I8_SECTION;
      const size_t count = columns - begin < CK_I8_SECTION ? columns - begin : CK_I8_SECTION;
      facts[s].n128 = -128 * 127 * (int32_t)count;
    }
  }
  digest_bytes(packed, panels * CK_I8_ROWS * stride);
  digest_floats(scales, panels * CK_I8_ROWS * sections);
  digest_bytes(levels, tokens * stride);
  float bias[128];
  for (size_t r = 0; r < rows; r++) bias[r] = unit(n);
  const int with_bias = next(n) % 2, adds = next(n) % 4 == 0;
  const size_t from = next(n) % 2 ? tokens / 2 : 0, first = next(n) % 2 ? panels / 2 : 0;
  const size_t total = tokens * (rows + 1);
  float known[100 * 30];
  const ck_i8_kernels *kernels;
  for (size_t i = 0; (kernels = ck_i8_kernels_at(i)); i++) {
    float *out = place(OUT, total * sizeof *out);
    for (size_t k = 0; k < total; k++) out[k] = 77;
    const ck_i8_product p = {packed, scales, rows, columns, levels, facts, out, rows + 1,
                             with_bias ? bias : 0, adds};
    kernels->multiply(&p, first, panels, from, tokens);
    if (i == 0) {
      memcpy(known, out, total * sizeof *out);
      digest_floats(known, total);
      continue;
    }
    compare_floats(
      known, out, total, "%s: bytes, %zu rows, %zu columns, %zu tokens, data %d", kernels->name, rows,
      columns, tokens, kind);
  }
}

void check_eight(void) {
  const ck_i8_kernels *kernels;
  for (size_t i = 0; (kernels = ck_i8_kernels_at(i)); i++) saw(kernels->name, i == 0);
  numbers n = {3};
  static const size_t rows[] = {1, 15, 16, 17, 31, 32, 33, 50, 70};
  static const size_t columns[] = {1, 2, 3, 4, 7, 8, 15, 16, 17, 97, 127, 128, 129, 384, 391};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
      for (int kind = 0; kind < 4; kind++) check(&n, rows[r], columns[c], 1 + below(&n, 14), kind);
    }
  }
}
