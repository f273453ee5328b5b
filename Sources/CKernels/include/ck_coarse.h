/// Coarse matrices: weights in four bits, dithered, which say how large a row's product with a vector can
/// be.
///
///     level = round(weight / (step * scale) + 7.5 + dither[column]),  0 ... 15
///     weight ~ step * scale * (level - 7.5 - dither[column])
///
/// The dither is one number in -0.5 ... 0.5 for each column, the same for all rows. It makes the error of a
/// weight, in steps, evenly distributed over -0.5 ... 0.5 and independent of the weight and of the errors
/// of other columns (Schuchman 1964, "Dither signals and their effect on quantization noise"). A sum of
/// such errors times x[k] exceeds c * sqrt(sum of squares of step * scale * x[k]) with a probability of at
/// most exp(-6 c^2), whatever the weights and the vector are, as long as neither was made with the dither
/// in mind (Hoeffding 1963; an even distribution of width 1 is sub-Gaussian with its variance, 1/12).
#ifndef CK_COARSE_H
#define CK_COARSE_H

#include <stddef.h>
#include <stdint.h>

enum { CK_COARSE_ROWS = 16 };

/// Sixteen rows and 32 columns, laid out for products: a vector holds four columns of each row, and nothing
/// is moved across.
typedef struct {
  /// [j][r]: columns 4 * j ... of row r, and columns 16 + 4 * j ... in the upper bits.
  uint8_t nibbles[4][CK_COARSE_ROWS][4];
  uint8_t scale[CK_COARSE_ROWS];
} ck_coarse_block;

/// What holds for all blocks of sixteen rows.
typedef struct {
  /// The largest magnitude in the row / 7.5 / 255; 0 where all weights are 0.
  float step[CK_COARSE_ROWS];
  /// At least the length of the row as it was; infinite or NaN where nothing is known.
  float size[CK_COARSE_ROWS];
  /// The row times the direction that vectors have in common, which is taken out of them.
  float common[CK_COARSE_ROWS];
} ck_coarse_rows;

/// A tile: sixteen rows, [columns / 32] ck_coarse_block and then their ck_coarse_rows.
static inline size_t ck_coarse_tile_bytes(size_t columns) {
  return columns / 32 * sizeof(ck_coarse_block) + sizeof(ck_coarse_rows);
}

/// What is known of a token.
typedef struct {
  /// How much of the common direction was taken out of the activations.
  float along;
  /// What is added for each unit of a row's size.
  float slack;
} ck_coarse_token;

/// What is known of a token's block of activations x.
typedef struct {
  /// -sum of (7.5 + dither[k]) * x[k]
  float shift;
  /// c^2 * sum of x[k]^2
  float spread;
} ck_coarse_term;

/// For each row and token, what their product stays below: blocks in ascending order,
///
///     part = fma(dot of levels and activations, d, term.shift)        (dot: exact, integer)
///     sum = fma(scale, part, sum)
///     spread = fma(scale * scale, term.spread, spread)
///
/// and then, with the token's part in the common direction,
///
///     likely = fma(common, along, step * sum)
///     out[t * out_stride + r] = fma(size, slack, fma(step, sqrt(spread), likely))
///
/// What a product most likely is is left for the row of each tile where it is largest.
typedef struct {
  /// [rows / 16 rounded up] tiles
  const uint8_t *tiles;
  size_t rows, columns;
  /// Activations as in ck_product.
  const void *x;
  int planes;
  size_t x_stride, tokens;
  /// [tokens][columns / 32]
  const ck_coarse_term *terms;
  const ck_coarse_token *known;
  float *out;
  size_t out_stride;
  /// [tokens][tiles]: the largest likely product of a tile, rows past the last among them; -infinity where none
  /// is a number.
  float *tops;
} ck_coarse_product;

/// The levels (0 ... 15) of row `row` (0 ... 15) of a block.
void ck_coarse_levels_ref(const ck_coarse_block *block, size_t row, uint8_t levels[32]);

#endif
