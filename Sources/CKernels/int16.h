// Shared by the 16-bit kernels; not part of the module.
#ifndef CK_INT16_INTERNAL_H
#define CK_INT16_INTERNAL_H

#include "ck_int16.h"
#include "internal.h"

/// The scale of activations whose largest magnitude has these bits: zero for a section without values
/// of note, NaN for one with a value that is not finite. `inverse` is what they are multiplied by.
CK_INLINE float ck_i16_scale(uint32_t magnitude, float *inverse) {
  const float largest = ck_float_from_bits(magnitude);
  *inverse = 0;
  if (magnitude >= 0x7f800000) return ck_float_from_bits(0x7fc00000);
  if (largest < 1e-30f) return 0;
  *inverse = (float)CK_I16_LEVELS / largest;
  return largest / (float)CK_I16_LEVELS;
}

CK_INLINE size_t ck_i16_section_end(size_t begin, size_t columns) {
  return columns - begin < CK_I16_SECTION ? columns : begin + CK_I16_SECTION;
}

#if defined(__x86_64__)
void ck_i16_quantize_avx2(const float *x, size_t columns, int16_t *levels, float *scales);
void ck_i16_multiply_avx2(
  const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);
void ck_i16_quantize_avx512(const float *x, size_t columns, int16_t *levels, float *scales);
void ck_i16_multiply_avx512(
  const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);
#elif defined(__aarch64__)
void ck_i16_quantize_neon(const float *x, size_t columns, int16_t *levels, float *scales);
void ck_i16_multiply_neon(
  const ck_i16_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);
#endif

#endif
