// Scans of byte codes with 256-bit registers. Included by codes_avx2.c and codes_avxvnni.c, which
// define CODES_TARGET, CODES_SCAN and CODES_ADD(sums, codes, values): for each of eight rows, add the
// four products of the row's bytes with the query's.
#include <immintrin.h>

#include "codes_internal.h"

#define INLINE static inline __attribute__((always_inline)) CODES_TARGET

typedef struct {
  __m256i sum, even, odd;
  int64_t count;
} lanes;

/// Eight of a block's rows; `half` is 0 or 8.
INLINE void finish(const float *facts, __m256i sums, const ck_code_query *q, uint32_t first, int half,
                   uint32_t mask, ck_code_hit *hits, uint32_t *count, lanes *spread) {
  const __m256i chosen = _mm256_cmpeq_epi32(
    _mm256_and_si256(_mm256_set1_epi32((int)(mask >> half)),
                     _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128)),
    _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128));
  const __m256 product = _mm256_mul_ps(
    _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(sums, _mm256_set1_epi32(q->offset))),
                  _mm256_loadu_ps(facts + half)),
    _mm256_set1_ps(q->scale));
  const __m256 error = _mm256_loadu_ps(facts + 32 + half);
  const __m256 bound =
    _mm256_fmadd_ps(_mm256_set1_ps(q->norm_factor), _mm256_loadu_ps(facts + 16 + half),
                    _mm256_mul_ps(_mm256_set1_ps(q->error_factor), error));
  const __m256 upper = _mm256_add_ps(product, bound);
  const __m256 reaches = _mm256_and_ps(
    _mm256_cmp_ps(upper, _mm256_set1_ps(q->threshold), _CMP_GE_OQ), _mm256_castsi256_ps(chosen));
  uint32_t bits = (uint32_t)_mm256_movemask_ps(reaches);
  if (__builtin_expect(bits != 0, 0)) {
    float lowers[8], uppers[8];
    _mm256_storeu_ps(lowers, _mm256_sub_ps(product, bound));
    _mm256_storeu_ps(uppers, upper);
    for (; bits; bits &= bits - 1) {
      const uint32_t row = (uint32_t)__builtin_ctz(bits);
      hits[(*count)++] = (ck_code_hit){lowers[row], uppers[row], first + (uint32_t)half + row};
    }
  }
  if (spread) {
    const __m256 real = _mm256_and_ps(_mm256_cmp_ps(error, _mm256_setzero_ps(), _CMP_GE_OQ),
                                      _mm256_castsi256_ps(chosen));
    const __m256 cut =
      _mm256_min_ps(_mm256_max_ps(product, _mm256_set1_ps(-1.5f)), _mm256_set1_ps(1.5f));
    const __m256i units =
      _mm256_and_si256(_mm256_cvtps_epi32(_mm256_mul_ps(cut, _mm256_set1_ps(32768.0f))),
                       _mm256_castps_si256(real));
    const __m256i squares = _mm256_mullo_epi32(units, units);
    spread->sum = _mm256_add_epi32(spread->sum, units);
    spread->even = _mm256_add_epi64(
      spread->even, _mm256_and_si256(squares, _mm256_set1_epi64x(0xffffffff)));
    spread->odd = _mm256_add_epi64(spread->odd, _mm256_srli_epi64(squares, 32));
    spread->count += __builtin_popcount((uint32_t)_mm256_movemask_ps(real));
  }
}

/// One block for up to four queries.
INLINE void tile(const ck_code_rows *rows, size_t block, const ck_code_query *query,
                 const int queries, const uint16_t *mask, ck_code_hit *hits, size_t stride,
                 uint32_t *counts, lanes *spreads) {
  const uint8_t *codes = rows->codes + block * rows->groups * 64;
  __m256i low[4], high[4];
  for (int n = 0; n < queries; n++) low[n] = high[n] = _mm256_setzero_si256();
  for (size_t group = 0; group < rows->groups; group++) {
    const __m256i first = _mm256_loadu_si256((const __m256i *)(codes + group * 64));
    const __m256i second = _mm256_loadu_si256((const __m256i *)(codes + group * 64 + 32));
    for (int n = 0; n < queries; n++) {
      int32_t values;
      __builtin_memcpy(&values, query[n].values + group * 4, 4);
      const __m256i all = _mm256_set1_epi32(values);
      CODES_ADD(low[n], first, all);
      CODES_ADD(high[n], second, all);
    }
  }
  const uint32_t seen = mask ? mask[block] : 0xffff;
  for (int n = 0; n < queries; n++) {
    const float *facts = rows->facts + block * CK_CODE_FACTS;
    const uint32_t row = (uint32_t)block * CK_CODE_ROWS;
    ck_code_hit *own = hits + (size_t)n * stride;
    lanes *spread = spreads ? spreads + n : 0;
    finish(facts, low[n], query + n, row, 0, seen, own, counts + n, spread);
    finish(facts, high[n], query + n, row, 8, seen, own, counts + n, spread);
  }
}

INLINE int64_t total(__m256i lanes64) {
  int64_t values[4];
  _mm256_storeu_si256((__m256i *)values, lanes64);
  return values[0] + values[1] + values[2] + values[3];
}

INLINE void group(const ck_code_rows *rows, size_t begin, size_t end, const ck_code_query *query,
                  const int queries, const uint16_t *mask, ck_code_hit *hits, size_t stride,
                  uint32_t *counts, ck_code_spread *spreads) {
  lanes sums[4];
  for (int n = 0; n < queries; n++) {
    counts[n] = 0;
    sums[n] = (lanes){_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), 0};
  }
  for (size_t block = begin; block < end; block++)
    tile(rows, block, query, queries, mask, hits, stride, counts, spreads ? sums : 0);
  for (int n = 0; spreads && n < queries; n++) {
    int32_t parts[8];
    _mm256_storeu_si256((__m256i *)parts, sums[n].sum);
    for (int i = 0; i < 8; i++) spreads[n].sum += parts[i];
    spreads[n].squares += total(_mm256_add_epi64(sums[n].even, sums[n].odd));
    spreads[n].count += sums[n].count;
  }
}

CODES_TARGET CK_SCAN(CODES_SCAN) {
  size_t n = 0;
  for (; n + 4 <= queries; n += 4)
    group(rows, begin, end, query + n, 4, mask, hits + n * stride, stride, counts + n,
          spreads ? spreads + n : 0);
  for (; n < queries; n++)
    group(rows, begin, end, query + n, 1, mask, hits + n * stride, stride, counts + n,
          spreads ? spreads + n : 0);
}
