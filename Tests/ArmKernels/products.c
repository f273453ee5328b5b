// Products of weights in every format with int8, int16 and float activations, and what prepares them.
#include "harness.h"

#include <math.h>
#include <string.h>

static const int types[] = {
  CK_Q4_0, CK_Q4_1, CK_Q5_0, CK_Q5_1, CK_Q8_0, CK_MXFP4, CK_Q4_K, CK_Q5_K, CK_Q6_K,
  CK_Q3_K, CK_IQ4_NL, CK_IQ4_XS,
  CK_F32,  CK_F16,  CK_BF16};
enum { TYPES = sizeof types / sizeof *types, WEIGHTS = 0, FLOATS = 1, BLOCKS = 2, OUT = 3, KNOWN = 4,
       BIAS = 5 };

/// Kinds of data: sensible scales, any bytes at all (NaN and subnormal scales too), the largest levels.
enum { SENSIBLE, ANY, LARGEST, KINDS };

static void put_half(uint8_t *at, numbers *n, int kind) {
  // 2^-8 or so, of either sign; or the largest half.
  uint16_t half = (uint16_t)((next(n) & 0x83ff) | 0x1c00);
  if (kind == LARGEST) half = 0x7bff;
  memcpy(at, &half, 2);
}

/// Fills one stored block.
static void fill_block(uint8_t *block, int type, numbers *n, int kind) {
  const size_t bytes = ck_format_bytes(type);
  const uint8_t most = (uint8_t)(next(n) & 1 ? 0xff : 0x80);
  for (size_t i = 0; i < bytes; i++) block[i] = kind == LARGEST ? most : (uint8_t)next(n);
  if (kind == ANY) return;
  switch (type) {
  case CK_Q4_1: case CK_Q5_1: case CK_Q4_K: case CK_Q5_K:
    put_half(block + 2, n, kind);
    put_half(block, n, kind);
    return;
  case CK_Q4_0: case CK_Q5_0: case CK_Q8_0: case CK_IQ4_NL: case CK_IQ4_XS:
    put_half(block, n, kind);
    return;
  case CK_Q3_K: put_half(block + 108, n, kind); return;
  case CK_Q6_K: put_half(block + 208, n, kind); return;
  case CK_MXFP4: block[0] = (uint8_t)(kind == LARGEST ? 254 : 118 + below(n, 8)); return;
  case CK_F16: put_half(block, n, kind); return;
  case CK_BF16: block[1] = (uint8_t)(0x3e | (next(n) & 0x81)); return;
  default: {
    const float v = kind == LARGEST ? 3e38f : unit(n);
    memcpy(block, &v, 4);
  }
  }
}

/// Activations; of kind ANY some tokens have values that are not finite, tiny or huge.
static void fill_floats(float *x, size_t count, numbers *n, int kind) {
  for (size_t i = 0; i < count; i++) x[i] = kind == LARGEST ? (next(n) & 1 ? 3.4e38f : -3.4e38f) : unit(n);
  if (kind != ANY || next(n) % 4) return;
  static const float odd[] = {0.0f, -0.0f, 1e-38f, 1e-44f, 3e38f, -3e38f, 1e-31f};
  for (size_t i = 0; i < count; i++) {
    if (next(n) % 3 == 0) x[i] = odd[below(n, sizeof odd / sizeof *odd)];
  }
  if (next(n) % 2) x[below(n, count)] = next(n) % 2 ? __builtin_inff() : __builtin_nanf("");
}

typedef struct {
  int type, planes, kind;
  size_t rows, columns, tokens;
} shape;

/// The product in the rows [begin, end), in `place`, with one float more a token that nothing may touch.
static float *run(const ck_kernels *table, ck_product p, size_t begin, size_t end, int where) {
  static _Alignas(64) uint8_t scratch[1 << 20];
  memset(scratch, 0xee, sizeof scratch);
  const size_t floats = p.tokens * p.out_stride;
  p.out = place(where, floats * sizeof(float));
  for (size_t i = 0; i < floats; i++) p.out[i] = 77;
  (p.planes ? table->multiply_q8 : table->multiply_f32)(&p, begin, end, scratch);
  return p.out;
}

static void check(const shape *s, numbers *n) {
  const size_t row_bytes = s->columns / ck_format_elements(s->type) * ck_format_bytes(s->type);
  const size_t stride = (s->columns + CK_BLOCK - 1) / CK_BLOCK;
  uint8_t *weights = place(WEIGHTS, s->rows * row_bytes);
  for (size_t b = 0; b < s->rows * row_bytes; b += ck_format_bytes(s->type)) {
    fill_block(weights + b, s->type, n, s->kind);
  }
  float *x = place(FLOATS, s->tokens * s->columns * sizeof *x);
  fill_floats(x, s->tokens * s->columns, n, s->kind);
  const size_t bytes = s->planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  uint8_t *blocks = place(BLOCKS, s->tokens * stride * bytes);
  for (size_t t = 0; t < s->tokens && s->planes; t++) {
    uint8_t *to = blocks + t * stride * bytes;
    if (s->planes == 2) {
      ck_quantize_q16_ref(x + t * s->columns, s->columns, (ck_q16_block *)to);
      if (next(n) % 2) ck_trim_q16((ck_q16_block *)to, stride);
    } else ck_quantize_q8_ref(x + t * s->columns, s->columns, (ck_q8_block *)to);
  }
  float *bias = place(BIAS, s->rows * sizeof *bias);
  for (size_t r = 0; r < s->rows; r++) bias[r] = unit(n);
  const ck_product p = {
    .weights = weights, .row_bytes = row_bytes, .rows = s->rows, .columns = s->columns,
    .type = s->type, .x = s->planes ? (void *)blocks : x, .planes = s->planes,
    .x_stride = s->planes ? stride : s->columns, .tokens = s->tokens, .out_stride = s->rows + 1,
    .bias = next(n) % 2 ? bias : 0};
  // All rows, or a part as a thread has it: chunks begin at multiples of 32.
  const size_t begin = s->rows > 32 && next(n) % 2 ? 32 : 0;
  const size_t end = next(n) % 3 ? s->rows : begin + 1 + below(n, s->rows - begin);
  const float *known = run(ck_kernels_ref(), p, begin, end, KNOWN);
  digest_floats(known, s->tokens * p.out_stride);
  const ck_kernels *table;
  for (size_t i = 1; (table = ck_kernels_at(i)); i++) {
    compare_floats(
      known, run(table, p, begin, end, OUT), s->tokens * p.out_stride,
      "%s: type %d, %zu rows (%zu..<%zu), %zu columns, %zu tokens, %d planes, data %d", table->name,
      s->type, s->rows, begin, end, s->columns, s->tokens, s->planes, s->kind);
  }
}

/// Bounds from a coarse matrix of any levels and scales.
static void check_coarse(numbers *n, size_t rows, size_t blocks, size_t tokens, int planes) {
  const size_t tiles = (rows + CK_COARSE_ROWS - 1) / CK_COARSE_ROWS, columns = blocks * CK_BLOCK;
  const size_t tile_bytes = ck_coarse_tile_bytes(columns);
  uint8_t *weights = place(WEIGHTS, tiles * tile_bytes);
  for (size_t i = 0; i < tiles * tile_bytes; i++) weights[i] = (uint8_t)next(n);
  for (size_t tile = 0; tile < tiles; tile++) {
    ck_coarse_rows *all =
      (ck_coarse_rows *)(weights + tile * tile_bytes + blocks * sizeof(ck_coarse_block));
    for (size_t r = 0; r < CK_COARSE_ROWS; r++) {
      all->step[r] = next(n) % 9 ? fabsf(unit(n)) : 0;
      all->common[r] = unit(n);
      all->size[r] = next(n) % 9 ? 9 * fabsf(unit(n)) : INFINITY;
    }
  }
  float *x = place(FLOATS, tokens * columns * sizeof *x);
  fill_floats(x, tokens * columns, n, SENSIBLE);
  const size_t bytes = planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  uint8_t *to = place(BLOCKS, tokens * blocks * bytes);
  for (size_t t = 0; t < tokens; t++, to += blocks * bytes) {
    if (planes == 1) {
      ck_quantize_q8_ref(x + t * columns, columns, (ck_q8_block *)to);
    } else {
      ck_quantize_q16_ref(x + t * columns, columns, (ck_q16_block *)to);
      if (t % 2) ck_trim_q16((ck_q16_block *)to, blocks);
    }
  }
  ck_coarse_term terms[17 * 4];
  ck_coarse_token tokens_known[17];
  for (size_t i = 0; i < tokens * blocks; i++) {
    terms[i] = (ck_coarse_term){9 * unit(n), next(n) % 9 ? fabsf(unit(n)) : 0};
  }
  for (size_t t = 0; t < tokens; t++) {
    tokens_known[t] = (ck_coarse_token){9 * unit(n), fabsf(unit(n)) / 99};
  }
  // Bounds, and after them the tops.
  const size_t count = tokens * (rows + tiles);
  float *known = place(KNOWN, count * sizeof *known);
  ck_coarse_product p = {
    .tiles = weights, .rows = rows, .columns = columns, .x = to - tokens * blocks * bytes,
    .planes = planes, .x_stride = blocks, .tokens = tokens, .terms = terms, .known = tokens_known,
    .out = known, .out_stride = rows, .tops = known + tokens * rows};
  ck_kernels_ref()->multiply_coarse(&p, 0, rows);
  digest_floats(known, count);
  const ck_kernels *table;
  for (size_t i = 1; (table = ck_kernels_at(i)); i++) {
    p.out = place(OUT, count * sizeof *p.out);
    p.tops = p.out + tokens * rows;
    table->multiply_coarse(&p, 0, rows);
    compare_floats(
      known, p.out, count, "%s: coarse, %zu rows, %zu blocks, %zu tokens, %d planes",
      table->name, rows, blocks, tokens, planes);
  }
}

/// Every number of rows and tokens that the kernels treat differently.
static void check_small(numbers *n) {
  for (size_t i = 0; i < TYPES; i++) {
    const size_t unit = ck_format_elements(types[i]);
    for (size_t blocks = 1; blocks <= (unit == 256 ? 2 : 3); blocks++) {
      for (size_t rows = 1; rows <= 41; rows += rows < 9 ? 1 : 4) {
        for (size_t tokens = 1; tokens <= 17; tokens += tokens < 9 ? 1 : 4) {
          shape s = {types[i], 0, (int)below(n, KINDS), rows, blocks * (unit < 32 ? 32 : unit), tokens};
          if (unit == 1) s.columns -= below(n, 32);
          const int from = unit == 1 ? 0 : 1, to = unit == 1 ? 0 : 2;
          for (s.planes = from; s.planes <= to; s.planes++) check(&s, n);
        }
      }
    }
  }
}

/// Rows longer than a panel of weights.
static void check_long(numbers *n) {
  for (size_t i = 0; i < TYPES; i++) {
    const int first = ck_format_is_quantized(types[i]) ? 1 : 0;
    for (int kind = 0; kind < KINDS; kind++) {
      for (int planes = first; planes <= 2 * first; planes++) {
        check(&(shape){types[i], planes, kind, 21, 2304, 7}, n);
        check(&(shape){types[i], planes, kind, 8, 4352, 1 + below(n, 4)}, n);
      }
    }
  }
}

static void check_quantizers(numbers *n) {
  for (int round = 0; round < 400; round++) {
    const size_t columns = 1 + below(n, 200), blocks = (columns + CK_BLOCK - 1) / CK_BLOCK;
    float *x = place(FLOATS, columns * sizeof *x);
    fill_floats(x, columns, n, round % KINDS);
    const float scale = (float)(1u << below(n, 30));
    for (size_t i = 0; i < columns && round % KINDS == SENSIBLE; i++) x[i] *= scale;
    // Halfway between two levels: to the even one.
    const float most = round % 4 == 0 ? 127 : 32512;
    for (size_t i = 0; i < columns && round % 2 == 0; i++) {
      x[i] = i % CK_BLOCK == 0 ? most : (float)below(n, (size_t)most) + (next(n) % 2 ? 0.5f : -0.5f);
    }
    ck_q8_block *known8 = place(KNOWN, blocks * sizeof *known8), *found8;
    ck_q16_block *known16 = place(BLOCKS, blocks * sizeof *known16), *found16;
    ck_quantize_q8_ref(x, columns, known8);
    ck_quantize_q16_ref(x, columns, known16);
    digest_bytes(known8, blocks * sizeof *known8);
    digest_bytes(known16, blocks * sizeof *known16);
    const ck_kernels *table;
    for (size_t i = 1; (table = ck_kernels_at(i)); i++) {
      found8 = place(OUT, blocks * sizeof *found8);
      table->quantize_q8(x, columns, found8);
      compare_bytes(known8, found8, blocks * sizeof *found8, "%s: q8 of %zu", table->name, columns);
      found16 = place(OUT, blocks * sizeof *found16);
      table->quantize_q16(x, columns, found16);
      compare_bytes(known16, found16, blocks * sizeof *found16, "%s: q16 of %zu", table->name, columns);
    }
  }
}

static void check_rows(numbers *n) {
  for (size_t i = 0; i < TYPES; i++) {
    const size_t unit = ck_format_elements(types[i]), bytes = ck_format_bytes(types[i]);
    for (size_t count = 1; count <= 40; count++) {
      uint8_t *row = place(WEIGHTS, count * bytes);
      for (size_t b = 0; b < count; b++) fill_block(row + b * bytes, types[i], n, (int)(count % KINDS));
      float *known = place(KNOWN, count * unit * sizeof *known);
      ck_dequantize_row_ref(types[i], row, count * unit, known);
      digest_floats(known, count * unit);
      const ck_kernels *table;
      for (size_t t = 1; (table = ck_kernels_at(t)); t++) {
        float *found = place(OUT, count * unit * sizeof *found);
        table->dequantize_row(types[i], row, count * unit, found);
        compare_floats(known, found, count * unit, "%s: row of type %d", table->name, types[i]);
      }
    }
  }
}

void check_products(void) {
  const ck_kernels *table;
  for (size_t i = 0; (table = ck_kernels_at(i)); i++) saw(table->name, i == 0);
  numbers n = {1};
  check_quantizers(&n);
  check_rows(&n);
  check_small(&n);
  check_long(&n);
  for (size_t rows = 1; rows <= 50; rows += rows < 34 ? 1 : 5) {
    for (size_t tokens = 1; tokens <= 11; tokens++) {
      check_coarse(&n, rows, 1 + (rows + tokens) % 4, tokens, 1 + (int)(rows + tokens) % 2);
    }
  }
}
