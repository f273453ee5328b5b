// Products of bytes with NEON, for the kernels of arm64. The including file defines CK_TARGET and, where
// the target has sdot or smmla, NEON_SDOT or NEON_MMLA.
#ifndef CK_NEON_H
#define CK_NEON_H

#include <arm_neon.h>

#include "internal.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET

/// sums + the products of four signed bytes each. Not both of a pair of bytes may be -128.
CK_INLINE_TARGET int32x4_t neon_dot(int32x4_t sums, int32x4_t a, int32x4_t b) {
  const int8x16_t x = vreinterpretq_s8_s32(a), y = vreinterpretq_s8_s32(b);
#ifdef NEON_SDOT
  return vdotq_s32(sums, x, y);
#else
  // Two products fit 16 bits: 2 * 128 * 127 < 2^15.
  const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(y));
  return vpadalq_s16(sums, vpaddq_s16(low, vmull_high_s8(x, y)));
#endif
}

#ifdef NEON_MMLA
/// sums + the products of two rows of eight signed bytes each: a[i] * b[j] is added to sums[2 * i + j].
CK_INLINE_TARGET int32x4_t neon_mmla(int32x4_t sums, int32x4_t a, int32x4_t b) {
  return vmmlaq_s32(sums, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(b));
}
#endif

#endif
