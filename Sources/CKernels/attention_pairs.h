// Products of 16-bit levels for attention over the cache in 16 bits: two neighbours at a time, exact in integers.
// Included by attention_body.h for each instruction set.

#define CK_ALL _Pragma("clang loop unroll(full)")
/// Pairs that are added up as integers before they become a float: twice as many products of the largest levels
/// stay below 2^31.
#define CK_PAIRS 16

/// *sum += the products of two neighbours, in each of 16 lanes. b: one pair for all.
CK_INLINE void CK_(add_pairs)(v16i *sum, const v16i *a, int32_t b) {
#if CK_ISA == 2
  // Not _mm512_dpwssd_epi32: the compiler makes a product and a sum of it, for a latency that nothing waits for.
  const __m512i x = _mm512_set1_epi32(b);
  __asm__("vpdpwssd %2, %1, %0" : "+v"(*sum) : "v"(*a), "v"(x));
#elif CK_ISA == 1
  __m256i x[2], s[2];
  memcpy(x, a, sizeof x), memcpy(s, sum, sizeof s);
  for (int i = 0; i < 2; i++)
    s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(x[i], _mm256_set1_epi32(b)));
  memcpy(sum, s, sizeof s);
#else
  *sum += (*a << 16 >> 16) * ((int32_t)((uint32_t)b << 16) >> 16) + (*a >> 16) * (b >> 16);
#endif
}

/// c[rows][16·vectors] (+)= factors[row] · a[row][p0 ..< p1] · b[p0 ..< p1][16·vectors], in pairs of levels, a
/// run of CK_PAIRS of them after the other. Strides of a and b are in pairs.
CK_INLINE void CK_(pair_block)(const int rows, const int vectors, bool add, const int16_t *a,
                               size_t a_stride, const int16_t *b, size_t b_stride, int p0, int p1,
                               const float *factors, float *c, size_t c_stride) {
  for (int run = p0 / CK_PAIRS * CK_PAIRS; run < p1; run += CK_PAIRS, add = true) {
    const int from = run < p0 ? p0 : run, to = run + CK_PAIRS < p1 ? run + CK_PAIRS : p1;
    v16i sum[CK_ROWS][4];
    CK_ALL for (int r = 0; r < rows; r++)
      CK_ALL for (int v = 0; v < vectors; v++) sum[r][v] = (v16i)(int32_t)0;
    for (int p = from; p < to; p++) {
      v16i line[4];
      CK_ALL for (int v = 0; v < vectors; v++) memcpy(&line[v], b + 2 * (p * b_stride + 16 * v), sizeof line[v]);
      CK_ALL for (int r = 0; r < rows; r++) {
        int32_t x;
        memcpy(&x, a + 2 * (r * a_stride + p), sizeof x);
        CK_ALL for (int v = 0; v < vectors; v++) CK_(add_pairs)(&sum[r][v], &line[v], x);
      }
    }
    CK_ALL for (int r = 0; r < rows; r++)
      CK_ALL for (int v = 0; v < vectors; v++) {
        float *const to_c = c + r * c_stride + 16 * v;
        const v16 before = add ? CK_LOAD(to_c) : CK_SPLAT(0);
        CK_STORE(to_c, CK_FMA(__builtin_convertvector(sum[r][v], v16), CK_SPLAT(factors[r]), before));
      }
  }
}

#define CK_PAIR_CASE(r, vectors)                                                                   \
  case r:                                                                                          \
    CK_(pair_block)(r, vectors, add, a, a_stride, b, b_stride, p0, p1, factors, c, c_stride);       \
    break;
#define CK_PAIR_CASES(vectors)                                                                     \
  switch (rows) {                                                                                  \
    CK_PAIR_CASE(1, vectors) CK_PAIR_CASE(2, vectors) CK_PAIR_CASE(3, vectors)                      \
    CK_PAIR_CASE(4, vectors) CK_PAIR_CASE(5, vectors) CK_PAIR_CASE(6, vectors)                      \
  }

/// As `pair_block`, for any number of vectors.
CK_INLINE void CK_(pair_panel)(int rows, int vectors, const bool add, const int16_t *a,
                               size_t a_stride, const int16_t *b, size_t b_stride, int p0, int p1,
                               const float *factors, float *c, size_t c_stride) {
  for (; vectors >= CK_WIDE; vectors -= CK_WIDE, b += CK_WIDE * 32, c += CK_WIDE * 16)
    CK_PAIR_CASES(CK_WIDE)
  for (; vectors > 0; vectors--, b += 32, c += 16)
    CK_PAIR_CASES(1)
}
