/// Quantised weight formats (those of GGUF files) and the int8 blocks activations are turned into.
///
/// Every quantised format is read as blocks of 32 weights in one canonical form
///
///     weight[k] = scale[k / 16] * level[k] + minimum
///
/// with small signed integer levels. The two scales differ in q3_K and q6_K only; the minimum is zero except
/// in q4_1, q5_1, q4_K and q5_K.
#ifndef CK_FORMATS_H
#define CK_FORMATS_H

#include <stddef.h>
#include <stdint.h>

/// Element types, numbered as in GGUF.
enum {
  CK_F32 = 0,
  CK_F16 = 1,
  CK_Q4_0 = 2,
  CK_Q4_1 = 3,
  CK_Q5_0 = 6,
  CK_Q5_1 = 7,
  CK_Q8_0 = 8,
  CK_Q3_K = 11,
  CK_Q4_K = 12,
  CK_Q5_K = 13,
  CK_Q6_K = 14,
  CK_IQ4_NL = 20,
  CK_IQ4_XS = 23,
  CK_BF16 = 30,
  CK_MXFP4 = 39,
  CK_TYPE_COUNT = 40
};

/// Weights or activations in one canonical block, and in one quantised activation block.
enum { CK_BLOCK = 32 };

/// One canonical block of weights.
typedef struct {
  int8_t level[CK_BLOCK];
  float scale[2];
  float minimum;
} ck_weight_block;

/// One block of 32 quantised activations: x[k] ~ d * q[k].
typedef struct {
  int8_t q[CK_BLOCK];
  /// max |x| / 127; zero for a block without values of note, NaN if an activation is not finite.
  float d;
  /// d * sum(q): what a weight minimum is multiplied by.
  float ds;
  /// -8 * sum(q) and -8 * sum(q[0..<16]): corrections for levels stored with an offset.
  int32_t n8, n8_low;
} ck_q8_block;

/// One block of 32 activations quantised to 16 bits: x[k] ~ d * (256 * high.q[k] + low[k]). The other
/// fields of `high` are those of the whole values: d, and sums of 256 * high.q + low.
typedef struct {
  ck_q8_block high;
  int8_t low[CK_BLOCK];
  /// 0 where every low byte is zero, so that products with them may be left out.
  uint32_t has_low;
} ck_q16_block;

_Static_assert(sizeof(ck_q8_block) == 48, "quantised activation blocks are packed");
_Static_assert(sizeof(ck_q16_block) == 84, "quantised activation blocks are packed");

/// How many weights one stored block of `type` holds (0: not a weight type), and its bytes.
size_t ck_format_elements(int type);
size_t ck_format_bytes(int type);

/// 1 for the types that have a canonical block form, 0 for f32, f16, bf16 and unknown types.
int ck_format_is_quantized(int type);

/// The canonical form of block `index` (in units of 32 weights) of a stored row.
void ck_unpack_block_ref(int type, const void *row, size_t index, ck_weight_block *out);

/// All `columns` weights of a row as floats. `columns` is a multiple of the format's block.
void ck_dequantize_row_ref(int type, const void *row, size_t columns, float *out);

/// Quantises `columns` activations (a last partial block is filled up with zeros).
/// Rounds half to even; the result is the same bits in every variant.
void ck_quantize_q8_ref(const float *x, size_t columns, ck_q8_block *out);

/// The same in 16 bits: d = max |x| / 32512, which high bytes of -127 ... 127 reach. A low byte that
/// would be -128 becomes -127, so that kernels may negate it.
void ck_quantize_q16_ref(const float *x, size_t columns, ck_q16_block *out);

/// Leaves low bytes only in those of a token's blocks whose d is above the root mean square of all; the
/// others become what quantising to 8 bits makes them, to within a 256th of a step. Activations of
/// transformers have a few columns far larger than the rest (Dettmers et al. 2022, "LLM.int8()"), and the
/// error of a block grows with the largest value in it: a fifth of the blocks have most of it.
void ck_trim_q16(ck_q16_block *blocks, size_t count);

#endif
