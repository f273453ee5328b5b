// Rounding keys, values and activations to levels with one scale, written once; vector_kernels.c includes this for
// each instruction set.

/// The bits of the largest |x|, which order finite numbers, infinity and what is no number; n is above 0.
CK_INLINE uint32_t CK_(largest)(const float *x, size_t n) {
  v16i top = (v16i)(int32_t)0;
  for (size_t i = 0; i < n; i += 16) {
    v16 a;
    if (n - i >= 16) a = CK_LOAD(x + i);
    else CK_(load_part)(&a, x + i, n - i);
    top = __builtin_elementwise_max((v16i)a & 0x7fffffff, top);
  }
  return (uint32_t)__builtin_reduce_max(top);
}

/// x · factor rounded to integers, half to even, in the low bits of sixteen elements; n of them are read.
CK_INLINE void CK_(levels16)(const float *x, size_t n, float factor, v16i *levels) {
  v16 a;
  if (n >= 16) a = CK_LOAD(x);
  else CK_(load_part)(&a, x, n);
  // Adding 1.5 · 2^23 rounds to an integer, which then is in the sum's low bits.
  *levels = (v16i)CK_FMA(a, CK_SPLAT(factor), CK_SPLAT(12582912.0f));
}

static float CK_(store_q8)(const float *x, int8_t *out, size_t n, size_t stride) {
  const uint32_t bits = CK_(largest)(x, n);
  float most;
  memcpy(&most, &bits, 4);
  const bool finite = bits < 0x7f800000;
  if (!finite || most < 1e-30f) {
    for (size_t i = 0; i < n; i++) out[i * stride] = 0;
    return finite ? 0 : NAN;
  }
  for (size_t i = 0; i < n; i += 16) {
    const size_t left = n - i < 16 ? n - i : 16;
    v16i levels;
    CK_(levels16)(x + i, left, 127 / most, &levels);
    const v16c bytes = __builtin_convertvector(levels, v16c);
    int8_t b[16];
    memcpy(b, &bytes, sizeof b);
    if (stride == 1) memcpy(out + i, b, left);
    else
      for (size_t j = 0; j < left; j++) out[(i + j) * stride] = b[j];
  }
  return most / 127;
}

/// `store_q16`, for attention to inline.
CK_INLINE float CK_(round_q16)(const float *x, int16_t *out, size_t n, size_t pair, size_t next) {
  const uint32_t bits = CK_(largest)(x, n);
  float most;
  memcpy(&most, &bits, 4);
  const bool finite = bits < 0x7f800000;
  if (!finite || most < 1e-30f) {
    for (size_t i = 0; i < n; i++) out[i / 2 * pair + i % 2 * next] = 0;
    return finite ? 0 : NAN;
  }
  for (size_t i = 0; i < n; i += 16) {
    const size_t left = n - i < 16 ? n - i : 16;
    v16i levels;
    CK_(levels16)(x + i, left, CK_LEVEL_MAX / most, &levels);
    int16_t *const to = out + i / 2 * pair;
#if CK_ISA == 2
    // Nothing between is written: another thread may be storing the other halves of these pairs.
    if (pair == 4 && next == 2 && left == 16) {
      _mm512_mask_storeu_epi16(to, 0x55555555, (__m512i)levels);
      continue;
    }
#endif
    const v16s words = __builtin_convertvector(levels, v16s);
    int16_t b[16];
    memcpy(b, &words, sizeof b);
    if (next == 1 && left == 16) {
      if (pair == 2) memcpy(to, b, sizeof b);
      else
        for (size_t j = 0; j < 8; j++) memcpy(to + j * pair, b + 2 * j, 4);
    } else {
      for (size_t j = 0; j < left; j++) to[j / 2 * pair + j % 2 * next] = b[j];
    }
  }
  return most / CK_LEVEL_MAX;
}

static float CK_(store_q16)(const float *x, int16_t *out, size_t n, size_t pair, size_t next) {
  return CK_(round_q16)(x, out, n, pair, next);
}
