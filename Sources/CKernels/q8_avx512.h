// AVX-512 VNNI: reading one canonical block of 16 rows of each stored format.
//
// A tile is 16 adjacent rows. `first[a]` and `last[a]` (a = 0..3) hold the levels of the first and
// the last 16 weights of rows a, a + 4, a + 8 and a + 12, one row in each 128-bit lane, as unsigned
// bytes with the format's offset still in them. From there one tree of shuffles gives 16 dot products
// in row order, and one 4 x 4 transposition inside the lanes gives the panel layout.
#ifndef CK_Q8_AVX512_H
#define CK_Q8_AVX512_H

#include <immintrin.h>

#include "internal.h"

#define CK_AVX512 \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define CK_INLINE_AVX512 CK_INLINE CK_AVX512

/// 16 bytes at p + {0, 4, 8, 12} * stride, one in each lane.
CK_INLINE_AVX512 __m512i lanes(const uint8_t *p, size_t stride) {
  __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p));
  low = _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(p + 4 * stride)), 1);
  __m256i high =
    _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(p + 8 * stride)));
  high = _mm256_inserti128_si256(high, _mm_loadu_si128((const __m128i *)(p + 12 * stride)), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// 4 bytes at p + {0, 1, ..., 15} * stride.
CK_INLINE_AVX512 __m512i words(const uint8_t *p, size_t stride) {
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

CK_INLINE_AVX512 __m512 low_halves(__m512i v) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}
CK_INLINE_AVX512 __m512 high_halves(__m512i v) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(v, 16)));
}
CK_INLINE_AVX512 __m512i low_nibbles(__m512i v) {
  return _mm512_and_si512(v, _mm512_set1_epi8(15));
}
CK_INLINE_AVX512 __m512i high_nibbles(__m512i v) {
  return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}

/// The levels of a tile's block.
typedef struct {
  __m512i first[4], last[4];
} tile_levels;

/// Scales (two in q6_K) and minimums of a tile's blocks, one row in each lane.
typedef struct {
  __m512 scale[2], minimum;
} tile_scales;

// --- Formats of 32 weights: p is the block of row 0.

CK_INLINE_AVX512 void levels_q4_0(const uint8_t *p, size_t stride, tile_levels *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i v = lanes(p + 2 + a * stride, stride);
    out->first[a] = low_nibbles(v);
    out->last[a] = high_nibbles(v);
  }
}
CK_INLINE_AVX512 void levels_q4_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q4_0(p + 2, stride, out);
}
CK_INLINE_AVX512 void levels_mxfp4(const uint8_t *p, size_t stride, tile_levels *out) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(
    16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i v = lanes(p + 1 + a * stride, stride);
    out->first[a] = _mm512_shuffle_epi8(table, low_nibbles(v));
    out->last[a] = _mm512_shuffle_epi8(table, high_nibbles(v));
  }
}
CK_INLINE_AVX512 void levels_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  const __m512i offset = _mm512_set1_epi8(-128);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = _mm512_xor_si512(lanes(p + 2 + a * stride, stride), offset);
    out->last[a] = _mm512_xor_si512(lanes(p + 18 + a * stride, stride), offset);
  }
}
/// p points at the fifth bits, which are followed by the nibbles.
CK_INLINE_AVX512 void levels_q5(const uint8_t *p, size_t stride, tile_levels *out) {
  const __m512i first_bits = _mm512_broadcast_i32x4(
    _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const __m512i last_bits = _mm512_broadcast_i32x4(
    _mm_setr_epi8(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m512i bit = _mm512_set1_epi64((long long)0x8040201008040201);
  const __m512i fifth = _mm512_set1_epi8(16);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i h = lanes(p + a * stride, stride);
    const __m512i v = lanes(p + 4 + a * stride, stride);
    const __mmask64 f = _mm512_test_epi8_mask(_mm512_shuffle_epi8(h, first_bits), bit);
    const __mmask64 l = _mm512_test_epi8_mask(_mm512_shuffle_epi8(h, last_bits), bit);
    const __m512i low = low_nibbles(v), high = high_nibbles(v);
    out->first[a] = _mm512_mask_add_epi8(low, f, low, fifth);
    out->last[a] = _mm512_mask_add_epi8(high, l, high, fifth);
  }
}
CK_INLINE_AVX512 void levels_q5_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 2, stride, out);
}
CK_INLINE_AVX512 void levels_q5_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 4, stride, out);
}

CK_INLINE_AVX512 void scales_half(const uint8_t *p, size_t stride, tile_scales *out) {
  out->scale[0] = low_halves(words(p, stride));
}
CK_INLINE_AVX512 void scales_half_minimum(const uint8_t *p, size_t stride, tile_scales *out) {
  const __m512i v = words(p, stride);
  out->scale[0] = low_halves(v);
  out->minimum = high_halves(v);
}
CK_INLINE_AVX512 void scales_mxfp4(const uint8_t *p, size_t stride, tile_scales *out) {
  const __m512i e = _mm512_and_si512(words(p, stride), _mm512_set1_epi32(255));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __mmask16 small = _mm512_cmplt_epu32_mask(e, _mm512_set1_epi32(2));
  out->scale[0] = _mm512_castsi512_ps(
    _mm512_mask_sllv_epi32(normal, small, _mm512_set1_epi32(0x00200000), e));
}

// --- Formats of 256 weights: p is the stored block of row 0, j (0..7, ascending) the block in it.
// Stored bytes that several blocks share are kept in `raw` between the calls.

/// 32 bytes of each row.
typedef struct {
  __m512i first[4], last[4];
} raw_bytes;

CK_INLINE_AVX512 void load_raw(const uint8_t *p, size_t stride, raw_bytes *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = lanes(p + a * stride, stride);
    out->last[a] = lanes(p + 16 + a * stride, stride);
  }
}

typedef struct {
  raw_bytes nibbles;
} raw_q4_K;

CK_INLINE_AVX512 void levels_q4_K(
  const uint8_t *p, size_t stride, size_t j, raw_q4_K *raw, tile_levels *out
) {
  if (j % 2 == 0) load_raw(p + 16 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    out->first[a] = j & 1 ? high_nibbles(f) : low_nibbles(f);
    out->last[a] = j & 1 ? high_nibbles(l) : low_nibbles(l);
  }
}

/// Bit j of every byte as 16 or 0.
CK_INLINE_AVX512 __m512i fifth_bit(__m512i v, size_t j) {
  const __m512i moved =
    j < 4 ? _mm512_slli_epi16(v, 4 - (unsigned)(j & 3)) : _mm512_srli_epi16(v, (unsigned)(j & 3));
  return _mm512_and_si512(moved, _mm512_set1_epi8(16));
}

typedef struct {
  raw_bytes nibbles, fifth;
} raw_q5_K;

CK_INLINE_AVX512 void levels_q5_K(
  const uint8_t *p, size_t stride, size_t j, raw_q5_K *raw, tile_levels *out
) {
  if (j == 0) load_raw(p + 16, stride, &raw->fifth);
  if (j % 2 == 0) load_raw(p + 48 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    const __m512i f5 = fifth_bit(raw->fifth.first[a], j), l5 = fifth_bit(raw->fifth.last[a], j);
    out->first[a] = _mm512_or_si512(f5, j & 1 ? high_nibbles(f) : low_nibbles(f));
    out->last[a] = _mm512_or_si512(l5, j & 1 ? high_nibbles(l) : low_nibbles(l));
  }
}

/// Bit pair i (0..3) of every byte, as bits 4 and 5.
CK_INLINE_AVX512 __m512i upper_pair(__m512i v, size_t i) {
  const __m512i moved = i == 0   ? _mm512_slli_epi16(v, 4)
                        : i == 1 ? _mm512_slli_epi16(v, 2)
                        : i == 2 ? v
                                 : _mm512_srli_epi16(v, 2);
  return _mm512_and_si512(moved, _mm512_set1_epi8(48));
}

typedef struct {
  raw_bytes nibbles[2], pairs;
} raw_q6_K;

CK_INLINE_AVX512 void levels_q6_K(
  const uint8_t *p, size_t stride, size_t j, raw_q6_K *raw, tile_levels *out
) {
  const size_t i = j % 4;
  if (i == 0) {
    load_raw(p + 16 * j, stride, &raw->nibbles[0]);
    load_raw(p + 16 * j + 32, stride, &raw->nibbles[1]);
    load_raw(p + 128 + 8 * j, stride, &raw->pairs);
  }
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const __m512i f = raw->nibbles[i & 1].first[a], l = raw->nibbles[i & 1].last[a];
    const __m512i f2 = upper_pair(raw->pairs.first[a], i), l2 = upper_pair(raw->pairs.last[a], i);
    out->first[a] = _mm512_or_si512(f2, i < 2 ? low_nibbles(f) : high_nibbles(f));
    out->last[a] = _mm512_or_si512(l2, i < 2 ? low_nibbles(l) : high_nibbles(l));
  }
}

/// 4 x 4 transposition of 32-bit elements inside each lane.
CK_INLINE_AVX512 void transpose_lanes(__m512i v[4]) {
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]), b = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]), d = _mm512_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm512_unpacklo_epi64(a, c);
  v[1] = _mm512_unpackhi_epi64(a, c);
  v[2] = _mm512_unpacklo_epi64(b, d);
  v[3] = _mm512_unpackhi_epi64(b, d);
}

/// The scales and minimums of all 8 sub-blocks of q4_K and q5_K.
CK_INLINE_AVX512 void scales_k(
  const uint8_t *p, size_t stride, float scale[8][16], float minimum[8][16]
) {
  // Four vectors of headers become: f16 d and dmin; 6-bit words 0..3, 4..7, 8..11, row by row.
  __m512i v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + a * stride, stride);
  transpose_lanes(v);
  const __m512 d = low_halves(v[0]), dmin = high_halves(v[0]);
  const __m512i six = _mm512_set1_epi32(0x3f3f3f3f), four = _mm512_set1_epi32(0x0f0f0f0f);
  const __m512i two = _mm512_set1_epi32(0x30303030);
  const __m512i s[2] = {
    _mm512_and_si512(v[1], six),
    _mm512_or_si512(
      _mm512_and_si512(v[3], four), _mm512_and_si512(_mm512_srli_epi32(v[1], 2), two))};
  const __m512i m[2] = {
    _mm512_and_si512(v[2], six),
    _mm512_or_si512(
      _mm512_and_si512(_mm512_srli_epi32(v[3], 4), four),
      _mm512_and_si512(_mm512_srli_epi32(v[2], 2), two))};
  const __m512i byte = _mm512_set1_epi32(255);
  const __m512 sign = _mm512_set1_ps(-0.0f);
  CK_UNROLL for (unsigned j = 0; j < 8; j++) {
    const __m512i sj = _mm512_and_si512(_mm512_srli_epi32(s[j / 4], 8 * (j & 3)), byte);
    const __m512i mj = _mm512_and_si512(_mm512_srli_epi32(m[j / 4], 8 * (j & 3)), byte);
    _mm512_store_ps(scale[j], _mm512_mul_ps(d, _mm512_cvtepi32_ps(sj)));
    const __m512 product = _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(mj));
    _mm512_store_ps(minimum[j], _mm512_xor_ps(product, sign));
  }
}

/// The 16 scales of q6_K: two for each of the 8 blocks.
CK_INLINE_AVX512 void scales_q6_K(
  const uint8_t *p, size_t stride, float low[8][16], float high[8][16]
) {
  __m512i v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + 192 + a * stride, stride);
  transpose_lanes(v);
  const __m512 d = high_halves(words(p + 206, stride));
  CK_UNROLL for (unsigned j = 0; j < 8; j++) {
    const __m512i w = j & 1 ? v[j / 2] : _mm512_slli_epi32(v[j / 2], 16);
    const __m512i s0 = _mm512_srai_epi32(_mm512_slli_epi32(w, 8), 24);
    const __m512i s1 = _mm512_srai_epi32(w, 24);
    _mm512_store_ps(low[j], _mm512_mul_ps(d, _mm512_cvtepi32_ps(s0)));
    _mm512_store_ps(high[j], _mm512_mul_ps(d, _mm512_cvtepi32_ps(s1)));
  }
}

#endif
