// Rows of q8_0 as rows of a coarse matrix; vector_kernels.c includes this for each instruction set.

/// Scales of five bits for `count` blocks of q8_0, at most 16, and for each the steps of the first in one of the
/// second (0 where the second is 0). A scale is the level of the largest magnitude over −16, times the
/// block's own, so that −16 ... 15 reach all of it, as ggml's q5_0 has them; 0 where that is no half.
CK_INLINE void CK_(coarse_scales)(
    const uint8_t *from, size_t count, v16 *fine, v16 *scale, v16 *inverse, uint16_t *halves) {
  uint16_t own[16] = {0};
  v16 extreme = CK_SPLAT(0);
  for (size_t block = 0; block < count; block++, from += 34) {
    v32c levels;
    memcpy(own + block, from, 2);
    memcpy(&levels, from + 2, 32);
    int high = __builtin_reduce_max(levels), low = __builtin_reduce_min(levels);
    extreme[block] = high >= -low ? high : low;
  }
  CK_(from_f16)(fine, own);
  v16 wanted = extreme * *fine * CK_SPLAT(-0.0625f);
  CK_(to_f16)(&wanted, halves);
  for (size_t block = 0; block < 16; block++)
    if ((halves[block] & 0x7c00) == 0x7c00) halves[block] = 0;
  CK_(from_f16)(scale, halves);
  *inverse = *scale == CK_SPLAT(0) ? CK_SPLAT(0) : *fine / *scale;
}

static void CK_(coarsen)(
    const uint8_t *from, size_t n, const float *factors, ck_coarse_block *tile, size_t row,
    float *squares) {
  // Adding 1.5 · 2^23 rounds to an integer, half to even, and leaves it in the low bits.
  const v16 magic = CK_SPLAT(12582912.0f + 16.0f), lowest = CK_SPLAT(-16), highest = CK_SPLAT(15);
  v16 whole = CK_SPLAT(0), rest = CK_SPLAT(0), fines, scales, inverses;
  const v16i place = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  uint16_t halves[16];
  for (size_t block = 0; block < n / 32; block++, from += 34, tile++, factors += 32) {
    if (block % 16 == 0) {
      size_t left = n / 32 - block;
      CK_(coarse_scales)(from, left < 16 ? left : 16, &fines, &scales, &inverses, halves);
    }
    v16c first, second;
    memcpy(&first, from + 2, 16);
    memcpy(&second, from + 18, 16);
    v16 a = __builtin_convertvector(first, v16), b = __builtin_convertvector(second, v16);
    v16 fine = CK_SPLAT(fines[block % 16]), scale = CK_SPLAT(scales[block % 16]);
    v16 inverse = CK_SPLAT(inverses[block % 16]);
    v16 ta = CK_MIN(CK_MAX(a * inverse, lowest), highest) + magic;
    v16 tb = CK_MIN(CK_MAX(b * inverse, lowest), highest) + magic;
    v16i la = (v16i)ta & 31, lb = (v16i)tb & 31;
    v16c nibbles = __builtin_convertvector((la & 15) | (lb & 15) << 4, v16c);
    v16c fifths = __builtin_convertvector((la >> 4) << place | (lb >> 4) << (place + 4), v16c);
    uint32_t bits[4];
    memcpy(bits, &fifths, 16);
    bits[0] |= bits[1] | bits[2] | bits[3];
    memcpy(tile->fifth[row], bits, 4);
    for (size_t j = 0; j < 4; j++) memcpy(tile->nibbles[j][row], (const char *)&nibbles + 4 * j, 4);
    tile->scale[row] = halves[block % 16];
    v16 fa = CK_LOAD(factors), fb = CK_LOAD(factors + 16);
    a *= fine;
    b *= fine;
    v16 ra = CK_FMA(magic - ta, scale, a) * fa, rb = CK_FMA(magic - tb, scale, b) * fb;
    a *= fa;
    b *= fb;
    rest = CK_FMA(ra, ra, CK_FMA(rb, rb, rest));
    whole = CK_FMA(a, a, CK_FMA(b, b, whole));
  }
  squares[0] = CK_(sum16)(&whole);
  squares[1] = CK_(sum16)(&rest);
}
