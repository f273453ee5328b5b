// What q8_levels.h and q8_kernels.h need of 512-bit vectors (16 rows in a tile).
// The including file defines CK_TARGET (the target attribute) first.
#include <immintrin.h>

#include "internal.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET
#define TILE 16          // rows in a vector
#define PANEL_BLOCKS 24  // blocks of a panel
#define PANEL_TILES 2    // tiles of a panel
#define SWEEP_TOKENS 6   // tokens swept over a panel at a time
#define GEMV_TOKENS 8    // tokens up to which weights are not unpacked first
#define VI(op) _mm512_##op
#define VBITS(op) _mm512_##op##_si512

typedef __m512i vi;
typedef __m512 vf;
typedef __m128i lane;
#define LANE _mm_setr_epi8  // of 16 bytes
#define load_lane(p) _mm_loadu_si128((const __m128i *)(p))
typedef __mmask16 row_mask;

/// The elements [skip, skip + wanted) of a tile.
CK_INLINE_TARGET row_mask rows_of(size_t skip, size_t wanted) {
  return (row_mask)(((1u << wanted) - 1) << skip);
}
CK_INLINE_TARGET vf load_rows(const float *p, row_mask rows) {
  return _mm512_maskz_loadu_ps(rows, p);
}
CK_INLINE_TARGET void store_rows(float *p, row_mask rows, vf v) {
  _mm512_mask_storeu_ps(p, rows, v);
}

CK_INLINE_TARGET vi every_lane(lane v) { return _mm512_broadcast_i32x4(v); }

/// 4 bytes at p + 4 * index in every element.
CK_INLINE_TARGET vi every_word(const int8_t *p, int index) {
  return VI(set1_epi32)((int)ck_load32(p + 4 * index));
}

CK_INLINE_TARGET vi high_nibbles(vi v) {
  return VBITS(and)(VI(srli_epi16)(v, 4), VI(set1_epi8)(15));
}

/// 16 bytes at p + {0, 4, 8, 12} * stride, one in each lane.
CK_INLINE_TARGET vi lanes(const uint8_t *p, size_t stride) {
  __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));
  low = _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(p + 4 * stride)), 1);
  __m256i high = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(p + 8 * stride)));
  high = _mm256_inserti128_si256(high, _mm_loadu_si128((const __m128i *)(p + 12 * stride)), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// 4 bytes at p + {0, 1, ..., 15} * stride.
CK_INLINE_TARGET vi words(const uint8_t *p, size_t stride) {
  __m128i v[4];
  CK_UNROLL for (size_t g = 0; g < 4; g++) {
    const uint8_t *q = p + 4 * g * stride;
    v[g] = _mm_cvtsi32_si128((int)ck_load32(q));
    v[g] = _mm_mask_set1_epi32(v[g], 2, (int)ck_load32(q + stride));
    v[g] = _mm_mask_set1_epi32(v[g], 4, (int)ck_load32(q + 2 * stride));
    v[g] = _mm_mask_set1_epi32(v[g], 8, (int)ck_load32(q + 3 * stride));
  }
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(v[0]), v[1], 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(v[2]), v[3], 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

CK_INLINE_TARGET vi load_vector(const void *p) { return _mm512_loadu_si512(p); }
/// The largest element; -infinity where none is a number.
CK_INLINE_TARGET float largest_row(vf v) {
  return _mm512_reduce_max_ps(_mm512_max_ps(v, _mm512_set1_ps(-INFINITY))) + 0.0f;
}
/// TILE bytes that lie side by side, as numbers 0 ... 255.
CK_INLINE_TARGET vf load_bytes(const uint8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

CK_INLINE_TARGET vf low_halves(vi v) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)); }
CK_INLINE_TARGET vf high_halves(vi v) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(v, 16)));
}

/// `value` in the bytes of v that have a bit of `bit`, which has one bit in each byte.
CK_INLINE_TARGET vi where_bit(vi v, vi bit, vi value) {
  return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(v, bit), value);
}

/// 0x00200000 << e where e < 2, else `other`; e is not negative.
CK_INLINE_TARGET vi small_power(vi e, vi other) {
  const __mmask16 small = _mm512_cmplt_epu32_mask(e, _mm512_set1_epi32(2));
  return _mm512_mask_sllv_epi32(other, small, _mm512_set1_epi32(0x00200000), e);
}

CK_INLINE_TARGET vf as_floats(vi v) { return _mm512_castsi512_ps(v); }

/// The 4 partial sums in each lane added up, rows in order.
CK_INLINE_TARGET vi row_sums(const vi v[4]) {
  const vi a = _mm512_add_epi32(
    _mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const vi b = _mm512_add_epi32(
    _mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}
