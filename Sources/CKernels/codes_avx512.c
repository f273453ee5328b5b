// Scans of byte codes and double-precision products with AVX-512 (VNNI).
#include "codes_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline)) AVX512

/// Sums of what was looked at, by lanes.
typedef struct {
  __m512i sum, even, odd;
  int64_t count;
} lanes;

INLINE void finish(const float *facts, __m512i sums, const ck_code_query *q, uint32_t first,
                   __mmask16 mask, ck_code_hit *hits, uint32_t *count, lanes *spread) {
  const __m512 product = _mm512_mul_ps(
    _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, _mm512_set1_epi32(q->offset))),
                  _mm512_loadu_ps(facts)),
    _mm512_set1_ps(q->scale));
  const __m512 error = _mm512_loadu_ps(facts + 32);
  const __m512 bound = _mm512_fmadd_ps(_mm512_set1_ps(q->norm_factor), _mm512_loadu_ps(facts + 16),
                                       _mm512_mul_ps(_mm512_set1_ps(q->error_factor), error));
  const __m512 upper = _mm512_add_ps(product, bound);
  __mmask16 found =
    _mm512_mask_cmp_ps_mask(mask, upper, _mm512_set1_ps(q->threshold), _CMP_GE_OQ);
  if (__builtin_expect(found != 0, 0)) {
    float lowers[16], uppers[16];
    _mm512_storeu_ps(lowers, _mm512_sub_ps(product, bound));
    _mm512_storeu_ps(uppers, upper);
    for (uint32_t bits = found; bits; bits &= bits - 1) {
      const uint32_t row = (uint32_t)__builtin_ctz(bits);
      hits[(*count)++] = (ck_code_hit){lowers[row], uppers[row], first + row};
    }
  }
  if (spread) {
    const __mmask16 real = _mm512_mask_cmp_ps_mask(mask, error, _mm512_setzero_ps(), _CMP_GE_OQ);
    const __m512 cut = _mm512_min_ps(_mm512_max_ps(product, _mm512_set1_ps(-1.5f)), _mm512_set1_ps(1.5f));
    const __m512i units = _mm512_maskz_cvtps_epi32(real, _mm512_mul_ps(cut, _mm512_set1_ps(32768.0f)));
    const __m512i squares = _mm512_mullo_epi32(units, units);
    spread->sum = _mm512_add_epi32(spread->sum, units);
    spread->even = _mm512_add_epi64(spread->even, _mm512_and_epi64(squares, _mm512_set1_epi64(0xffffffff)));
    spread->odd = _mm512_add_epi64(spread->odd, _mm512_srli_epi64(squares, 32));
    spread->count += __builtin_popcount(real);
  }
}

/// `blocks` blocks for `queries` queries at once: blocks · queries sums stay in registers.
INLINE void tile(const ck_code_rows *rows, size_t block, const int blocks, const ck_code_query *query,
                 const int queries, const uint16_t *mask, ck_code_hit *hits, size_t stride,
                 uint32_t *counts, lanes *spreads) {
  const size_t size = rows->groups * 64;
  const uint8_t *codes = rows->codes + block * size;
  __m512i sums[24];
  for (int i = 0; i < blocks * queries; i++) sums[i] = _mm512_setzero_si512();
  for (size_t group = 0; group < rows->groups; group++) {
    __m512i four[4];
    for (int b = 0; b < blocks; b++) {
      four[b] = _mm512_loadu_si512(codes + (size_t)b * size + group * 64);
      // The next tile is far beyond what the hardware fetches ahead by itself.
      if (queries == 1)
        _mm_prefetch((const char *)codes + (size_t)(b + blocks) * size + group * 64, _MM_HINT_T0);
    }
    for (int n = 0; n < queries; n++) {
      int32_t values;
      __builtin_memcpy(&values, query[n].values + group * 4, 4);
      const __m512i all = _mm512_set1_epi32(values);
      for (int b = 0; b < blocks; b++)
        sums[n * blocks + b] = _mm512_dpbusd_epi32(sums[n * blocks + b], four[b], all);
    }
  }
  for (int n = 0; n < queries; n++)
    for (int b = 0; b < blocks; b++)
      finish(rows->facts + (block + (size_t)b) * CK_CODE_FACTS, sums[n * blocks + b], query + n,
             (uint32_t)(block + (size_t)b) * CK_CODE_ROWS, mask ? mask[block + (size_t)b] : 0xffff,
             hits + (size_t)n * stride, counts + n, spreads ? spreads + n : 0);
}

INLINE void group(const ck_code_rows *rows, size_t begin, size_t end, const int wide,
                  const ck_code_query *query, const int queries, const uint16_t *mask,
                  ck_code_hit *hits, size_t stride, uint32_t *counts, ck_code_spread *spreads) {
  lanes sums[8];
  for (int n = 0; n < queries; n++) {
    counts[n] = 0;
    sums[n] = (lanes){_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), 0};
  }
  size_t block = begin;
  lanes *kept = spreads ? sums : 0;
  for (; block + (size_t)wide <= end; block += (size_t)wide)
    tile(rows, block, wide, query, queries, mask, hits, stride, counts, kept);
  for (; block < end; block++)
    tile(rows, block, 1, query, queries, mask, hits, stride, counts, kept);
  for (int n = 0; spreads && n < queries; n++) {
    spreads[n].sum += _mm512_reduce_add_epi32(sums[n].sum);
    spreads[n].squares += _mm512_reduce_add_epi64(_mm512_add_epi64(sums[n].even, sums[n].odd));
    spreads[n].count += sums[n].count;
  }
}

AVX512 CK_SCAN(ck_scan_codes_avx512) {
  size_t n = 0;
  for (; n + 8 <= queries; n += 8)
    group(rows, begin, end, 3, query + n, 8, mask, hits + n * stride, stride, counts + n,
          spreads ? spreads + n : 0);
  for (; n + 4 <= queries; n += 4)
    group(rows, begin, end, 4, query + n, 4, mask, hits + n * stride, stride, counts + n,
          spreads ? spreads + n : 0);
  for (; n < queries; n++)
    group(rows, begin, end, 4, query + n, 1, mask, hits + n * stride, stride, counts + n,
          spreads ? spreads + n : 0);
}
#endif
