// Activations rounded to blocks of bytes: the reference of what the kernels do in vectors, and the choice of
// blocks that keep a second byte.
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "internal.h"

/// Quantises one block to steps of max / `steps`; the bytes go to `high` and, unless null, `low`.
static void quantize_block(const float *x, size_t count, float steps, ck_q8_block *out, int8_t *low) {
  uint32_t largest = 0;  // of |x|, as bits: orders finite < infinite < NaN
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = ck_bits_from_float(x[i]) & 0x7fffffff;
    if (bits > largest) largest = bits;
  }
  memset(out, 0, sizeof *out);
  if (low) memset(low, 0, CK_BLOCK);
  if (largest >= 0x7f800000) {
    out->d = ck_float_from_bits(0x7fc00000);
    out->ds = out->d;
    return;
  }
  const float maximum = ck_float_from_bits(largest);
  if (maximum < 0x1p-100f) return;
  const float inverse = steps / maximum;
  int32_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    int32_t q = (int32_t)rintf(x[i] * inverse);
    if (low) {
      const int32_t high = (q + 128) >> 8;
      const int32_t rest = q - 256 * high;
      low[i] = (int8_t)(rest < -127 ? -127 : rest);
      out->q[i] = (int8_t)high;
      q = 256 * high + low[i];
    } else {
      out->q[i] = (int8_t)q;
    }
    sum += q;
    if (i < 16) out->n8_low -= 8 * q;
  }
  out->d = maximum / steps;
  out->ds = out->d * (float)sum;
  out->n8 = -8 * sum;
}

void ck_quantize_q8_ref(const float *x, size_t columns, ck_q8_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t count = columns - start < CK_BLOCK ? columns - start : CK_BLOCK;
    quantize_block(x + start, count, 127.0f, out, 0);
  }
}

void ck_quantize_q16_ref(const float *x, size_t columns, ck_q16_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t count = columns - start < CK_BLOCK ? columns - start : CK_BLOCK;
    quantize_block(x + start, count, 32512.0f, &out->high, out->low);
    out->has_low = 1;
  }
}

/// The sum of 16 bytes, with what every CPU of its kind has.
static int32_t sum_of_16(const int8_t *q) {
#if defined(__SSE2__)
  const __m128i raised = _mm_xor_si128(_mm_loadu_si128((const __m128i *)q), _mm_set1_epi8(-128));
  const __m128i sums = _mm_sad_epu8(raised, _mm_setzero_si128());
  return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_unpackhi_epi64(sums, sums))) - 16 * 128;
#elif defined(__aarch64__)
  return vaddlvq_s8(vld1q_s8(q));
#else
  int32_t sum = 0;
  for (int i = 0; i < 16; i++) sum += q[i];
  return sum;
#endif
}

void ck_trim_q16(ck_q16_block *blocks, size_t count) {
  double sum = 0;
  for (size_t b = 0; b < count; b++) {
    const double square = (double)blocks[b].high.d * blocks[b].high.d;
    sum += square;
  }
  for (size_t b = 0; b < count; b++) {
    ck_q16_block *block = blocks + b;
    const double square = (double)block->high.d * block->high.d;
    if (square * (double)count > sum) continue;
    const int32_t first = sum_of_16(block->high.q), all = first + sum_of_16(block->high.q + 16);
    block->high.ds = block->high.d * (float)(256 * all);
    block->high.n8 = -8 * 256 * all;
    block->high.n8_low = -8 * 256 * first;
    memset(block->low, 0, CK_BLOCK);
    block->has_low = 0;
  }
}
