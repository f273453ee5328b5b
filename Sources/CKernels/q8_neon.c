// Quantised weights times int8 and int16 activations with NEON as every arm64 CPU has it; see
// q8_kernels.h.
#if defined(__aarch64__)
#define SUFFIX(name) name##_neon
#define CK_TARGET
#include "q8_vector128.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"

/// Up to 32 activations as eight vectors; returns the bits of the largest |x|.
CK_INLINE uint32_t load_block(const float *x, size_t left, float32x4_t v[8]) {
  float padded[CK_BLOCK] = {0};
  if (left < CK_BLOCK) {
    memcpy(padded, x, left * sizeof(float));
    x = padded;
  }
  uint32x4_t most = vdupq_n_u32(0);
  CK_UNROLL for (int i = 0; i < 8; i++) {
    v[i] = vld1q_f32(x + 4 * i);
    most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(v[i])));
  }
  return vmaxvq_u32(most);
}

CK_INLINE void store_sums(const int32x4_t q[8], float d, ck_q8_block *out) {
  const int32x4_t low = vaddq_s32(vaddq_s32(q[0], q[1]), vaddq_s32(q[2], q[3]));
  const int32x4_t high = vaddq_s32(vaddq_s32(q[4], q[5]), vaddq_s32(q[6], q[7]));
  const int32_t first = vaddvq_s32(low), sum = first + vaddvq_s32(high);
  out->d = d;
  out->ds = d * (float)sum;
  out->n8 = -8 * sum;
  out->n8_low = -8 * first;
}

CK_INLINE void store_bytes(int8_t *out, const int32x4_t q[8]) {
  CK_UNROLL for (int i = 0; i < 2; i++, q += 4) {
    const int16x8_t a = vcombine_s16(vmovn_s32(q[0]), vmovn_s32(q[1]));
    const int16x8_t b = vcombine_s16(vmovn_s32(q[2]), vmovn_s32(q[3]));
    vst1q_s8(out + 16 * i, vcombine_s8(vmovn_s16(a), vmovn_s16(b)));
  }
}

void ck_quantize_q8_neon(const float *x, size_t columns, ck_q8_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    float32x4_t v[8];
    const uint32_t largest = load_block(x + start, left, v);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q8_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const float inverse = 127.0f / maximum;
    int32x4_t q[8];
    CK_UNROLL for (int i = 0; i < 8; i++) q[i] = vcvtnq_s32_f32(vmulq_n_f32(v[i], inverse));
    store_bytes(out->q, q);
    store_sums(q, maximum / 127.0f, out);
  }
}

void ck_quantize_q16_neon(const float *x, size_t columns, ck_q16_block *out) {
  for (size_t start = 0; start < columns; start += CK_BLOCK, out++) {
    const size_t left = columns - start;
    float32x4_t v[8];
    const uint32_t largest = load_block(x + start, left, v);
    const float maximum = ck_float_from_bits(largest);
    if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
      ck_quantize_q16_ref(x + start, left < CK_BLOCK ? left : CK_BLOCK, out);
      continue;
    }
    const float inverse = 32512.0f / maximum;
    int32x4_t q[8], high[8], low[8];
    CK_UNROLL for (int i = 0; i < 8; i++) {
      q[i] = vcvtnq_s32_f32(vmulq_n_f32(v[i], inverse));
      high[i] = vshrq_n_s32(vaddq_s32(q[i], vdupq_n_s32(128)), 8);
      const int32x4_t whole = vshlq_n_s32(high[i], 8);
      low[i] = vmaxq_s32(vsubq_s32(q[i], whole), vdupq_n_s32(-127));
      q[i] = vaddq_s32(whole, low[i]);
    }
    store_bytes(out->high.q, high);
    store_bytes(out->low, low);
    store_sums(q, maximum / 32512.0f, &out->high);
    out->has_low = 1;
  }
}
#endif
