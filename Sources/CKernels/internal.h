// Shared by the kernel files; not part of the module.
#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include <math.h>
#include <string.h>

#include "ck_formats.h"
#include "ck_matmul.h"
#include "ck_system.h"

// a * b + c must stay two roundings unless fma is written: otherwise the variants differ.
#pragma STDC FP_CONTRACT OFF

/// Before loops over registers: an array that is indexed by a variable would live in memory.
#define CK_UNROLL _Pragma("clang loop unroll(full)")

#define CK_INLINE static inline __attribute__((always_inline))

CK_INLINE uint16_t ck_load16(const void *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}

CK_INLINE uint32_t ck_load32(const void *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

CK_INLINE float ck_float_from_bits(uint32_t bits) {
  float v;
  memcpy(&v, &bits, 4);
  return v;
}

CK_INLINE uint32_t ck_bits_from_float(float v) {
  uint32_t bits;
  memcpy(&bits, &v, 4);
  return bits;
}

/// IEEE half to float; exact, subnormals included.
CK_INLINE float ck_float_from_half(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  const uint32_t magnitude = h & 0x7fff;
  if (magnitude < 0x400) {  // zero and subnormals: magnitude * 2^-24
    const float v = (float)magnitude * 0x1p-24f;
    return ck_float_from_bits(ck_bits_from_float(v) | sign);
  }
  if (magnitude >= 0x7c00) return ck_float_from_bits(sign | 0x7f800000 | ((magnitude & 0x3ff) << 13));
  return ck_float_from_bits(sign | ((magnitude << 13) + 0x38000000));
}

/// Half of the power of two an e8m0 byte stands for (the levels of MXFP4 are stored doubled).
CK_INLINE float ck_half_power_from_e8m0(uint8_t e) {
  return ck_float_from_bits(e < 2 ? 0x00200000u << e : (uint32_t)(e - 1) << 23);
}

/// The levels of MXFP4 (e2m1), doubled.
extern const int8_t ck_mxfp4_levels[16];
/// The levels of iq4_nl and iq4_xs, closer together near zero.
extern const int8_t ck_iq4_levels[16];

/// Scale and minimum of sub-block j (0..7) of a q4_K or q5_K block: 6 bits each in 12 bytes.
CK_INLINE void ck_k_scale(const uint8_t *s, int j, uint8_t *scale, uint8_t *minimum) {
  if (j < 4) {
    *scale = s[j] & 63;
    *minimum = s[j + 4] & 63;
  } else {
    *scale = (uint8_t)((s[j + 4] & 15) | ((s[j - 4] >> 6) << 4));
    *minimum = (uint8_t)((s[j + 4] >> 4) | ((s[j] >> 6) << 4));
  }
}

void ck_multiply_q8_ref(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_ref(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_f32_ref(const ck_product *p, size_t begin, size_t end, void *scratch);

#if defined(__x86_64__)
void ck_quantize_q8_avx2(const float *x, size_t columns, ck_q8_block *out);
void ck_quantize_q16_avx2(const float *x, size_t columns, ck_q16_block *out);
void ck_multiply_q8_avx2(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_avx2(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_q8_avxvnni(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_avxvnni(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_f32_avx2(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_dequantize_row_avx2(int type, const void *row, size_t columns, float *out);
void ck_quantize_q8_avx512(const float *x, size_t columns, ck_q8_block *out);
void ck_quantize_q16_avx512(const float *x, size_t columns, ck_q16_block *out);
void ck_multiply_q8_avx512(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_avx512(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_f32_avx512(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_dequantize_row_avx512(int type, const void *row, size_t columns, float *out);
#elif defined(__aarch64__)
void ck_quantize_q8_neon(const float *x, size_t columns, ck_q8_block *out);
void ck_quantize_q16_neon(const float *x, size_t columns, ck_q16_block *out);
void ck_multiply_q8_neon(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_neon(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_q8_dotprod(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_dotprod(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_q8_i8mm(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_multiply_coarse_i8mm(const ck_coarse_product *p, size_t begin, size_t end);
void ck_multiply_f32_neon(const ck_product *p, size_t begin, size_t end, void *scratch);
void ck_dequantize_row_neon(int type, const void *row, size_t columns, float *out);
#endif

/// Rows that are turned into floats at a time by the float products.
enum { CK_FLOAT_ROWS = 4 };

#endif
