// What q8_levels.h and q8_kernels.h need of 256-bit vectors (8 rows in a tile).
// The including file defines CK_TARGET (the target attribute) first.
#include <immintrin.h>

#include "internal.h"

#define CK_INLINE_TARGET CK_INLINE CK_TARGET
#define TILE 8           // rows in a vector
#define PANEL_BLOCKS 32  // blocks of a panel
#define PANEL_TILES 1    // tiles of a panel
#define SWEEP_TOKENS 4   // tokens swept over a panel at a time
#define GEMV_TOKENS 4    // tokens up to which weights are not unpacked first
#define VI(op) _mm256_##op
#define VBITS(op) _mm256_##op##_si256

typedef __m256i vi;
typedef __m256 vf;
typedef __m128i lane;
#define LANE _mm_setr_epi8  // of 16 bytes
#define load_lane(p) _mm_loadu_si128((const __m128i *)(p))
typedef __m256i row_mask;

/// The elements [skip, skip + wanted) of a tile.
CK_INLINE_TARGET row_mask rows_of(size_t skip, size_t wanted) {
  const vi lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_andnot_si256(
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)skip), lane),
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(skip + wanted)), lane));
}
CK_INLINE_TARGET vf load_rows(const float *p, row_mask rows) {
  return _mm256_maskload_ps(p, rows);
}
CK_INLINE_TARGET void store_rows(float *p, row_mask rows, vf v) {
  _mm256_maskstore_ps(p, rows, v);
}

CK_INLINE_TARGET vi every_lane(lane v) { return _mm256_broadcastsi128_si256(v); }

/// 4 bytes at p + 4 * index in every element.
CK_INLINE_TARGET vi every_word(const int8_t *p, int index) {
  return VI(set1_epi32)((int)ck_load32(p + 4 * index));
}

CK_INLINE_TARGET vi high_nibbles(vi v) {
  return VBITS(and)(VI(srli_epi16)(v, 4), VI(set1_epi8)(15));
}

/// 16 bytes at p + {0, 4} * stride, one in each lane.
CK_INLINE_TARGET vi lanes(const uint8_t *p, size_t stride) {
  const vi low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));
  return _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(p + 4 * stride)), 1);
}

/// 4 bytes at p + {0, 1, ..., 7} * stride.
CK_INLINE_TARGET vi words(const uint8_t *p, size_t stride) {
  return _mm256_setr_epi32(
    (int)ck_load32(p), (int)ck_load32(p + stride), (int)ck_load32(p + 2 * stride),
    (int)ck_load32(p + 3 * stride), (int)ck_load32(p + 4 * stride),
    (int)ck_load32(p + 5 * stride), (int)ck_load32(p + 6 * stride),
    (int)ck_load32(p + 7 * stride));
}

CK_INLINE_TARGET vi load_vector(const void *p) { return _mm256_loadu_si256(p); }
/// The largest element; -infinity where none is a number.
CK_INLINE_TARGET float largest_row(vf v) {
  const __m256 clean = _mm256_max_ps(v, _mm256_set1_ps(-INFINITY));
  __m128 most = _mm_max_ps(_mm256_castps256_ps128(clean), _mm256_extractf128_ps(clean, 1));
  most = _mm_max_ps(most, _mm_movehl_ps(most, most));
  return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most))) + 0.0f;
}
/// TILE bytes that lie side by side, as numbers 0 ... 255.
CK_INLINE_TARGET vf load_bytes(const uint8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

CK_INLINE_TARGET vf halves_to_floats(vi v) {  // v: 8 numbers below 2^16
  const vi packed = _mm256_packus_epi32(v, v);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}
CK_INLINE_TARGET vf low_halves(vi v) {
  return halves_to_floats(_mm256_and_si256(v, _mm256_set1_epi32(0xffff)));
}
CK_INLINE_TARGET vf high_halves(vi v) { return halves_to_floats(_mm256_srli_epi32(v, 16)); }

/// `value` in the bytes of v that have a bit of `bit`, which has one bit in each byte.
CK_INLINE_TARGET vi where_bit(vi v, vi bit, vi value) {
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit), value);
}

/// 0x00200000 << e where e < 2, else `other`; e is not negative.
CK_INLINE_TARGET vi small_power(vi e, vi other) {
  const vi small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  return _mm256_blendv_epi8(other, small, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e));
}

CK_INLINE_TARGET vf as_floats(vi v) { return _mm256_castsi256_ps(v); }

/// The 4 partial sums in each lane added up, rows in order.
CK_INLINE_TARGET vi row_sums(const vi v[4]) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
}
