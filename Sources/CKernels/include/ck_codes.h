// Search over vectors of bytes: the first pass of an exact nearest-neighbour search.
//
// A row x (floats) is kept as a byte code beside itself: x̂ = scale · c, c in −127...127, stored as
// c + 128. Sixteen rows form a block, [groups][16 rows][4 columns], so that one 64-byte register
// holds four columns of sixteen rows and sums never cross lanes. A query is a signed byte code as
// well, q̂ = scale · d. Integer sums are exact, so every instruction set gives the same bits.
//
// What a scan promises for each row (Cauchy and Schwarz, then rounding; d is the exact product):
//
//   |<q,x> − <q̂,x̂>| = |<q − q̂, x̂> + <q, x − x̂>| <= |q − q̂| · |x̂| + |q| · |x − x̂|
//
// `norm` and `error` of a row are |x̂| and |x − x̂| rounded up, `norm_factor` and `error_factor` of a
// query are |q − q̂| and |q| rounded up and widened (ck_encode_query) by far more than the roundings
// of the few float operations here, so that lower <= <q,x> <= upper holds for the float results, and
// also for <q,x> rounded to float.

#ifndef CK_CODES_H
#define CK_CODES_H

#include <stddef.h>
#include <stdint.h>

/// Rows in a block.
#define CK_CODE_ROWS 16

/// Floats a block's facts take: [scale, norm, error][16 rows].
#define CK_CODE_FACTS 48

typedef struct {
  const uint8_t *codes;  ///< [block][groups][16][4]
  const float *facts;    ///< [block][3][16]; rows past the end have error NaN
  size_t groups;         ///< ⌈columns / 4⌉
} ck_code_rows;

typedef struct {
  const int8_t *values;  ///< [groups · 4], zero past the columns
  int32_t offset;        ///< 128 · Σ values
  float scale, norm_factor, error_factor;
  float threshold;       ///< rows with upper >= threshold are reported
} ck_code_query;

/// A row that may reach the threshold.
typedef struct {
  float lower, upper;
  uint32_t row;  ///< from the first row of block 0
} ck_code_hit;

/// Sums over the rows looked at: of the products in units of 2^-15 (cut to ±1.5), of their squares,
/// and how many. Integers, so that the order of rows does not matter.
typedef struct {
  int64_t sum, squares, count;
} ck_code_spread;

typedef struct {
  const char *name;
  /// Blocks begin..<end (at most 32768 of them) for each of `queries`. hits: [query][stride], room for every row; counts:
  /// [query], overwritten. mask: 16 bits a block from block 0, a zero bit hides the row; or NULL.
  /// spreads: [query], added to; or NULL.
  void (*scan)(const ck_code_rows *rows, size_t begin, size_t end, const ck_code_query *query,
               size_t queries, const uint16_t *mask, ck_code_hit *hits, size_t stride,
               uint32_t *counts, ck_code_spread *spreads);
} ck_code_kernels;

/// Every set this CPU can run: index 0 is the scalar reference, the last the best. Null past the end.
const ck_code_kernels *ck_code_kernels_at(size_t index);

/// The longest row or query that can be encoded: beyond it float sums could overflow.
#define CK_CODE_LONGEST 1e6f

/// Encodes up to 16 rows of floats [rows][columns] as one block: codes [groups][16][4] and facts
/// [3][16]. Returns `rows`, or the number of the first row that is not finite or too long.
size_t ck_encode_block(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts);
/// The same, the same bits, on any CPU.
size_t ck_encode_block_ref(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts);

/// Encodes a query; values: [groups · 4]. The threshold is −infinity. 1, or 0 when it is not finite
/// or too long.
int ck_encode_query(const float *x, size_t columns, int8_t *values, ck_code_query *query);

/// CRC-32C (Castagnoli; RFC 3720, B.4) of `bytes`, continuing from `crc` (0 at the beginning).
uint32_t ck_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The same by table, on any CPU.
uint32_t ck_crc32c_ref(uint32_t crc, const void *bytes, size_t count);

#endif
