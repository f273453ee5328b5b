/// Float weights as bytes, for networks that are evaluated over many tokens at once: exact integer dot
/// products at four times the rate of float ones.
///
/// Columns are cut into sections of 128 (the last may be shorter). In each, weights and activations
/// are both multiplied by the Hadamard matrix H of the section's size, which leaves their products as
/// they are but for a factor, and spreads the few values that are far larger than the rest over all
/// columns (Ashkboos et al. 2024, "QuaRot"). Then
///
///     (H w)[r][k] ~ scale[r] * level[r][k]        (H x)[t][k] ~ scale[t] * level[t][k]
///
/// with levels of -127 ... 127 as `rotate_q8` of ck_vector.h makes them, and
///
///     sum = bias[r], or what is there already
///     sum = fma(dot * weight scale, x scale, sum)     for each section in ascending order
///
/// where dot is the exact sum of the products of levels and the weight scale has the factor taken out.
#ifndef CK_INT8_H
#define CK_INT8_H

#include <stddef.h>
#include <stdint.h>

#include "ck_vector.h"

enum {
  /// Columns of a section.
  CK_I8_SECTION = CK_ROTATED,
  /// Rows of a panel.
  CK_I8_ROWS = 32
};

/// Sections of a row, and its length in levels: whole words, filled up with zeros.
static inline size_t ck_i8_sections(size_t columns) {
  return (columns + CK_I8_SECTION - 1) / CK_I8_SECTION;
}
static inline size_t ck_i8_stride(size_t columns) { return (columns + 3) / 4 * 4; }

/// What is known of one section of a token besides its levels.
typedef struct {
  float scale;
  /// -128 * sum of the levels: what products with weights stored as unsigned bytes have too much.
  int32_t n128;
} ck_i8_facts;

/// One product as the kernels see it: out[t][r] for the rows of a weight matrix.
typedef struct {
  /// [panel][stride / 4][32 rows][4 columns]; rows past the last are zero.
  const int8_t *weights;
  /// [panel][section][32]
  const float *weight_scales;
  size_t rows, columns;
  /// [token][stride]
  const int8_t *x;
  /// [token][section]
  const ck_i8_facts *x_facts;
  /// out[token * out_stride + row]
  float *out;
  size_t out_stride;
  /// [rows], or null.
  const float *bias;
  /// 1: what `out` holds takes the place of the bias.
  int adds;
} ck_i8_product;

/// The functions of one instruction set; all give the same bits.
typedef struct {
  const char *name;
  /// Panels [panel, panel_end) for tokens [token, token_end).
  void (*multiply)(
    const ck_i8_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);
} ck_i8_kernels;

/// Every set this CPU can run: index 0 is the scalar reference, the last one the best. Null past the
/// end.
const ck_i8_kernels *ck_i8_kernels_at(size_t index);

/// One token: `columns` floats to `stride` levels and what is known of each section. A section with a
/// value that is not finite gets zeros and a scale that is NaN.
void ck_i8_quantize(
  const ck_vector_kernels *vectors, const float *x, size_t columns, int8_t *levels,
  ck_i8_facts *facts);

/// One panel of weights: `rows` (at most 32) rows of floats, `row_stride` floats apart. A section of a
/// row with a value that is not finite gets zeros and a scale that is NaN.
void ck_i8_pack(
  const ck_vector_kernels *vectors, const float *weights, size_t row_stride, size_t rows,
  size_t columns, int8_t *panel, float *scales);

/// Takes from the weights what `ck_i8_pack` made of them: what is left, packed in its turn and
/// multiplied after it, has the next 8 bits.
void ck_i8_subtract(
  const ck_vector_kernels *vectors, const int8_t *panel, const float *scales, size_t rows,
  size_t columns, float *weights, size_t row_stride);

#endif
