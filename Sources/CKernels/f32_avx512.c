// Float weights times float activations with AVX-512: lanes run over the columns, so that one row and
// one token need no rearranged weights and the order of additions is that of the scalar kernel.
#if defined(__x86_64__)
#include <immintrin.h>

#include "internal.h"

#define CK_AVX512 \
  __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define CK_INLINE_AVX512 CK_INLINE CK_AVX512

enum { ROWS = CK_FLOAT_ROWS, TOKENS = 6 };

/// The last two halvings of 4 vectors of 4 sums in each lane: lane r of the result holds the sums of
/// lane r of v[0..3].
CK_INLINE_AVX512 __m512 quarter_sums(const __m512 v[4]) {
  const __m512d a = _mm512_castps_pd(v[0]), b = _mm512_castps_pd(v[1]);
  const __m512d c = _mm512_castps_pd(v[2]), d = _mm512_castps_pd(v[3]);
  const __m512 ab = _mm512_add_ps(
    _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  const __m512 cd = _mm512_add_ps(
    _mm512_castpd_ps(_mm512_unpacklo_pd(c, d)), _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
  return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x88), _mm512_shuffle_ps(ab, cd, 0xdd));
}

/// The first two halvings of 16 sums each of 4 rows: 4 remain in lane r for row r.
CK_INLINE_AVX512 __m512 lane_sums(const __m512 v[4]) {
  const __m512 ab = _mm512_add_ps(
    _mm512_shuffle_f32x4(v[0], v[1], 0x44), _mm512_shuffle_f32x4(v[0], v[1], 0xee));
  const __m512 cd = _mm512_add_ps(
    _mm512_shuffle_f32x4(v[2], v[3], 0x44), _mm512_shuffle_f32x4(v[2], v[3], 0xee));
  return _mm512_add_ps(
    _mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
}

/// 16 weights of `type` (a constant) as floats; those outside the mask are zero.
CK_INLINE_AVX512 __m512 load_weights(const int type, const uint8_t *row, size_t k, __mmask16 mask) {
  if (type == CK_F32) return _mm512_maskz_loadu_ps(mask, row + 4 * k);
  const __m256i v = _mm256_maskz_loadu_epi16(mask, row + 2 * k);
  if (type == CK_F16) return _mm512_cvtph_ps(v);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

/// 4 rows (their starts in w) times `tokens` (a constant) tokens; the first `rows` are stored.
CK_INLINE_AVX512 void tile(
  const ck_product *p, const int type, const uint8_t *const *w, size_t rows, size_t row,
  size_t token, const int tokens
) {
  const float *x = (const float *)p->x + token * p->x_stride;
  const size_t stride = p->x_stride, columns = p->columns;
  const uint8_t *w0 = w[0], *w1 = w[1], *w2 = w[2], *w3 = w[3];
  __m512 sums[TOKENS][ROWS];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    CK_UNROLL for (int r = 0; r < ROWS; r++) sums[t][r] = _mm512_setzero_ps();
  }
  size_t k = 0;
  // The next 4 rows, in the order they lie in memory.
  const uint8_t *ahead = w0 + ROWS * p->row_bytes;
  for (; k + 16 <= columns; k += 16) {
    if (tokens < TOKENS && type != CK_F32) {
      __builtin_prefetch(ahead + 8 * k);
      __builtin_prefetch(ahead + 8 * k + 64);
    }
    const __m512 a = load_weights(type, w0, k, 0xffff), b = load_weights(type, w1, k, 0xffff);
    const __m512 c = load_weights(type, w2, k, 0xffff), d = load_weights(type, w3, k, 0xffff);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m512 v = _mm512_loadu_ps(x + (size_t)t * stride + k);
      sums[t][0] = _mm512_fmadd_ps(a, v, sums[t][0]);
      sums[t][1] = _mm512_fmadd_ps(b, v, sums[t][1]);
      sums[t][2] = _mm512_fmadd_ps(c, v, sums[t][2]);
      sums[t][3] = _mm512_fmadd_ps(d, v, sums[t][3]);
    }
  }
  if (k < columns) {
    const __mmask16 mask = (__mmask16)((1u << (columns - k)) - 1);
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const __m512 v = _mm512_maskz_loadu_ps(mask, x + (size_t)t * stride + k);
      CK_UNROLL for (int r = 0; r < ROWS; r++) {
        sums[t][r] = _mm512_fmadd_ps(load_weights(type, w[r], k, mask), v, sums[t][r]);
      }
    }
  }
  const __mmask8 stored = (__mmask8)((1u << rows) - 1);
  const __m128 bias = p->bias ? _mm_maskz_loadu_ps(stored, p->bias + row) : _mm_setzero_ps();
  CK_UNROLL for (int first = 0; first < tokens; first += 4) {
    __m512 v[4];
    CK_UNROLL for (int t = 0; t < 4; t++) v[t] = lane_sums(sums[first + t < tokens ? first + t : first]);
    const __m512 s = quarter_sums(v);  // lane r: row r of 4 tokens
    __m128 q[4] = {
      _mm512_castps512_ps128(s), _mm512_extractf32x4_ps(s, 1), _mm512_extractf32x4_ps(s, 2),
      _mm512_extractf32x4_ps(s, 3)};
    _MM_TRANSPOSE4_PS(q[0], q[1], q[2], q[3]);
    CK_UNROLL for (int t = first; t < first + 4 && t < tokens; t++) {
      const __m128 sum = p->bias ? _mm_add_ps(q[t - first], bias) : q[t - first];
      _mm_mask_storeu_ps(p->out + (token + (size_t)t) * p->out_stride + row, stored, sum);
    }
  }
}

/// Rows [begin, end) of `type`, of which the first lies at `weights`: a few tokens stay in the
/// first-level cache while the rows pass by.
CK_INLINE_AVX512 void rows_times_tokens(
  const ck_product *p, const int type, size_t begin, size_t end, const uint8_t *weights,
  size_t stride
) {
  for (size_t token = 0; token < p->tokens;) {
    const size_t left = p->tokens - token;
    const int tokens = left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    for (size_t row = begin; row < end; row += ROWS) {
      const size_t rows = end - row < ROWS ? end - row : ROWS;
      const uint8_t *w[ROWS];
      CK_UNROLL for (size_t r = 0; r < ROWS; r++) {
        w[r] = weights + (row - begin + (r < rows ? r : 0)) * stride;
      }
      switch (tokens) {
      case 6: tile(p, type, w, rows, row, token, 6); break;
      case 4: tile(p, type, w, rows, row, token, 4); break;
      case 2: tile(p, type, w, rows, row, token, 2); break;
      default: tile(p, type, w, rows, row, token, 1); break;
      }
    }
    token += (size_t)tokens;
  }
}

CK_AVX512 static void ck_gemm_f32_f32_avx512(
  const ck_product *p, size_t begin, size_t end, const uint8_t *weights, size_t stride
) {
  rows_times_tokens(p, CK_F32, begin, end, weights, stride);
}
CK_AVX512 static void ck_gemv_f16_f32_avx512(
  const ck_product *p, size_t begin, size_t end, const uint8_t *weights, size_t stride
) {
  rows_times_tokens(p, CK_F16, begin, end, weights, stride);
}
CK_AVX512 static void ck_gemv_bf16_f32_avx512(
  const ck_product *p, size_t begin, size_t end, const uint8_t *weights, size_t stride
) {
  rows_times_tokens(p, CK_BF16, begin, end, weights, stride);
}

CK_AVX512 void ck_multiply_f32_avx512(
  const ck_product *p, size_t begin, size_t end, void *scratch
) {
  const uint8_t *weights = (const uint8_t *)p->weights + begin * p->row_bytes;
  if (p->type == CK_F32) {
    ck_gemm_f32_f32_avx512(p, begin, end, weights, p->row_bytes);
    return;
  }
  if (p->type == CK_F16 && p->tokens <= TOKENS) {
    ck_gemv_f16_f32_avx512(p, begin, end, weights, p->row_bytes);
    return;
  }
  if (p->type == CK_BF16 && p->tokens <= TOKENS) {
    ck_gemv_bf16_f32_avx512(p, begin, end, weights, p->row_bytes);
    return;
  }
  float *floats = scratch;
  const size_t stride = (p->columns + 15) / 16 * 16;
  const size_t group = ck_scratch_bytes(p->columns) / sizeof(float) / stride / ROWS * ROWS;
  for (size_t row = begin; row < end; row += group) {
    const size_t limit = row + group < end ? row + group : end;
    for (size_t r = row; r < limit; r++, weights += p->row_bytes) {
      ck_dequantize_row_avx512(p->type, weights, p->columns, floats + (r - row) * stride);
    }
    ck_gemm_f32_f32_avx512(p, row, limit, (const uint8_t *)floats, stride * sizeof(float));
  }
}

CK_AVX512 void ck_dequantize_row_avx512(int type, const void *row, size_t columns, float *out) {
  const uint16_t *halves = row;
  size_t k = 0;
  if (type == CK_F16) {
    for (; k + 16 <= columns; k += 16) {
      _mm512_storeu_ps(
        out + k, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(halves + k))));
    }
  } else if (type == CK_BF16) {
    for (; k + 16 <= columns; k += 16) {
      const __m512i v = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(halves + k)));
      _mm512_storeu_ps(out + k, _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)));
    }
  } else {
    ck_dequantize_row_ref(type, row, columns, out);
    return;
  }
  if (k < columns) ck_dequantize_row_ref(type, halves + k, columns - k, out + k);
}
#endif
