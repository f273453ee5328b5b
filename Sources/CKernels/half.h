// Sixteen IEEE halves as floats, for each instruction set.

CK_INLINE void CK_(from_f16)(v16 *v, const uint16_t *p) {
#if CK_ISA == 2
  *v = (v16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif CK_ISA == 1
  __m256 a = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
  __m256 b = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)));
  float t[16];
  _mm256_storeu_ps(t, a);
  _mm256_storeu_ps(t + 8, b);
  *v = CK_LOAD(t);
#elif CK_ISA == 3
  float t[16];
  for (int j = 0; j < 16; j += 4)
    vst1q_f32(t + j, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + j))));
  *v = CK_LOAD(t);
#else
  for (int j = 0; j < 16; j++) {
    uint32_t h = p[j], sign = (h & 0x8000) << 16, magnitude = h & 0x7fff, bits;
    if (magnitude >= 0x7c00) {
      bits = sign | 0x7f800000 | (magnitude & 0x3ff) << 13 | (magnitude > 0x7c00 ? 0x400000 : 0);
    } else if (magnitude >= 0x400) {
      bits = sign | ((magnitude << 13) + 0x38000000);
    } else {
      float f = (float)magnitude * 0x1p-24f;
      memcpy(&bits, &f, 4);
      bits |= sign;
    }
    float f;
    memcpy(&f, &bits, 4);
    (*v)[j] = f;
  }
#endif
}
