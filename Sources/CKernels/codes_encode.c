// Byte codes of rows and queries, and what is known of their errors (ck_codes.h has the bound).
#include <float.h>
#include <math.h>
#include <string.h>

#include "ck_codes.h"
#include "ck_system.h"

// A fused product would give other bits on CPUs that have it.
#pragma STDC FP_CONTRACT OFF

/// Rounds up: the float just above, so that nothing that is proven below becomes untrue.
static float up(double value) {
  const float near = (float)value;
  return (double)near >= value ? near : nextafterf(near, INFINITY);
}

/// What one vector became.
typedef struct {
  float scale;
  double length, coded_length, error;
} code_facts;

/// Sums are kept in so many lanes and added as a tree, so that every instruction set adds alike.
enum { LANES = 16 };

#define INLINE static inline __attribute__((always_inline))

INLINE double tree(double *lanes) {
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

/// c = the integers nearest to x / scale with scale = max|x| / 127; a vector too small to divide by is
/// coded as zeros. Whatever is rounded on the way, the lengths are measured on the result.
INLINE int encode(const float *x, size_t columns, int8_t *codes, size_t step, code_facts *facts) {
  float mosts[LANES] = {0};
  double squares[LANES] = {0}, coded[LANES] = {0}, errors[LANES] = {0};
  size_t i = 0;
  for (; i + LANES <= columns; i += LANES)
    for (int n = 0; n < LANES; n++) {
      const float size = fabsf(x[i + n]);
      mosts[n] = size > mosts[n] ? size : mosts[n];
      squares[n] += (double)x[i + n] * x[i + n];
    }
  for (int n = 0; i + n < columns; n++) {
    const float size = fabsf(x[i + n]);
    mosts[n] = size > mosts[n] ? size : mosts[n];
    squares[n] += (double)x[i + n] * x[i + n];
  }
  float most = 0;
  for (int n = 0; n < LANES; n++) most = mosts[n] > most ? mosts[n] : most;
  const double length = tree(squares);
  // A NaN anywhere makes the sum one, an infinity makes it too large.
  if (!(length <= (double)CK_CODE_LONGEST * CK_CODE_LONGEST)) return 0;
  const int tiny = most < 1e-25f;
  const float scale = tiny ? 0 : most / 127, inverse = tiny ? 0 : 127 / most;
  // Added and taken away it leaves the nearest integer, ties to even.
  const float magic = 12582912.0f;
  for (i = 0; i < columns; i += LANES) {
    const int count = columns - i < LANES ? (int)(columns - i) : LANES;
    float values[LANES] = {0};
    int8_t bytes[LANES];
    if (count == LANES)
      memcpy(values, x + i, sizeof values);
    else
      memcpy(values, x + i, (size_t)count * sizeof *values);
    for (int n = 0; n < LANES; n++) {
      const float from = values[n];
      float value = (from * inverse + magic) - magic;
      value = value > 127 ? 127 : value < -127 ? -127 : value;
      const double kept = (double)scale * value, rest = from - kept;
      coded[n] += kept * kept;
      errors[n] += rest * rest;
      bytes[n] = (int8_t)value;
    }
    for (int n = 0; n < count; n += 4) {
      int8_t *own = codes + (i + (size_t)n) / 4 * step;
      if (n + 4 <= count)
        memcpy(own, bytes + n, 4);
      else
        memcpy(own, bytes + n, (size_t)(count - n));
    }
  }
  // Sums of at most 2^16 squares in double precision are off by less than this factor.
  const double slack = 1 + 1e-10;
  *facts =
    (code_facts){scale, sqrt(length) * slack, sqrt(tree(coded)) * slack, sqrt(tree(errors)) * slack};
  return 1;
}

INLINE size_t encode_block(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts) {
  const size_t groups = (columns + 3) / 4;
  memset(codes, 0, groups * 64);
  for (size_t row = 0; row < CK_CODE_ROWS; row++) {
    facts[row] = 0;
    facts[16 + row] = 0;
    facts[32 + row] = NAN;
  }
  size_t row = 0;
  for (; row < rows; row++) {
    code_facts found;
    if (!encode(x + row * columns, columns, (int8_t *)codes + row * 4, 64, &found)) break;
    facts[row] = found.scale;
    facts[16 + row] = up(found.coded_length);
    facts[32 + row] = up(found.error);
  }
  for (size_t i = 0; i < groups * 64; i++) codes[i] ^= 0x80;
  return row;
}

size_t ck_encode_block_ref(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts) {
  return encode_block(x, rows, columns, codes, facts);
}

static int encode_ref(const float *x, size_t columns, int8_t *values, code_facts *found) {
  return encode(x, columns, values, 4, found);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static size_t encode_block_avx2(const float *x, size_t rows, size_t columns, uint8_t *codes,
                                     float *facts) {
  return encode_block(x, rows, columns, codes, facts);
}

AVX2 static int encode_avx2(const float *x, size_t columns, int8_t *values, code_facts *found) {
  return encode(x, columns, values, 4, found);
}
#endif

size_t ck_encode_block(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts) {
#if defined(__x86_64__)
  if (ck_cpu().avx2) return encode_block_avx2(x, rows, columns, codes, facts);
#endif
  return ck_encode_block_ref(x, rows, columns, codes, facts);
}

int ck_encode_query(const float *x, size_t columns, int8_t *values, ck_code_query *query) {
  memset(values, 0, (columns + 3) / 4 * 4);
  code_facts found;
#if defined(__x86_64__)
  const int known = ck_cpu().avx2 ? encode_avx2(x, columns, values, &found)
                                  : encode_ref(x, columns, values, &found);
#else
  const int known = encode_ref(x, columns, values, &found);
#endif
  if (!known) return 0;
  int32_t sum = 0;
  for (size_t i = 0; i < columns; i++) sum += values[i];
  // A scan rounds the product (integer to float, two factors: relative 3 · 2^-24 of at most
  // |q̂| · |x̂|), the two terms of the bound (2 · 2^-24 each) and lower and upper (2^-24 of their
  // parts), and the true product is rounded to float (2^-24 of at most |q| · (|x̂| + |x − x̂|)).
  // Together below 2^-20 of (|q| + |q̂|) · |x̂| and of |q| · |x − x̂|: that much is added. The smallest
  // normal number covers products that underflow.
  const double slack = 1.0 / (1 << 20);
  query->values = values;
  query->offset = 128 * sum;
  query->scale = found.scale;
  query->norm_factor =
    up((found.error + slack * (found.length + found.coded_length)) * (1 + slack) + FLT_MIN);
  query->error_factor = up(found.length * (1 + 2 * slack) + FLT_MIN);
  query->threshold = -INFINITY;
  return 1;
}
