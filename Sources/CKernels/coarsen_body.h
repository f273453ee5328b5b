// Rows of q8_0 as rows of a coarse matrix; vector_kernels.c includes this for each instruction set.

/// The scales of `count` blocks of q8_0, at most 16, and the largest magnitude among the levels of each.
CK_INLINE void CK_(block_scales)(const uint8_t *from, size_t count, v16 *scales, v16 *largest) {
  uint16_t halves[16] = {0};
  *largest = CK_SPLAT(0);
  for (size_t block = 0; block < count; block++, from += 34) {
    v32c levels;
    memcpy(halves + block, from, 2);
    memcpy(&levels, from + 2, 32);
    int high = __builtin_reduce_max(levels), low = __builtin_reduce_min(levels);
    (*largest)[block] = high >= -low ? high : -low;
  }
  CK_(from_f16)(scales, halves);
}

static float CK_(coarsen)(
    const uint8_t *from, size_t n, const float *offsets, const float *common, ck_coarse_block *tile,
    size_t row) {
  const v16i magnitude = (v16i){} + 0x7fffffff;
  v16 scales, largest, most = CK_SPLAT(0);
  for (size_t block = 0; block < n / 32; block += 16) {
    size_t left = n / 32 - block;
    CK_(block_scales)(from + 34 * block, left < 16 ? left : 16, &scales, &largest);
    largest *= (v16)((v16i)scales & magnitude);
    most = CK_MAX(largest, most);
  }
  // A scale that is infinite or NaN leaves rubbish in the row, and a sum of squares that says so.
  const float top = CK_(max16)(&most), unit = top > 0 ? 255.0f / top : 0;
  ck_coarse_rows *const rows = (ck_coarse_rows *)(tile + n / 32);
  rows->step[row] = top / (7.5f * 255.0f);

  // Adding 1.5 · 2^23 rounds to an integer, half to even, and leaves it in the low bits.
  const v16 magic = CK_SPLAT(12582912.0f), zero = CK_SPLAT(0), highest = CK_SPLAT(15);
  v16 squares = CK_SPLAT(0), products = CK_SPLAT(0), ratios;
  v16i codes;
  for (size_t block = 0; block < n / 32; block++, from += 34, tile++) {
    if (block % 16 == 0) {
      size_t left = n / 32 - block;
      CK_(block_scales)(from, left < 16 ? left : 16, &scales, &largest);
      // Rounded up, so that no level is beyond the ends; 0 only where all levels are.
      v16 wanted = largest * (v16)((v16i)scales & magnitude) * CK_SPLAT(unit) + CK_SPLAT(0.5f);
      codes = (v16i)(CK_MIN(wanted, CK_SPLAT(255)) + magic) & 255;
      codes -= (codes == 0) & (largest > zero);
      v16 steps = __builtin_convertvector(codes, v16) * CK_SPLAT(top / (7.5f * 255.0f));
      ratios = steps > zero ? scales / steps : zero;
    }
    v16c first, second;
    memcpy(&first, from + 2, 16);
    memcpy(&second, from + 18, 16);
    v16 a = __builtin_convertvector(first, v16), b = __builtin_convertvector(second, v16);
    v16 ratio = CK_SPLAT(ratios[block % 16]), scale = CK_SPLAT(scales[block % 16]);
    v16 ta = CK_FMA(a, ratio, CK_LOAD(offsets + 32 * block));
    v16 tb = CK_FMA(b, ratio, CK_LOAD(offsets + 32 * block + 16));
    v16i la = (v16i)(CK_MIN(CK_MAX(ta, zero), highest) + magic) & 15;
    v16i lb = (v16i)(CK_MIN(CK_MAX(tb, zero), highest) + magic) & 15;
    v16c nibbles = __builtin_convertvector(la | lb << 4, v16c);
    for (size_t j = 0; j < 4; j++) memcpy(tile->nibbles[j][row], (const char *)&nibbles + 4 * j, 4);
    tile->scale[row] = (uint8_t)codes[block % 16];
    a *= scale;
    b *= scale;
    squares = CK_FMA(a, a, CK_FMA(b, b, squares));
    products = CK_FMA(a, CK_LOAD(common + 32 * block), products);
    products = CK_FMA(b, CK_LOAD(common + 32 * block + 16), products);
  }
  rows->common[row] = CK_(sum16)(&products);
  return CK_(sum16)(&squares);
}
