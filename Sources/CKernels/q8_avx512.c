// Quantised weights times int8 and int16 activations with AVX-512 VNNI; see q8_kernels.h.
#if defined(__x86_64__)
#define SUFFIX(name) name##_avx512
#define CK_TARGET \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define SIGNED_LEVELS 0
#define CK_DOT _mm512_dpbusd_epi32
#include "q8_vector512.h"
// In this order: the formats and kernels are written in terms of the vectors.
#include "q8_kernels.h"

/// Up to 32 activations as two vectors; returns the bits of the largest |x|.
CK_INLINE_TARGET uint32_t load_block(const float *x, size_t left, __m512 *a, __m512 *b) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  const __mmask16 low = (__mmask16)(left >= 16 ? 0xffff : (1u << left) - 1);
  const __mmask16 high =
    (__mmask16)(left >= 32 ? 0xffff : left > 16 ? (1u << (left - 16)) - 1 : 0);
  *a = _mm512_maskz_loadu_ps(low, x);
  *b = _mm512_maskz_loadu_ps(high, x + 16);
  return _mm512_reduce_max_epu32(_mm512_max_epu32(
    _mm512_and_si512(_mm512_castps_si512(*a), magnitude),
    _mm512_and_si512(_mm512_castps_si512(*b), magnitude)));
}

/// Levels `a` and `b` of a block as 16-bit elements, in each 128-bit lane 4 of `a`, then 4 of `b`, stored as
/// bytes; returns what they stand for.
CK_INLINE_TARGET __m512i store_levels_of(__m512i a, __m512i b, ck_q8_block *out, const int planes) {
  const __m512i turn =
    _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i v = _mm512_packs_epi32(a, b), high = v, low = v;
  if (planes == 2) {
    high = _mm512_srai_epi16(_mm512_add_epi16(v, _mm512_set1_epi16(128)), 8);
    const __m512i whole = _mm512_slli_epi16(high, 8);
    low = _mm512_max_epi16(_mm512_sub_epi16(v, whole), _mm512_set1_epi16(-127));
    v = _mm512_add_epi16(whole, low);
  }
  const __m512i bytes = _mm512_permutexvar_epi32(turn, _mm512_packs_epi16(high, low));
  _mm256_storeu_si256((__m256i *)out->q, _mm512_castsi512_si256(bytes));
  if (planes == 2) {
    ck_q16_block *const wide = (ck_q16_block *)out;
    _mm256_storeu_si256((__m256i *)wide->low, _mm512_extracti64x4_epi64(bytes, 1));
    wide->has_low = 1;
  }
  return v;
}

CK_INLINE_TARGET void one_block(const float *x, size_t left, ck_q8_block *out, const int planes) {
  __m512 a, b;
  const uint32_t largest = load_block(x, left, &a, &b);
  const float maximum = ck_float_from_bits(largest), steps = planes == 2 ? 32512.0f : 127.0f;
  if (largest >= 0x7f800000 || maximum < 0x1p-100f) {
    const size_t count = left < CK_BLOCK ? left : CK_BLOCK;
    if (planes == 2) ck_quantize_q16_ref(x, count, (ck_q16_block *)out);
    else ck_quantize_q8_ref(x, count, out);
    return;
  }
  const __m512 inverse = _mm512_set1_ps(steps / maximum);
  const __m512i v = store_levels_of(
    _mm512_cvtps_epi32(_mm512_mul_ps(a, inverse)), _mm512_cvtps_epi32(_mm512_mul_ps(b, inverse)),
    out, planes);
  const __m512i pairs = _mm512_madd_epi16(v, _mm512_set1_epi16(1));
  const int32_t first = _mm512_mask_reduce_add_epi32(0x3333, pairs);
  const int32_t sum = first + _mm512_mask_reduce_add_epi32(0xcccc, pairs);
  out->d = maximum / steps;
  out->ds = out->d * (float)sum;
  out->n8 = -8 * sum;
  out->n8_low = -8 * first;
}

/// The sums of lanes.
CK_INLINE_TARGET __m128i add_lanes(__m512i v) {
  v = _mm512_add_epi32(v, _mm512_shuffle_i64x2(v, v, 0x4e));
  return _mm512_castsi512_si128(_mm512_add_epi32(v, _mm512_shuffle_i64x2(v, v, 0xb1)));
}

/// The largest elements of four vectors.
CK_INLINE_TARGET __m128i largest_of(const __m512i v[4]) {
  const __m512i a = _mm512_max_epu32(
    _mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i b = _mm512_max_epu32(
    _mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  __m512i m = _mm512_max_epu32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  m = _mm512_max_epu32(m, _mm512_shuffle_i64x2(m, m, 0x4e));
  return _mm512_castsi512_si128(_mm512_max_epu32(m, _mm512_shuffle_i64x2(m, m, 0xb1)));
}

/// Elements of a and b that are side by side, added up.
CK_INLINE_TARGET __m512i add_neighbours(__m512i a, __m512i b) {
  const __m512 x = _mm512_castsi512_ps(a), y = _mm512_castsi512_ps(b);
  return _mm512_add_epi32(
    _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x88)),
    _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xdd)));
}

/// Four whole blocks, whose steps across lanes are taken together; 0 where one is not of ordinary numbers.
CK_INLINE_TARGET int four_blocks(const float *x, uint8_t *out, const int planes) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  const size_t bytes = planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  __m512i most[4], pairs[4];
  CK_UNROLL for (size_t i = 0; i < 4; i++) {
    most[i] = _mm512_max_epu32(
      _mm512_and_si512(load_vector(x + 32 * i), magnitude),
      _mm512_and_si512(load_vector(x + 32 * i + 16), magnitude));
  }
  const __m128i largest = largest_of(most), least = _mm_set1_epi32(0x0d800000);
  const __m128i span = _mm_set1_epi32(0x7f800000 - 0x0d800000);  // from 2^-100 up to infinity
  if (_mm_cmplt_epu32_mask(_mm_sub_epi32(largest, least), span) != 15) return 0;
  const __m128 maximum = _mm_castsi128_ps(largest);
  const __m128 steps = _mm_set1_ps(planes == 2 ? 32512.0f : 127.0f);
  const __m128 d = _mm_div_ps(maximum, steps);
  const __m512 inverses = _mm512_broadcast_f32x4(_mm_div_ps(steps, maximum));
  CK_UNROLL for (int i = 0; i < 4; i++) {
    const __m512 inverse = _mm512_permutexvar_ps(_mm512_set1_epi32(i), inverses);
    const __m512i v = store_levels_of(
      _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 32 * i), inverse)),
      _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 32 * i + 16), inverse)),
      (ck_q8_block *)(out + (size_t)i * bytes), planes);
    pairs[i] = _mm512_madd_epi16(v, _mm512_set1_epi16(1));
  }
  const __m128i low = add_lanes(add_neighbours(
    _mm512_unpacklo_epi64(pairs[0], pairs[1]), _mm512_unpacklo_epi64(pairs[2], pairs[3])));
  const __m128i high = add_lanes(add_neighbours(
    _mm512_unpackhi_epi64(pairs[0], pairs[1]), _mm512_unpackhi_epi64(pairs[2], pairs[3])));
  const __m128i sum = _mm_add_epi32(low, high), zero = _mm_setzero_si128();
  __m128 fields[4] = {
    d, _mm_mul_ps(d, _mm_cvtepi32_ps(sum)),
    _mm_castsi128_ps(_mm_sub_epi32(zero, _mm_slli_epi32(sum, 3))),
    _mm_castsi128_ps(_mm_sub_epi32(zero, _mm_slli_epi32(low, 3)))};
  _MM_TRANSPOSE4_PS(fields[0], fields[1], fields[2], fields[3]);
  CK_UNROLL for (size_t i = 0; i < 4; i++) {
    _mm_storeu_ps(&((ck_q8_block *)(out + i * bytes))->d, fields[i]);
  }
  return 1;
}

CK_INLINE_TARGET void quantize(const float *x, size_t columns, void *blocks, const int planes) {
  const size_t bytes = planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  const size_t four = 4 * CK_BLOCK;
  size_t start = 0;
  while (start < columns) {
    // The last whole blocks once more, so that none is left alone.
    if (columns - start < four && columns >= four && columns % CK_BLOCK == 0) start = columns - four;
    uint8_t *const out = (uint8_t *)blocks + start / CK_BLOCK * bytes;
    if (columns - start >= four && four_blocks(x + start, out, planes)) {
      start += four;
      continue;
    }
    const size_t left = columns - start, end = left < four ? left : four;
    for (size_t i = 0; i < end; i += CK_BLOCK) {
      one_block(x + start + i, left - i, (ck_q8_block *)(out + i / CK_BLOCK * bytes), planes);
    }
    start += end;
  }
}

CK_TARGET void ck_quantize_q8_avx512(const float *x, size_t columns, ck_q8_block *out) {
  quantize(x, columns, out, 1);
}
CK_TARGET void ck_quantize_q16_avx512(const float *x, size_t columns, ck_q16_block *out) {
  quantize(x, columns, out, 2);
}
#endif
