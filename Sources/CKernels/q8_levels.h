// Reading one canonical block of a tile of rows of each stored format, for vectors of any width:
// included after q8_vector128.h, q8_vector256.h or q8_vector512.h.
//
// A tile is TILE adjacent rows. `first[a]` and `last[a]` (a = 0..3) hold the levels of the first and
// the last 16 weights of rows a, a + 4, ..., one row in each 128-bit lane, as unsigned bytes with the
// format's offset still in them; q8_0, iq4_nl and iq4_xs have signed levels (see `signed_levels`).

CK_INLINE_TARGET vi low_nibbles(vi v) {
  return VBITS(and)(v, VI(set1_epi8)(15));
}

/// The levels of a tile's block.
typedef struct {
  vi first[4], last[4];
} tile_levels;

/// Scales (two in q6_K) and minimums of a tile's blocks, one row in each element.
typedef struct {
  vf scale[2], minimum;
} tile_scales;

// --- Formats of 32 weights: p is the block of row 0.

CK_INLINE_TARGET void levels_q4_0(const uint8_t *p, size_t stride, tile_levels *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi v = lanes(p + 2 + a * stride, stride);
    out->first[a] = low_nibbles(v);
    out->last[a] = high_nibbles(v);
  }
}
CK_INLINE_TARGET void levels_q4_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q4_0(p + 2, stride, out);
}
CK_INLINE_TARGET void levels_mxfp4(const uint8_t *p, size_t stride, tile_levels *out) {
  const vi table = every_lane(LANE(
    16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi v = lanes(p + 1 + a * stride, stride);
    out->first[a] = VI(shuffle_epi8)(table, low_nibbles(v));
    out->last[a] = VI(shuffle_epi8)(table, high_nibbles(v));
  }
}
CK_INLINE_TARGET void levels_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = lanes(p + 2 + a * stride, stride);
    out->last[a] = lanes(p + 18 + a * stride, stride);
  }
}
/// Signed levels get an offset of 128 where they are wanted unsigned.
CK_INLINE_TARGET void signed_levels(tile_levels *out) {
#if !SIGNED_LEVELS
  const vi offset = VI(set1_epi8)(-128);
  CK_UNROLL for (int a = 0; a < 4; a++) {
    out->first[a] = VBITS(xor)(out->first[a], offset);
    out->last[a] = VBITS(xor)(out->last[a], offset);
  }
#endif
  (void)out;
}
CK_INLINE_TARGET void prepared_q8_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q8_0(p, stride, out);
  signed_levels(out);
}
/// p points at the nibbles.
CK_INLINE_TARGET void prepared_iq4(const uint8_t *p, size_t stride, tile_levels *out) {
  const vi table = every_lane(load_lane(ck_iq4_levels));
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi v = lanes(p + a * stride, stride);
    out->first[a] = VI(shuffle_epi8)(table, low_nibbles(v));
    out->last[a] = VI(shuffle_epi8)(table, high_nibbles(v));
  }
  signed_levels(out);
}
CK_INLINE_TARGET void prepared_iq4_nl(const uint8_t *p, size_t stride, tile_levels *out) {
  prepared_iq4(p + 2, stride, out);
}
/// p points at the fifth bits, which are followed by the nibbles.
CK_INLINE_TARGET void levels_q5(const uint8_t *p, size_t stride, tile_levels *out) {
  const vi first_bits = every_lane(LANE(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const vi last_bits = every_lane(LANE(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const vi bit = every_lane(
    LANE(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
  const vi sixteen = VI(set1_epi8)(16);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi h = lanes(p + a * stride, stride);
    const vi v = lanes(p + 4 + a * stride, stride);
    const vi f = where_bit(VI(shuffle_epi8)(h, first_bits), bit, sixteen);
    const vi l = where_bit(VI(shuffle_epi8)(h, last_bits), bit, sixteen);
    out->first[a] = VBITS(or)(low_nibbles(v), f);
    out->last[a] = VBITS(or)(high_nibbles(v), l);
  }
}
CK_INLINE_TARGET void levels_q5_0(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 2, stride, out);
}
CK_INLINE_TARGET void levels_q5_1(const uint8_t *p, size_t stride, tile_levels *out) {
  levels_q5(p + 4, stride, out);
}

CK_INLINE_TARGET void scales_half(const uint8_t *p, size_t stride, tile_scales *out) {
  out->scale[0] = low_halves(words(p, stride));
}
CK_INLINE_TARGET void scales_half_minimum(const uint8_t *p, size_t stride, tile_scales *out) {
  const vi v = words(p, stride);
  out->scale[0] = low_halves(v);
  out->minimum = high_halves(v);
}
CK_INLINE_TARGET void scales_mxfp4(const uint8_t *p, size_t stride, tile_scales *out) {
  const vi e = VBITS(and)(words(p, stride), VI(set1_epi32)(255));
  const vi normal = VI(slli_epi32)(VI(sub_epi32)(e, VI(set1_epi32)(1)), 23);
  out->scale[0] = as_floats(small_power(e, normal));
}

// --- Formats of 256 weights: p is the stored block of row 0, j (0..7, ascending) the block in it.
// Stored bytes that several blocks share are kept in `raw` between the calls.

/// 32 bytes of each row.
typedef struct {
  vi first[4], last[4];
} raw_bytes;

CK_INLINE_TARGET void load_raw(const uint8_t *p, size_t stride, raw_bytes *out) {
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    out->first[a] = lanes(p + a * stride, stride);
    out->last[a] = lanes(p + 16 + a * stride, stride);
  }
}

typedef struct {
  raw_bytes pairs, third;
} raw_q3_K;

/// With an offset of 8 instead of 4.
CK_INLINE_TARGET void levels_q3_K(
  const uint8_t *p, size_t stride, size_t j, raw_q3_K *raw, tile_levels *out
) {
  const int i = (int)(j % 4), bit = (int)j;
  if (j == 0) load_raw(p, stride, &raw->third);
  if (i == 0) load_raw(p + 32 + 8 * j, stride, &raw->pairs);
  const vi three = VI(set1_epi8)(3), four = VI(set1_epi8)(4), less = VI(set1_epi8)(-4);
  CK_UNROLL for (size_t half = 0; half < 2; half++) {
    CK_UNROLL for (size_t a = 0; a < 4; a++) {
      const vi q = half ? raw->pairs.last[a] : raw->pairs.first[a];
      const vi h = half ? raw->third.last[a] : raw->third.first[a];
      const vi low = VBITS(and)(VI(srli_epi16)(q, 2 * i), three);
      const vi moved = bit < 2 ? VI(slli_epi16)(h, 2 - bit) : VI(srli_epi16)(h, bit - 2);
      const vi level = VI(sub_epi8)(VBITS(or)(low, VBITS(and)(moved, four)), less);
      if (half) out->last[a] = level;
      else out->first[a] = level;
    }
  }
}

typedef struct {
  raw_bytes nibbles;
} raw_q4_K;

CK_INLINE_TARGET void levels_q4_K(
  const uint8_t *p, size_t stride, size_t j, raw_q4_K *raw, tile_levels *out
) {
  if (j % 2 == 0) load_raw(p + 16 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    out->first[a] = j & 1 ? high_nibbles(f) : low_nibbles(f);
    out->last[a] = j & 1 ? high_nibbles(l) : low_nibbles(l);
  }
}

/// Bit j of every byte as 16 or 0.
CK_INLINE_TARGET vi fifth_bit(vi v, size_t j) {
  const vi moved =
    j < 4 ? VI(slli_epi16)(v, 4 - (int)(j & 3)) : VI(srli_epi16)(v, (int)(j & 3));
  return VBITS(and)(moved, VI(set1_epi8)(16));
}

typedef struct {
  raw_bytes nibbles, fifth;
} raw_q5_K;

CK_INLINE_TARGET void levels_q5_K(
  const uint8_t *p, size_t stride, size_t j, raw_q5_K *raw, tile_levels *out
) {
  if (j == 0) load_raw(p + 16, stride, &raw->fifth);
  if (j % 2 == 0) load_raw(p + 48 + 16 * j, stride, &raw->nibbles);
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi f = raw->nibbles.first[a], l = raw->nibbles.last[a];
    const vi f5 = fifth_bit(raw->fifth.first[a], j), l5 = fifth_bit(raw->fifth.last[a], j);
    out->first[a] = VBITS(or)(f5, j & 1 ? high_nibbles(f) : low_nibbles(f));
    out->last[a] = VBITS(or)(l5, j & 1 ? high_nibbles(l) : low_nibbles(l));
  }
}

/// Bit pair i (0..3) of every byte, as bits 4 and 5.
CK_INLINE_TARGET vi upper_pair(vi v, size_t i) {
  const vi moved = i == 0   ? VI(slli_epi16)(v, 4)
                        : i == 1 ? VI(slli_epi16)(v, 2)
                        : i == 2 ? v
                                 : VI(srli_epi16)(v, 2);
  return VBITS(and)(moved, VI(set1_epi8)(48));
}

typedef struct {
  raw_bytes nibbles[2], pairs;
} raw_q6_K;

CK_INLINE_TARGET void levels_q6_K(
  const uint8_t *p, size_t stride, size_t j, raw_q6_K *raw, tile_levels *out
) {
  const size_t i = j % 4;
  if (i == 0) {
    load_raw(p + 16 * j, stride, &raw->nibbles[0]);
    load_raw(p + 16 * j + 32, stride, &raw->nibbles[1]);
    load_raw(p + 128 + 8 * j, stride, &raw->pairs);
  }
  CK_UNROLL for (size_t a = 0; a < 4; a++) {
    const vi f = raw->nibbles[i & 1].first[a], l = raw->nibbles[i & 1].last[a];
    const vi f2 = upper_pair(raw->pairs.first[a], i), l2 = upper_pair(raw->pairs.last[a], i);
    out->first[a] = VBITS(or)(f2, i < 2 ? low_nibbles(f) : high_nibbles(f));
    out->last[a] = VBITS(or)(l2, i < 2 ? low_nibbles(l) : high_nibbles(l));
  }
}

/// Nothing is kept.
typedef struct {
  char none;
} raw_iq4_xs;

CK_INLINE_TARGET void levels_iq4_xs(
  const uint8_t *p, size_t stride, size_t j, raw_iq4_xs *raw, tile_levels *out
) {
  (void)raw;
  prepared_iq4(p + 8 + 16 * j, stride, out);
}

/// 4 x 4 transposition of 32-bit elements inside each lane.
CK_INLINE_TARGET void transpose_lanes(vi v[4]) {
  const vi a = VI(unpacklo_epi32)(v[0], v[1]), b = VI(unpackhi_epi32)(v[0], v[1]);
  const vi c = VI(unpacklo_epi32)(v[2], v[3]), d = VI(unpackhi_epi32)(v[2], v[3]);
  v[0] = VI(unpacklo_epi64)(a, c);
  v[1] = VI(unpackhi_epi64)(a, c);
  v[2] = VI(unpacklo_epi64)(b, d);
  v[3] = VI(unpackhi_epi64)(b, d);
}

/// The scales and minimums of all 8 sub-blocks of q4_K and q5_K.
CK_INLINE_TARGET void scales_k(
  const uint8_t *p, size_t stride, float scale[8][TILE], float minimum[8][TILE]
) {
  // Four vectors of headers become: f16 d and dmin; 6-bit words 0..3, 4..7, 8..11, row by row.
  vi v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + a * stride, stride);
  transpose_lanes(v);
  const vf d = low_halves(v[0]), dmin = high_halves(v[0]);
  const vi six = VI(set1_epi32)(0x3f3f3f3f), four = VI(set1_epi32)(0x0f0f0f0f);
  const vi two = VI(set1_epi32)(0x30303030);
  const vi s[2] = {
    VBITS(and)(v[1], six),
    VBITS(or)(
      VBITS(and)(v[3], four), VBITS(and)(VI(srli_epi32)(v[1], 2), two))};
  const vi m[2] = {
    VBITS(and)(v[2], six),
    VBITS(or)(
      VBITS(and)(VI(srli_epi32)(v[3], 4), four),
      VBITS(and)(VI(srli_epi32)(v[2], 2), two))};
  const vi byte = VI(set1_epi32)(255);
  const vf sign = VI(set1_ps)(-0.0f);
  CK_UNROLL for (int j = 0; j < 8; j++) {
    const vi sj = VBITS(and)(VI(srli_epi32)(s[j / 4], 8 * (j & 3)), byte);
    const vi mj = VBITS(and)(VI(srli_epi32)(m[j / 4], 8 * (j & 3)), byte);
    VI(store_ps)(scale[j], VI(mul_ps)(d, VI(cvtepi32_ps)(sj)));
    const vf product = VI(mul_ps)(dmin, VI(cvtepi32_ps)(mj));
    VI(store_ps)(minimum[j], VI(xor_ps)(product, sign));
  }
}

/// The 16 scales of q6_K: two for each of the 8 blocks.
CK_INLINE_TARGET void scales_q6_K(
  const uint8_t *p, size_t stride, float low[8][TILE], float high[8][TILE]
) {
  vi v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + 192 + a * stride, stride);
  transpose_lanes(v);
  const vf d = high_halves(words(p + 206, stride));
  CK_UNROLL for (int j = 0; j < 8; j++) {
    const vi w = j & 1 ? v[j / 2] : VI(slli_epi32)(v[j / 2], 16);
    const vi s0 = VI(srai_epi32)(VI(slli_epi32)(w, 8), 24);
    const vi s1 = VI(srai_epi32)(w, 24);
    VI(store_ps)(low[j], VI(mul_ps)(d, VI(cvtepi32_ps)(s0)));
    VI(store_ps)(high[j], VI(mul_ps)(d, VI(cvtepi32_ps)(s1)));
  }
}

/// The 16 scales of q3_K: two for each of the 8 blocks.
CK_INLINE_TARGET void scales_q3_K(
  const uint8_t *p, size_t stride, float low[8][TILE], float high[8][TILE]
) {
  // The last 16 bytes of a block: two bytes of pairs, 12 of scales, f16 d.
  vi v[4];
  CK_UNROLL for (size_t a = 0; a < 4; a++) v[a] = lanes(p + 94 + a * stride, stride);
  transpose_lanes(v);
  const vf d = high_halves(v[3]);
  vi scales[3];
  CK_UNROLL for (int i = 0; i < 3; i++) {
    scales[i] = VBITS(or)(VI(srli_epi32)(v[i], 16), VI(slli_epi32)(v[i + 1], 16));
  }
  const vi four = VI(set1_epi32)(0x0f0f0f0f), two = VI(set1_epi32)(0x30303030);
  const vi upper = scales[2], byte = VI(set1_epi32)(255), offset = VI(set1_epi32)(32);
  const vi six[4] = {
    VBITS(or)(VBITS(and)(scales[0], four), VBITS(and)(VI(slli_epi32)(upper, 4), two)),
    VBITS(or)(VBITS(and)(scales[1], four), VBITS(and)(VI(slli_epi32)(upper, 2), two)),
    VBITS(or)(VBITS(and)(VI(srli_epi32)(scales[0], 4), four), VBITS(and)(upper, two)),
    VBITS(or)(
      VBITS(and)(VI(srli_epi32)(scales[1], 4), four), VBITS(and)(VI(srli_epi32)(upper, 2), two))};
  CK_UNROLL for (int j = 0; j < 8; j++) {
    const vi w = VI(srli_epi32)(six[j / 2], 16 * (j & 1));
    const vi s0 = VI(sub_epi32)(VBITS(and)(w, byte), offset);
    const vi s1 = VI(sub_epi32)(VBITS(and)(VI(srli_epi32)(w, 8), byte), offset);
    VI(store_ps)(low[j], VI(mul_ps)(d, VI(cvtepi32_ps)(s0)));
    VI(store_ps)(high[j], VI(mul_ps)(d, VI(cvtepi32_ps)(s1)));
  }
}

/// The 8 scales of iq4_xs.
CK_INLINE_TARGET void scales_iq4_xs(
  const uint8_t *p, size_t stride, float scale[8][TILE], float other[8][TILE]
) {
  const vi first = words(p, stride), low = words(p + 4, stride);
  const vf d = low_halves(first);
  const vi fifteen = VI(set1_epi32)(15), pair = VI(set1_epi32)(48), offset = VI(set1_epi32)(32);
  CK_UNROLL for (int j = 0; j < 8; j++) {
    // The upper pair j, bits 16 + 2j and 17 + 2j, goes to bits 4 and 5.
    const vi high = VBITS(and)(VI(srli_epi32)(first, 12 + 2 * j), pair);
    const vi six = VBITS(or)(VBITS(and)(VI(srli_epi32)(low, 4 * j), fifteen), high);
    VI(store_ps)(scale[j], VI(mul_ps)(d, VI(cvtepi32_ps)(VI(sub_epi32)(six, offset))));
    VI(store_ps)(other[j], VI(setzero_ps)());
  }
}
