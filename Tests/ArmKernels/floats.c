// The float kernels around the products.
#include "harness.h"

#include <math.h>
#include <string.h>

enum { X = 0, Y = 1, KNOWN = 2, FOUND = 3, LEVELS = 4, FOUND_LEVELS = 5, MOST = 300 };

static const ck_vector_kernels *reference, *table;
static const char *name;

/// Values of which some are odd: exponents of every size, and what is not finite where `kind` is 2.
static void fill(float *x, size_t count, numbers *n, int kind) {
  static const float odd[] = {0.0f, -0.0f, 1e-40f, -1e-38f, 65504.0f, 65519.9f, 65520.0f, 1e6f, -3e38f,
                              88.3f, -87.4f, 6e-8f, 2.9e-8f, 6.1e-5f, __builtin_inff(),
                              -__builtin_inff(), __builtin_nanf("")};
  for (size_t i = 0; i < count; i++) {
    x[i] = 4 * unit(n);
    if (kind == 1) x[i] *= (float)(1u << below(n, 20)) / 1024;
    if (kind && next(n) % 5 == 0) x[i] = odd[below(n, kind == 2 ? 17 : 14)];
  }
}

/// A copy of x that a kernel may change, flush with the page that follows.
static float *copy(int where, const float *x, size_t count) {
  float *out = place(where, count * sizeof *out);
  memcpy(out, x, count * sizeof *out);
  return out;
}

/// Runs an expression over `k` (a table) and `out` (a copy of x) with both tables.
#define CHECK(what, expression)                                                       \
  do {                                                                                \
    const ck_vector_kernels *k = reference;                                           \
    float *out = copy(KNOWN, x, count), *known = out;                                 \
    expression;                                                                       \
    digest_floats(known, count);                                                      \
    k = table;                                                                        \
    out = copy(FOUND, x, count);                                                      \
    expression;                                                                       \
    compare_floats(known, out, count, "%s: %s of %zu, data %d", name, what, n, kind); \
  } while (0)

static void check_elements(numbers *random, size_t n, int kind) {
  const size_t count = n;
  float *x = place(X, n * sizeof *x), *y = place(Y, n * sizeof *y), bias[MOST];
  fill(x, n, random, kind);
  fill(y, n, random, kind == 2 ? 0 : kind);
  fill(bias, n, random, 0);
  CHECK("rms_norm", k->rms_norm(x, y, out, n, 1e-5f));
  CHECK("layer_norm", k->layer_norm(x, y, bias, out, n, 1e-5f));
  CHECK("add", k->add(y, out, n));
  CHECK("add_scaled", k->add_scaled(y, 0.3f, out, n));
  CHECK("scale", k->scale(1.7f, out, n));
  CHECK("silu", k->silu_multiply(out, y, n));
  CHECK("gelu_tanh", k->gelu_tanh_multiply(out, y, n));
  CHECK("swiglu", k->clamped_swiglu(out, y, n % 2 ? bias : 0, n % 3 ? bias : 0, n, 1.702f, 7));
  CHECK("gelu_erf", k->gelu_erf(out, n));
  CHECK("soft_cap", k->soft_cap(out, n, 30));
  CHECK("exp", k->exp(x, out, n));
  CHECK("hadamard", k->hadamard(out, n, 0.25f));
  CHECK("dot", out[0] = k->dot(x, y, n));
  CHECK("rope_neighbours", k->rope_neighbours(out, y, bias, n / 2));
  CHECK("rope_halves", k->rope_halves(out, y, bias, n / 2));
}

/// Levels of 16 and 8 bits, packed and with gaps.
static void check_storing(numbers *random, size_t n, int kind) {
  float *x = place(X, n * sizeof *x);
  fill(x, n, random, kind);
  for (size_t stride = 1; stride <= 3; stride += 2) {
    const size_t count = (n - 1) * stride + 1;
    // Pairs side by side, and one of each pair in a line of its own.
    const size_t pair = stride == 1 ? 2 : 6, words = n * 4;
    int16_t *known = place(LEVELS, 2 * words), *found = place(FOUND_LEVELS, 2 * words);
    memset(known, 7, 2 * words);
    memset(found, 7, 2 * words);
    const float c = reference->store_q16(x, known, n, pair, pair / 2);
    const float d = table->store_q16(x, found, n, pair, pair / 2);
    digest_bytes(known, 2 * words);
    digest_floats(&c, 1);
    compare_floats(&c, &d, 1, "%s: store_q16 of %zu, data %d", name, n, kind);
    compare_bytes(known, found, 2 * words, "%s: store_q16 of %zu, data %d", name, n, kind);
    int8_t *levels = place(LEVELS, count), *own = place(FOUND_LEVELS, count);
    memset(levels, 7, count);
    memset(own, 7, count);
    const float a = reference->store_q8(x, levels, n, stride), b = table->store_q8(x, own, n, stride);
    digest_bytes(levels, count);
    digest_floats(&a, 1);
    compare_floats(&a, &b, 1, "%s: store_q8 of %zu, data %d", name, n, kind);
    compare_bytes(levels, own, count, "%s: store_q8 of %zu, data %d", name, n, kind);
  }
  if (n > CK_ROTATED) return;
  int8_t *levels = place(LEVELS, n), *own = place(FOUND_LEVELS, n);
  int32_t sums[2];
  const float a = reference->rotate_q8(x, n, levels, sums), b = table->rotate_q8(x, n, own, sums + 1);
  digest_bytes(levels, n);
  digest_floats(&a, 1);
  compare_floats(&a, &b, 1, "%s: rotate_q8 of %zu, data %d", name, n, kind);
  compare_bytes(levels, own, n, "%s: rotate_q8 of %zu, data %d", name, n, kind);
  compare_bytes(sums, sums + 1, sizeof *sums, "%s: sums of rotate_q8 of %zu, data %d", name, n, kind);
}

/// A matrix with gaps between its lines, into one with gaps.
static void check_transposing(numbers *random, size_t n) {
  const size_t rows = 1 + below(random, 40), from = n + below(random, 3), to = rows + below(random, 3);
  float *x = place(X, ((rows - 1) * from + n) * sizeof *x);
  for (size_t i = 0; i < (rows - 1) * from + n; i++) x[i] = unit(random);
  const size_t count = (n - 1) * to + rows;
  float *known = place(KNOWN, count * sizeof *known), *found = place(FOUND, count * sizeof *found);
  for (size_t i = 0; i < count; i++) known[i] = found[i] = 77;
  reference->transpose(x, from, rows, n, known, to);
  table->transpose(x, from, rows, n, found, to);
  digest_floats(known, count);
  compare_floats(known, found, count, "%s: transpose of %zu × %zu, data %d", name, rows, n, 0);
}

/// Blocks of any bytes: scales of all kinds, infinite and NaN too where `kind` is 2.
static void check_coarsening(numbers *random, size_t blocks, int kind) {
  uint8_t *from = place(X, 34 * blocks);
  float *offsets = place(Y, 32 * blocks * sizeof *offsets);
  float common[32 * 35];
  for (size_t i = 0; i < 32 * blocks; i++) {
    offsets[i] = 7.5f + unit(random) / 2;
    common[i] = unit(random);
  }
  for (size_t i = 0; i < 34 * blocks; i++) from[i] = (uint8_t)next(random);
  for (size_t i = 0; i < blocks; i++) {
    if (kind < 2) from[34 * i + 1] &= 0xbf;
    if (kind == 0) from[34 * i + 1] |= 0x20;
    if (next(random) % 7 == 0) memset(from + 34 * i + 2, 0, 32);
  }
  const size_t bytes = ck_coarse_tile_bytes(32 * blocks), row = next(random) % CK_COARSE_ROWS;
  ck_coarse_block *known = place(LEVELS, bytes), *found = place(FOUND_LEVELS, bytes);
  memset(known, 7, bytes);
  memset(found, 7, bytes);
  const float sum = reference->coarsen(from, 32 * blocks, offsets, common, known, row);
  const float own = table->coarsen(from, 32 * blocks, offsets, common, found, row);
  // One NaN is as good as another.
  float *const one = &((ck_coarse_rows *)(known + blocks))->common[row];
  float *const other = &((ck_coarse_rows *)(found + blocks))->common[row];
  if (isnan(*one) && isnan(*other)) *one = *other = NAN;
  digest_bytes(known, bytes);
  digest_floats(&sum, 1);
  compare_bytes(known, found, bytes, "%s: coarsen of %zu, data %d", name, 32 * blocks, kind);
  compare_floats(&sum, &own, 1, "%s: coarsen of %zu, data %d", name, 32 * blocks, kind);
}

void check_floats(void) {
  static const struct {
    ck_isa isa;
    const char *name;
  } sets[] = {{ck_isa_ref, "scalar"}, {ck_isa_avx2, "avx2"}, {ck_isa_avx512, "avx512"},
              {ck_isa_neon, "neon"}};
  reference = ck_vector_kernels_for(ck_isa_ref);
  // The reference is compared with itself too, so that every machine's digest has the same values.
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    if (!(table = ck_vector_kernels_for(sets[i].isa))) continue;
    name = sets[i].name;
    saw(name, i == 0);
    pause_digest(i > 0);
    numbers n = {4};
    for (size_t count = 1; count <= 68; count++) {
      for (int kind = 0; kind < 3; kind++) {
        check_elements(&n, count, kind);
        check_storing(&n, count, kind);
      }
    }
    for (int kind = 0; kind < 3; kind++) {
      check_elements(&n, 256, kind);
      check_elements(&n, 288, kind);
      check_storing(&n, CK_ROTATED, kind);
      check_storing(&n, 96, kind);
      for (size_t blocks = 1; blocks <= 35; blocks++) check_coarsening(&n, blocks, kind);
    }
    for (size_t count = 1; count <= 68; count++) check_transposing(&n, count);
  }
  pause_digest(0);
}
