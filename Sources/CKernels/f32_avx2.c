// Float weights times float activations with AVX2; as f32_avx512.c, the 16 partial sums in two
// vectors of 8.
#if defined(__x86_64__)
#include <immintrin.h>

#include "internal.h"

#define CK_AVX2 __attribute__((target("avx,avx2,fma,f16c")))
#define CK_INLINE_AVX2 CK_INLINE CK_AVX2

enum { ROWS = 2, TOKENS = 3 };

/// The fixed tree over 16 partial sums.
CK_INLINE_AVX2 float tree(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// 2 rows (the first `rows` are stored) times `tokens` (a constant) tokens.
CK_INLINE_AVX2 void tile(
  const ck_product *p, const float *w0, const float *w1, size_t rows, size_t row, size_t token,
  const int tokens
) {
  const float *x = (const float *)p->x + token * p->x_stride;
  const size_t stride = p->x_stride, columns = p->columns;
  __m256 sums[TOKENS][ROWS][2];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    CK_UNROLL for (int r = 0; r < ROWS; r++) {
      sums[t][r][0] = sums[t][r][1] = _mm256_setzero_ps();
    }
  }
  size_t k = 0;
  for (; k + 16 <= columns; k += 16) {
    CK_UNROLL for (int h = 0; h < 2; h++) {
      const __m256 a = _mm256_loadu_ps(w0 + k + 8 * h), b = _mm256_loadu_ps(w1 + k + 8 * h);
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        const __m256 v = _mm256_loadu_ps(x + (size_t)t * stride + k + 8 * h);
        sums[t][0][h] = _mm256_fmadd_ps(a, v, sums[t][0][h]);
        sums[t][1][h] = _mm256_fmadd_ps(b, v, sums[t][1][h]);
      }
    }
  }
  if (k < columns) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    CK_UNROLL for (int h = 0; h < 2; h++) {
      const int left = (int)(columns - k) - 8 * h;
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane);
      const size_t at = left > 0 ? k + 8 * (size_t)h : k;
      const __m256 a = _mm256_maskload_ps(w0 + at, mask), b = _mm256_maskload_ps(w1 + at, mask);
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        const __m256 v = _mm256_maskload_ps(x + (size_t)t * stride + at, mask);
        sums[t][0][h] = _mm256_fmadd_ps(a, v, sums[t][0][h]);
        sums[t][1][h] = _mm256_fmadd_ps(b, v, sums[t][1][h]);
      }
    }
  }
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    float *out = p->out + (token + (size_t)t) * p->out_stride + row;
    CK_UNROLL for (size_t r = 0; r < ROWS; r++) {
      const float sum = tree(sums[t][r][0], sums[t][r][1]);
      if (r < rows) out[r] = p->bias ? sum + p->bias[row + r] : sum;
    }
  }
}

CK_AVX2 static void ck_gemm_f32_f32_avx2(
  const ck_product *p, size_t begin, size_t end, const float *weights, size_t stride
) {
  for (size_t token = 0; token < p->tokens;) {
    const int tokens = p->tokens - token >= TOKENS ? TOKENS : 1;
    for (size_t row = begin; row < end; row += ROWS) {
      const size_t rows = end - row < ROWS ? end - row : ROWS;
      const float *w0 = weights + (row - begin) * stride;
      const float *w1 = rows == ROWS ? w0 + stride : w0;
      if (tokens == TOKENS) {
        tile(p, w0, w1, rows, row, token, TOKENS);
      } else {
        tile(p, w0, w1, rows, row, token, 1);
      }
    }
    token += (size_t)tokens;
  }
}

CK_AVX2 void ck_dequantize_row_avx2(int type, const void *row, size_t columns, float *out) {
  const uint16_t *halves = row;
  size_t k = 0;
  if (type == CK_F16) {
    for (; k + 8 <= columns; k += 8) {
      _mm256_storeu_ps(out + k, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + k))));
    }
  } else if (type == CK_BF16) {
    for (; k + 8 <= columns; k += 8) {
      const __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(halves + k)));
      _mm256_storeu_ps(out + k, _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)));
    }
  } else {
    ck_dequantize_row_ref(type, row, columns, out);
    return;
  }
  if (k < columns) ck_dequantize_row_ref(type, halves + k, columns - k, out + k);
}

#define CK_TARGET CK_AVX2
#define CK_NAME(name) name##_avx2
#include "f32_rows.h"
#endif
