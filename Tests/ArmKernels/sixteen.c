// Sixteen-bit products.
#include "harness.h"

#include <string.h>

enum { WEIGHTS = 0, SCALES = 1, FLOATS = 2, LEVELS = 3, X_SCALES = 4, OUT = 5, KNOWN = 6, PANELS = 7 };

static void check(numbers *n, size_t rows, size_t columns, size_t tokens, int kind) {
  const size_t stride = ck_i16_stride(columns), sections = ck_i16_sections(columns);
  const size_t panels = (rows + CK_I16_ROWS - 1) / CK_I16_ROWS;
  float *w = place(WEIGHTS, rows * columns * sizeof *w);
  float *x = place(FLOATS, tokens * columns * sizeof *x);
  // Ordinary, the largest sums there are, or large, tiny and odd values here and there.
  for (size_t i = 0; i < rows * columns; i++) w[i] = kind == 1 ? 3 : unit(n);
  for (size_t i = 0; i < tokens * columns; i++) x[i] = kind == 1 ? (next(n) & 1 ? 5 : -5) : unit(n);
  // Halfway between two levels: to the even one.
  for (size_t i = 0; i < tokens * columns && kind == 3; i++) {
    x[i] = i % columns % CK_I16_SECTION == 0 ? CK_I16_LEVELS : (float)below(n, CK_I16_LEVELS) - 0.5f;
  }
  for (size_t i = 0; i < tokens * columns && kind == 2; i += 1 + below(n, 40)) {
    static const float odd[] = {3e38f, 1e-40f, -0.0f, 1e-31f, __builtin_inff(), __builtin_nanf("")};
    x[i] = odd[below(n, 6)];
  }
  int16_t *packed = place(PANELS, panels * CK_I16_ROWS * stride * sizeof *packed);
  float *scales = place(SCALES, panels * CK_I16_ROWS * sections * sizeof *scales);
  for (size_t p = 0; p < panels; p++) {
    const size_t here = rows - p * CK_I16_ROWS < CK_I16_ROWS ? rows - p * CK_I16_ROWS : CK_I16_ROWS;
    ck_i16_pack(
      w + p * CK_I16_ROWS * columns, columns, here, columns, packed + p * CK_I16_ROWS * stride,
      scales + p * CK_I16_ROWS * sections);
  }
  digest_bytes(packed, panels * CK_I16_ROWS * stride * sizeof *packed);
  digest_floats(scales, panels * CK_I16_ROWS * sections);
  float bias[128];
  for (size_t r = 0; r < rows; r++) bias[r] = unit(n);
  const int with_bias = next(n) % 2;
  const size_t from = next(n) % 2 ? tokens / 2 : 0, first = next(n) % 2 ? panels / 2 : 0;
  const size_t total = tokens * (rows + 1);
  float known[100 * 30];
  static int16_t known_levels[900 * 30];
  float known_scales[3 * 30];
  const ck_i16_kernels *kernels;
  for (size_t i = 0; (kernels = ck_i16_kernels_at(i)); i++) {
    int16_t *levels = place(LEVELS, tokens * stride * sizeof *levels);
    float *x_scales = place(X_SCALES, tokens * sections * sizeof *x_scales);
    for (size_t t = 0; t < tokens; t++) {
      kernels->quantize(x + t * columns, columns, levels + t * stride, x_scales + t * sections);
    }
    float *out = place(OUT, total * sizeof *out);
    for (size_t k = 0; k < total; k++) out[k] = 77;
    const ck_i16_product p = {packed, scales, rows, columns, levels, x_scales, out, rows + 1,
                              with_bias ? bias : 0};
    kernels->multiply(&p, first, panels, from, tokens);
    if (i == 0) {
      memcpy(known, out, total * sizeof *out);
      memcpy(known_levels, levels, tokens * stride * sizeof *levels);
      memcpy(known_scales, x_scales, tokens * sections * sizeof *x_scales);
      digest_floats(known, total);
      digest_bytes(known_levels, tokens * stride * sizeof *levels);
      continue;
    }
    const char *format = "%s: 16 bits, %zu rows, %zu columns, %zu tokens, data %d";
    compare_bytes(
      known_levels, levels, tokens * stride * sizeof *levels, format, kernels->name, rows, columns,
      tokens, kind);
    compare_floats(
      known_scales, x_scales, tokens * sections, format, kernels->name, rows, columns, tokens, kind);
    compare_floats(known, out, total, format, kernels->name, rows, columns, tokens, kind);
  }
}

void check_sixteen(void) {
  const ck_i16_kernels *kernels;
  for (size_t i = 0; (kernels = ck_i16_kernels_at(i)); i++) saw(kernels->name, i == 0);
  numbers n = {3};
  static const size_t rows[] = {1, 15, 16, 17, 31, 32, 33, 50, 70};
  static const size_t columns[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 97, 383, 384, 385, 391, 800};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
      for (int kind = 0; kind < 4; kind++) check(&n, rows[r], columns[c], 1 + below(&n, 14), kind);
    }
  }
}
