// Byte codes of rows and queries, and what is known of their errors (ck_codes.h has the bound).
#include <float.h>
#include <math.h>
#include <string.h>

#include "ck_codes.h"

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

/// c = the integers nearest to x / scale with scale = max|x| / 127; a vector too small to divide by is
/// coded as zeros. Whatever is rounded on the way, the lengths are measured on the result.
static int encode(const float *x, size_t columns, int8_t *codes, size_t step, code_facts *facts) {
  float most = 0;
  double squares = 0;
  for (size_t i = 0; i < columns; i++) {
    const float size = fabsf(x[i]);
    most = size > most ? size : most;
    squares += (double)x[i] * x[i];
  }
  // A NaN anywhere makes the sum one, an infinity makes it too large.
  if (!(squares <= (double)CK_CODE_LONGEST * CK_CODE_LONGEST)) return 0;
  const int tiny = most < 1e-25f;
  const float scale = tiny ? 0 : most / 127, inverse = tiny ? 0 : 127 / most;
  double coded = 0, error = 0;
  for (size_t i = 0; i < columns; i++) {
    float value = rintf(x[i] * inverse);
    value = value > 127 ? 127 : value < -127 ? -127 : value;
    const double kept = (double)scale * value, rest = x[i] - kept;
    coded += kept * kept;
    error += rest * rest;
    codes[(i & 3) + (i >> 2) * step] = (int8_t)value;
  }
  // Sums of at most 2^16 squares in double precision are off by less than this factor.
  const double slack = 1 + 1e-10;
  *facts = (code_facts){scale, sqrt(squares) * slack, sqrt(coded) * slack, sqrt(error) * slack};
  return 1;
}

size_t ck_encode_block(const float *x, size_t rows, size_t columns, uint8_t *codes, float *facts) {
  const size_t groups = (columns + 3) / 4;
  memset(codes, 128, groups * 64);
  for (size_t row = 0; row < CK_CODE_ROWS; row++) {
    facts[row] = 0;
    facts[16 + row] = 0;
    facts[32 + row] = NAN;
  }
  for (size_t row = 0; row < rows; row++) {
    code_facts found;
    int8_t *own = (int8_t *)codes + row * 4;
    if (!encode(x + row * columns, columns, own, 64, &found)) return row;
    for (size_t i = 0; i < columns; i++) own[(i & 3) + (i >> 2) * 64] ^= (int8_t)0x80;
    facts[row] = found.scale;
    facts[16 + row] = up(found.coded_length);
    facts[32 + row] = up(found.error);
  }
  return rows;
}

int ck_encode_query(const float *x, size_t columns, int8_t *values, ck_code_query *query) {
  memset(values, 0, (columns + 3) / 4 * 4);
  code_facts found;
  if (!encode(x, columns, values, 4, &found)) return 0;
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
