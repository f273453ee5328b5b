// Float kernels around the matrix products: norms, activations, rotary embedding, attention.
//
// Every kernel exists several times from one source (the *_body.h files): scalar
// reference, AVX2 and AVX-512, or NEON. All give the same bits: every sum has one fixed order
// (sixteen lanes, then a tree), every multiply-add is one fused operation, and `exp` is our own
// polynomial. A table of function pointers is chosen once, at run time.

#ifndef CK_VECTOR_H
#define CK_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ck_coarse.h"
#include "ck_formats.h"

/// Instruction sets, in order of preference.
typedef enum { ck_isa_ref = 0, ck_isa_avx2 = 1, ck_isa_avx512 = 2, ck_isa_neon = 3 } ck_isa;

/// Keys in one tile of the cache; tiles begin at absolute positions that are multiples of this.
#define CK_TILE 64
/// Tiles in one segment: attention is defined as the ordered merge of segments, so that one query
/// may be worked on by several threads without changing a bit.
#define CK_SEGMENT_TILES 4
/// The most query rows one call of `attend` takes.
#define CK_ATTEND_ROWS 32
/// The largest head size (floats, padded to 16).
#define CK_HEAD_MAX 512
/// The largest level of keys and values in 16 bits: 32 products of two such levels stay below 2^31.
#define CK_LEVEL_MAX 8191
/// The most values that are rotated and stored as bytes together.
#define CK_ROTATED 128

/// How many of n values a Hadamard transform mixes at a time: the largest power of two that divides n; 1
/// where n is no multiple of 16.
static inline size_t ck_rotated_run(size_t n) { return n % 16 ? 1 : n & (~n + 1); }

/// Element types of the key/value cache. q16 and q8: each key and each value is integer levels times one scale
/// of its own; a tile of keys or values is followed by its 64 scales (floats). Levels of q16 go in pairs, two of a
/// key side by side and two values' of one place, and are multiplied as integers.
typedef enum { ck_cache_q16 = 0, ck_cache_f32 = 1, ck_cache_q8 = 2 } ck_cache_type;

/// One key/value head of one layer.
typedef struct {
  /// [slot][key_size][64]: lanes are keys. q16: [slot][(key_size + 1) / 2][64][2]. q16, q8: then [64] scales.
  const void *keys;
  /// [slot][64][value_stride]. q16: [slot][32][value_stride][2]. q16, q8: then [64] scales.
  const void *values;
  int32_t slots;         ///< tile t lies in slot t % slots
  int32_t type;          ///< ck_cache_type
  int32_t key_size;      ///< floats in a query and a key
  int32_t value_size;    ///< floats in a value
  int32_t value_stride;  ///< value_size rounded up to 16
  float scale;           ///< factor on every score
} ck_cache_head;

/// What attention knows of one query row after some keys: maximum score, sum of exponentials, and
/// the weighted sum of values, which lies elsewhere ([value_stride]).
typedef struct {
  float maximum, sum;
} ck_softmax_state;

/// Query rows that read one key/value head: row r is query head r % group of token r / group.
typedef struct {
  const float *queries;  ///< [token][row of the group][key_size]
  size_t token_stride;   ///< floats between tokens
  int32_t group;         ///< query heads that share this key/value head
  int32_t rows;          ///< at most CK_ATTEND_ROWS, from the first row of the first token
  int32_t position;      ///< of the first token; token t reads the keys up to position + t
  int32_t window;        ///< … at most this many of them, itself included; 0: all
  int32_t length;        ///< not 0: no order, every row reads keys 0 ..< length
  const float *sinks;    ///< [group], one extra score for each head, or NULL
} ck_query_rows;

typedef struct {
  /// out[i] = x[i] * weight[i] / sqrt(mean(x²) + epsilon). `out` may be `x`.
  void (*rms_norm)(const float *x, const float *weight, float *out, size_t n, float epsilon);
  /// out[i] = (x[i] − mean) / sqrt(variance + epsilon) * weight[i] + bias[i]. `out` may be `x`.
  void (*layer_norm)(const float *x, const float *weight, const float *bias, float *out, size_t n,
                     float epsilon);
  /// out[i] += x[i]
  void (*add)(const float *x, float *out, size_t n);
  /// out[i] += factor * x[i], fused
  void (*add_scaled)(const float *x, float factor, float *out, size_t n);
  /// out[i] *= factor
  void (*scale)(float factor, float *out, size_t n);
  /// gate[i] = silu(gate[i]) * up[i]
  void (*silu_multiply)(float *gate, const float *up, size_t n);
  /// gate[i] = gelu(gate[i]) * up[i], tanh form
  void (*gelu_tanh_multiply)(float *gate, const float *up, size_t n);
  /// gpt-oss: g = min(gate + gate_bias, limit), u = clamp(up + up_bias, ±limit),
  /// gate[i] = g * sigmoid(alpha * g) * (u + 1). The biases may be NULL.
  void (*clamped_swiglu)(float *gate, const float *up, const float *gate_bias,
                         const float *up_bias, size_t n, float alpha, float limit);
  /// x[i] = gelu(x[i]), erf form (error at most 2e-7 · |x|)
  void (*gelu_erf)(float *x, size_t n);
  /// x[i] = cap * tanh(x[i] / cap)
  void (*soft_cap)(float *x, size_t n, float cap);
  /// out[i] = exp(x[i])
  void (*exp)(const float *x, float *out, size_t n);
  /// Σ a[i] * b[i]
  float (*dot)(const float *a, const float *b, size_t n);
  /// Rotates `pairs` pairs of x in place by angles given as cos and sin ([pairs] each):
  /// neighbours (x[2i], x[2i+1]) …
  void (*rope_neighbours)(float *x, const float *cos, const float *sin, size_t pairs);
  /// … or halves (x[i], x[i + pairs]).
  void (*rope_halves)(float *x, const float *cos, const float *sin, size_t pairs);
  /// out[i * stride] = round(x[i] / scale), half to even, where scale = max |x| / 127 is returned.
  /// Below 1e-30 everything is 0; where a value is not finite, levels are 0 and the scale is NaN.
  float (*store_q8)(const float *x, int8_t *out, size_t n, size_t stride);
  /// The same in 16 bits: out[i / 2 * pair + i % 2 * next] = round(x[i] / scale), scale = max |x| / 8191.
  float (*store_q16)(const float *x, int16_t *out, size_t n, size_t pair, size_t next);
  /// out[j * out_stride + i] = x[i * x_stride + j] for i < rows and j < n.
  void (*transpose)(const float *x, size_t x_stride, size_t rows, size_t n, float *out,
                    size_t out_stride);
  /// x = factor · H x for each run of h values, where h is the largest power of two that divides n and
  /// H the Hadamard matrix of that size in natural order; nothing where n is no multiple of 16.
  void (*hadamard)(float *x, size_t n, float factor);
  /// H x, as `hadamard` makes it with a factor of 1, in bytes, as `store_q8` makes them, for n of at most
  /// CK_ROTATED values. sum: of the levels. Returns the scale.
  float (*rotate_q8)(const float *x, size_t n, int8_t *out, int32_t *sum);
  /// n weights, a multiple of 32, of q8_0 blocks as row `row` (0 ... 15) of a coarse tile (ck_coarse.h);
  /// its size is left to the caller. offsets: 7.5 + dither, [n]. common: a direction, [n]. Returns the sum of
  /// the weights' squares, in 16 lanes: no number where the row holds one that is none.
  float (*coarsen)(const uint8_t *from, size_t n, const float *offsets, const float *common,
                   ck_coarse_block *tile, size_t row);
  /// Attends with the query rows of one key/value head, at most CK_ATTEND_ROWS of them.
  /// out: as the queries, `out_stride` floats between tokens, value_size between rows of a token.
  void (*attend)(const ck_cache_head *head, const ck_query_rows *rows, float *out,
                 size_t out_stride);
  /// The same for the keys of one segment only; leaves states [rows] and sums [rows][value_stride]
  /// for `merge`.
  void (*attend_segment)(const ck_cache_head *head, const ck_query_rows *rows, int segment,
                         ck_softmax_state *states, float *sums);
  /// Merges the segments of one row in order and finishes it. states and sums of segment s lie
  /// s * state_stride and s * sum_stride further on. sink: NULL or one score.
  void (*merge)(const ck_softmax_state *states, size_t state_stride, const float *sums,
                size_t sum_stride, int segments, const float *sink, float *out, int value_size,
                int value_stride);
} ck_vector_kernels;

/// The table for an instruction set, or NULL when this processor lacks it.
const ck_vector_kernels *ck_vector_kernels_for(ck_isa isa);

#endif
