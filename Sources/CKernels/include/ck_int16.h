/// Float weights as 16-bit integers, for networks that are evaluated over many tokens at once: exact
/// integer dot products at twice the rate of float ones, and nearly their precision.
///
/// Columns are cut into sections of 384 (the last may be shorter). In each section
///
///     weight[r][k] ~ scale[r] * level[r][k]        x[t][k] ~ scale[t] * level[t][k]
///
/// with |x level| <= 16383 and the weight levels of a row of magnitudes that together are at most
/// 2^17, so that no sum of products leaves 32 bits, in whatever order it is made. Then
///
///     sum = bias[r]
///     sum = fma(dot * weight scale, x scale, sum)     for each section in ascending order
///
/// where dot is the exact sum of the products of levels, rounded once to a float.
#ifndef CK_INT16_H
#define CK_INT16_H

#include <stddef.h>
#include <stdint.h>

enum {
  /// Columns of a section.
  CK_I16_SECTION = 384,
  /// Rows of a panel.
  CK_I16_ROWS = 32,
  /// The largest level of an activation.
  CK_I16_LEVELS = 16383
};

/// Sections of a row, and its length in levels: even, filled up with zeros.
static inline size_t ck_i16_sections(size_t columns) {
  return (columns + CK_I16_SECTION - 1) / CK_I16_SECTION;
}
static inline size_t ck_i16_stride(size_t columns) { return (columns + 1) / 2 * 2; }

/// One product as the kernels see it: out[t][r] for the rows of a weight matrix.
typedef struct {
  /// [panel][stride / 2][32 rows][2 columns]; rows past the last are zero.
  const int16_t *weights;
  /// [panel][section][32]
  const float *weight_scales;
  size_t rows, columns;
  /// [token][stride]
  const int16_t *x;
  /// [token][section]
  const float *x_scales;
  /// out[token * out_stride + row]
  float *out;
  size_t out_stride;
  /// [rows], or null.
  const float *bias;
} ck_i16_product;

/// The functions of one instruction set; all give the same bits.
typedef struct {
  const char *name;
  /// One token: `columns` floats to `stride` levels and a scale for each section. A section with a
  /// value that is not finite gets zeros and a scale that is NaN.
  void (*quantize)(const float *x, size_t columns, int16_t *levels, float *scales);
  /// Panels [panel, panel_end) for tokens [token, token_end).
  void (*multiply)(
    const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);
} ck_i16_kernels;

/// Every set this CPU can run: index 0 is the scalar reference, the last one the best. Null past the
/// end.
const ck_i16_kernels *ck_i16_kernels_at(size_t index);

/// One panel of weights: `rows` (at most 32) rows of floats, `row_stride` floats apart. A section of a
/// row with a value that is not finite gets zeros and a scale that is NaN.
void ck_i16_pack(
  const float *weights, size_t row_stride, size_t rows, size_t columns, int16_t *panel,
  float *scales);

#endif
