/// Matrix products: out[t][r] = sum over k of weights[r][k] * x[t][k], plus bias[r].
///
/// Each value is computed in one fixed order that depends on nothing but the row and the activations
/// of its token:
///
/// - quantised weights times int8 or int16 activations: blocks of 32 in ascending order into one
///   float,
///       dot = sum of level * q                             (exact, integer)
///       sum = fma(dot, scale * d, sum)
///       sum = fma(minimum, ds, sum)                        (formats with a minimum)
///   q3_K and q6_K do the first two lines once for each half block.
/// - floats times floats: 16 partial sums (k mod 16) by fma in ascending order, then the halves of
///   the 16 are added: 8, 4, 2, 1 remain. A row that is no multiple of 16 goes on with zeros.
#ifndef CK_MATMUL_H
#define CK_MATMUL_H

#include "ck_coarse.h"
#include "ck_formats.h"

/// One matrix product as the kernels see it.
typedef struct {
  /// [rows][columns] in the layout of `type`.
  const void *weights;
  size_t row_bytes, rows, columns;
  int type;
  /// Activations of the first token: const ck_q8_block * (1 plane), const ck_q16_block * (2 planes)
  /// or const float *.
  const void *x;
  int planes;
  /// Blocks (or floats) from one token to the next.
  size_t x_stride;
  size_t tokens;
  /// out[t * out_stride + r]
  float *out;
  size_t out_stride;
  /// [rows], or null.
  const float *bias;
} ck_product;

/// The functions of one instruction set.
typedef struct {
  const char *name;
  /// Quantises one token.
  void (*quantize_q8)(const float *x, size_t columns, ck_q8_block *out);
  void (*quantize_q16)(const float *x, size_t columns, ck_q16_block *out);
  /// All columns of one row as floats.
  void (*dequantize_row)(int type, const void *row, size_t columns, float *out);
  /// Rows [begin, end) for all tokens, quantised activations. Types with a canonical block form only.
  void (*multiply_q8)(const ck_product *p, size_t begin, size_t end, void *scratch);
  /// Upper bounds of products, for rows [begin, end) and all tokens; begin is a multiple of 16.
  void (*multiply_coarse)(const ck_coarse_product *p, size_t begin, size_t end);
  /// Rows [begin, end) for all tokens, float activations. Any type.
  void (*multiply_f32)(const ck_product *p, size_t begin, size_t end, void *scratch);
} ck_kernels;

/// Scratch bytes (64-byte aligned) a thread needs for a product of so many columns.
size_t ck_scratch_bytes(size_t columns);

/// The scalar kernels; always there.
const ck_kernels *ck_kernels_ref(void);

/// The best kernels this CPU can run.
const ck_kernels *ck_kernels_best(void);

/// Every set this CPU can run: index 0 is the reference, the last one the best. Null past the end.
const ck_kernels *ck_kernels_at(size_t index);

#endif
