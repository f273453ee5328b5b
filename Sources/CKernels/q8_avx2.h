// AVX2: reading one canonical block of 8 rows of each stored format.
//
// A tile is 8 adjacent rows. `first[a]` and `last[a]` (a = 0..3) hold the levels of the first and the
// last 16 weights of rows a and a + 4, one row in each 128-bit lane, as unsigned bytes with the
// format's offset still in them; q8_0 alone has signed levels (see products in q8_avx2.c).
#ifndef CK_Q8_AVX2_H
#define CK_Q8_AVX2_H

#include <immintrin.h>

#include "internal.h"

#define CK_AVX2 __attribute__((target("avx,avx2,fma,f16c")))
#define CK_INLINE_AVX2 CK_INLINE CK_AVX2

/// 16 bytes at p and at p + 4 * stride, one in each lane.
CK_INLINE_AVX2 __m256i lanes(const uint8_t *p, size_t stride) {
  const __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));
  return _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(p + 4 * stride)), 1);
}

/// 4 bytes at p + {0, 1, ..., 7} * stride.
CK_INLINE_AVX2 __m256i words(const uint8_t *p, size_t stride) {
  return _mm256_setr_epi32(
    (int)ck_load32(p), (int)ck_load32(p + stride), (int)ck_load32(p + 2 * stride),
    (int)ck_load32(p + 3 * stride), (int)ck_load32(p + 4 * stride),
    (int)ck_load32(p + 5 * stride), (int)ck_load32(p + 6 * stride),
    (int)ck_load32(p + 7 * stride));
}

CK_INLINE_AVX2 __m256 halves_to_floats(__m256i v) {  // v: 8 numbers below 2^16
  const __m256i packed = _mm256_packus_epi32(v, v);
  return _mm256_cvtph_ps(
    _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}
CK_INLINE_AVX2 __m256 low_halves(__m256i v) {
  return halves_to_floats(_mm256_and_si256(v, _mm256_set1_epi32(0xffff)));
}
CK_INLINE_AVX2 __m256 high_halves(__m256i v) {
  return halves_to_floats(_mm256_srli_epi32(v, 16));
}
CK_INLINE_AVX2 __m256i low_nibbles(__m256i v) {
  return _mm256_and_si256(v, _mm256_set1_epi8(15));
}
CK_INLINE_AVX2 __m256i high_nibbles(__m256i v) {
  return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/// The levels of a tile's block.
typedef struct {
  __m256i first[4], last[4];
} tile_levels;

/// Scales (two in q6_K) and minimums of a tile's blocks, one row in each element.
typedef struct {
  __m256 scale[2], minimum;
} tile_scales;

// --- Formats of 32 weights: p is the block of row 0.

CK_INLINE_AVX2 void levels_q4_0(const uint8_t *p, size_t stride, tile_levels *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i v = lanes(p + 2 + a * stride, stride);
    out->first[a] = low_nibbles(v);
    out->last[a] = high_nibbles(v);
  }
}
CK_INLINE_AVX2 void levels_q4_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q4_0(p + 2, stride, out);
}
CK_INLINE_AVX2 void levels_mxfp4(const uint8_t *p, size_t stride, tile_levels *out) {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_setr_epi8(
    16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i v = lanes(p + 1 + a * stride, stride);
    out->first[a] = _mm256_shuffle_epi8(table, low_nibbles(v));
    out->last[a] = _mm256_shuffle_epi8(table, high_nibbles(v));
  }
}
CK_INLINE_AVX2 void levels_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = lanes(p + 2 + a * stride, stride);
    out->last[a] = lanes(p + 18 + a * stride, stride);
  }
}
/// p points at the fifth bits, which are followed by the nibbles.
CK_INLINE_AVX2 void levels_q5(const uint8_t *p, size_t stride, tile_levels *out) {
  const __m256i first_bits = _mm256_broadcastsi128_si256(
    _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m256i last_bits = _mm256_broadcastsi128_si256(
    _mm_setr_epi8(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
  const __m256i sixteen = _mm256_set1_epi8(16);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i h = lanes(p + a * stride, stride);
    const __m256i v = lanes(p + 4 + a * stride, stride);
    const __m256i f = _mm256_and_si256(_mm256_shuffle_epi8(h, first_bits), bit);
    const __m256i l = _mm256_and_si256(_mm256_shuffle_epi8(h, last_bits), bit);
    out->first[a] = _mm256_or_si256(
      low_nibbles(v), _mm256_and_si256(_mm256_cmpeq_epi8(f, bit), sixteen));
    out->last[a] = _mm256_or_si256(
      high_nibbles(v), _mm256_and_si256(_mm256_cmpeq_epi8(l, bit), sixteen));
  }
}
CK_INLINE_AVX2 void levels_q5_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 2, stride, out);
}
CK_INLINE_AVX2 void levels_q5_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 4, stride, out);
}

CK_INLINE_AVX2 void scales_half(const uint8_t *p, size_t stride, tile_scales *out) {
  out->scale[0] = low_halves(words(p, stride));
}
CK_INLINE_AVX2 void scales_half_minimum(const uint8_t *p, size_t stride, tile_scales *out) {
  const __m256i v = words(p, stride);
  out->scale[0] = low_halves(v);
  out->minimum = high_halves(v);
}
CK_INLINE_AVX2 void scales_mxfp4(const uint8_t *p, size_t stride, tile_scales *out) {
  const __m256i e = _mm256_and_si256(words(p, stride), _mm256_set1_epi32(255));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  out->scale[0] = _mm256_castsi256_ps(
    _mm256_blendv_epi8(normal, small, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
}

// --- Formats of 256 weights: p is the stored block of row 0, j (0..7, ascending) the block in it.
// Stored bytes that several blocks share are kept in `raw` between the calls.

/// 32 bytes of each row.
typedef struct {
  __m256i first[4], last[4];
} raw_bytes;

CK_INLINE_AVX2 void load_raw(const uint8_t *p, size_t stride, raw_bytes *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = lanes(p + a * stride, stride);
    out->last[a] = lanes(p + 16 + a * stride, stride);
  }
}

typedef struct {
  raw_bytes nibbles;
} raw_q4_K;

CK_INLINE_AVX2 void levels_q4_K(
  const uint8_t *p, size_t stride, size_t j, raw_q4_K *raw, tile_levels *out
) {
  if (j % 2 == 0) load_raw(p + 16 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    out->first[a] = j & 1 ? high_nibbles(f) : low_nibbles(f);
    out->last[a] = j & 1 ? high_nibbles(l) : low_nibbles(l);
  }
}

/// Bit j of every byte as 16 or 0.
CK_INLINE_AVX2 __m256i fifth_bit(__m256i v, size_t j) {
  const __m256i moved =
    j < 4 ? _mm256_slli_epi16(v, 4 - (int)(j & 3)) : _mm256_srli_epi16(v, (int)(j & 3));
  return _mm256_and_si256(moved, _mm256_set1_epi8(16));
}

typedef struct {
  raw_bytes nibbles, fifth;
} raw_q5_K;

CK_INLINE_AVX2 void levels_q5_K(
  const uint8_t *p, size_t stride, size_t j, raw_q5_K *raw, tile_levels *out
) {
  if (j == 0) load_raw(p + 16, stride, &raw->fifth);
  if (j % 2 == 0) load_raw(p + 48 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    const __m256i f5 = fifth_bit(raw->fifth.first[a], j), l5 = fifth_bit(raw->fifth.last[a], j);
    out->first[a] = _mm256_or_si256(f5, j & 1 ? high_nibbles(f) : low_nibbles(f));
    out->last[a] = _mm256_or_si256(l5, j & 1 ? high_nibbles(l) : low_nibbles(l));
  }
}

/// Bit pair i (0..3) of every byte, as bits 4 and 5.
CK_INLINE_AVX2 __m256i upper_pair(__m256i v, size_t i) {
  const __m256i moved = i == 0   ? _mm256_slli_epi16(v, 4)
                        : i == 1 ? _mm256_slli_epi16(v, 2)
                        : i == 2 ? v
                                 : _mm256_srli_epi16(v, 2);
  return _mm256_and_si256(moved, _mm256_set1_epi8(48));
}

typedef struct {
  raw_bytes nibbles[2], pairs;
} raw_q6_K;

CK_INLINE_AVX2 void levels_q6_K(
  const uint8_t *p, size_t stride, size_t j, raw_q6_K *raw, tile_levels *out
) {
  const size_t i = j % 4;
  if (i == 0) {
    load_raw(p + 16 * j, stride, &raw->nibbles[0]);
    load_raw(p + 16 * j + 32, stride, &raw->nibbles[1]);
    load_raw(p + 128 + 8 * j, stride, &raw->pairs);
  }
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m256i f = raw->nibbles[i & 1].first[a], l = raw->nibbles[i & 1].last[a];
    const __m256i f2 = upper_pair(raw->pairs.first[a], i), l2 = upper_pair(raw->pairs.last[a], i);
    out->first[a] = _mm256_or_si256(f2, i < 2 ? low_nibbles(f) : high_nibbles(f));
    out->last[a] = _mm256_or_si256(l2, i < 2 ? low_nibbles(l) : high_nibbles(l));
  }
}

/// 4 x 4 transposition of 32-bit elements inside each lane.
CK_INLINE_AVX2 void transpose_lanes(__m256i v[4]) {
  const __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
  const __m256i c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm256_unpacklo_epi64(a, c);
  v[1] = _mm256_unpackhi_epi64(a, c);
  v[2] = _mm256_unpacklo_epi64(b, d);
  v[3] = _mm256_unpackhi_epi64(b, d);
}

/// The scales and minimums of all 8 sub-blocks of q4_K and q5_K.
CK_INLINE_AVX2 void scales_k(
  const uint8_t *p, size_t stride, float scale[8][8], float minimum[8][8]
) {
  // Four vectors of headers become: f16 d and dmin; 6-bit words 0..3, 4..7, 8..11, row by row.
  __m256i v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + a * stride, stride);
  transpose_lanes(v);
  const __m256 d = low_halves(v[0]), dmin = high_halves(v[0]);
  const __m256i six = _mm256_set1_epi32(0x3f3f3f3f), four = _mm256_set1_epi32(0x0f0f0f0f);
  const __m256i two = _mm256_set1_epi32(0x30303030);
  const __m256i s[2] = {
    _mm256_and_si256(v[1], six),
    _mm256_or_si256(
      _mm256_and_si256(v[3], four), _mm256_and_si256(_mm256_srli_epi32(v[1], 2), two))};
  const __m256i m[2] = {
    _mm256_and_si256(v[2], six),
    _mm256_or_si256(
      _mm256_and_si256(_mm256_srli_epi32(v[3], 4), four),
      _mm256_and_si256(_mm256_srli_epi32(v[2], 2), two))};
  const __m256i byte = _mm256_set1_epi32(255);
  const __m256 sign = _mm256_set1_ps(-0.0f);
  CK_UNROLL for (int j = 0; j < 8; j++) {
    const __m256i sj = _mm256_and_si256(_mm256_srli_epi32(s[j / 4], 8 * (j & 3)), byte);
    const __m256i mj = _mm256_and_si256(_mm256_srli_epi32(m[j / 4], 8 * (j & 3)), byte);
    _mm256_store_ps(scale[j], _mm256_mul_ps(d, _mm256_cvtepi32_ps(sj)));
    const __m256 product = _mm256_mul_ps(dmin, _mm256_cvtepi32_ps(mj));
    _mm256_store_ps(minimum[j], _mm256_xor_ps(product, sign));
  }
}

/// The 16 scales of q6_K: two for each of the 8 blocks.
CK_INLINE_AVX2 void scales_q6_K(
  const uint8_t *p, size_t stride, float low[8][8], float high[8][8]
) {
  __m256i v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + 192 + a * stride, stride);
  transpose_lanes(v);
  const __m256 d = high_halves(words(p + 206, stride));
  CK_UNROLL for (int j = 0; j < 8; j++) {
    const __m256i w = j & 1 ? v[j / 2] : _mm256_slli_epi32(v[j / 2], 16);
    const __m256i s0 = _mm256_srai_epi32(_mm256_slli_epi32(w, 8), 24);
    const __m256i s1 = _mm256_srai_epi32(w, 24);
    _mm256_store_ps(low[j], _mm256_mul_ps(d, _mm256_cvtepi32_ps(s0)));
    _mm256_store_ps(high[j], _mm256_mul_ps(d, _mm256_cvtepi32_ps(s1)));
  }
}

#endif
