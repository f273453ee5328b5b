// Sixteen floats at a time, in every instruction set: included by the *_body.h files, once for each.
// The includer defines CK_(name) (a suffix) and CK_ISA (0 ref, 1 AVX2, 2 AVX-512, 3 NEON).

#ifndef CK_VECTOR_MATH_TYPES
#define CK_VECTOR_MATH_TYPES
#include <math.h>
#include <string.h>
typedef float v16 __attribute__((ext_vector_type(16)));
typedef int32_t v16i __attribute__((ext_vector_type(16)));
typedef int16_t v16s __attribute__((ext_vector_type(16)));
typedef int8_t v16c __attribute__((ext_vector_type(16)));
typedef int8_t v32c __attribute__((ext_vector_type(32)));
typedef float v16u __attribute__((ext_vector_type(16), aligned(4)));
#define CK_INLINE static inline __attribute__((always_inline, unused))
#define CK_LOAD(p) ((v16)(*(const v16u *)(p)))
#define CK_STORE(p, v) (*(v16u *)(p) = (v))
#define CK_FMA(a, b, c) __builtin_elementwise_fma((v16)(a), (v16)(b), (v16)(c))
#define CK_SPLAT(x) ((v16)(float)(x))
#define CK_SELECT(mask, a, b) ((v16)(((mask) & (v16i)(a)) | (~(mask) & (v16i)(b))))
#define CK_MAX(a, b) CK_SELECT((a) > (b), a, b)
#define CK_MIN(a, b) CK_SELECT((a) < (b), a, b)
#endif

/// Adds sixteen lanes as a tree: j with j + 8, then + 4, + 2, + 1.
CK_INLINE float CK_(sum16)(const v16 *p) {
  v16 v = *p;
  float a[8];
  for (int j = 0; j < 8; j++) a[j] = v[j] + v[j + 8];
  for (int j = 0; j < 4; j++) a[j] += a[j + 4];
  for (int j = 0; j < 2; j++) a[j] += a[j + 2];
  return a[0] + a[1];
}

/// The largest of sixteen lanes, in the same order.
CK_INLINE float CK_(max16)(const v16 *p) {
  v16 v = *p;
  float a[8];
  for (int j = 0; j < 8; j++) a[j] = v[j + 8] > v[j] ? v[j + 8] : v[j];
  for (int j = 0; j < 4; j++) a[j] = a[j + 4] > a[j] ? a[j + 4] : a[j];
  for (int j = 0; j < 2; j++) a[j] = a[j + 2] > a[j] ? a[j + 2] : a[j];
  return a[1] > a[0] ? a[1] : a[0];
}

/// *p = exp(*p): relative error below 2e-7; 0 below −87.3; NaN stays.
CK_INLINE void CK_(exp16)(v16 *p) {
  const v16 x0 = *p, low = CK_SPLAT(-87.33654f), high = CK_SPLAT(88.37626f);
  v16 x = CK_MAX(low, x0);
  x = CK_MIN(high, x);
  const v16 magic = CK_SPLAT(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer
  v16 z = CK_FMA(x, CK_SPLAT(1.44269504f), magic);
  v16 n = z - magic;
  v16 r = CK_FMA(n, CK_SPLAT(-0.693145751953125f), x);
  r = CK_FMA(n, CK_SPLAT(-1.42860682030941723e-6f), r);
  v16 y = CK_SPLAT(1.9875691500e-4f);
  y = CK_FMA(y, r, CK_SPLAT(1.3981999507e-3f));
  y = CK_FMA(y, r, CK_SPLAT(8.3334519073e-3f));
  y = CK_FMA(y, r, CK_SPLAT(4.1665795894e-2f));
  y = CK_FMA(y, r, CK_SPLAT(1.6666665459e-1f));
  y = CK_FMA(y, r, CK_SPLAT(5.0000001201e-1f));
  y = CK_FMA(y, r * r, r);
  y = y + CK_SPLAT(1.0f);
  v16i bits = (v16i)y + ((v16i)z << 23);
  *p = (v16)(bits & ~(x0 < low));
}

/// Loads n < 16 floats, the rest zero.
CK_INLINE void CK_(load_part)(v16 *v, const float *p, size_t n) {
  float t[16] = {0};
  memcpy(t, p, n * sizeof(float));
  *v = CK_LOAD(t);
}

CK_INLINE void CK_(store_part)(const v16 *v, float *p, size_t n) {
  float t[16];
  CK_STORE(t, *v);
  memcpy(p, t, n * sizeof(float));
}
