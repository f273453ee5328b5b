// Products with a coarse matrix (ck_coarse_block): the likeliest tokens of a vocabulary are looked for with one.
// Included by q8_kernels.h.

/// The levels of TILE rows of a block, from row `first` on, turned around as they lie.
CK_INLINE_TARGET void coarse_levels(const ck_coarse_block *p, size_t first, tile_levels *out) {
  const vi fifth = load_vector(p->fifth[first]);
  CK_UNROLL for (size_t j = 0; j < 4; j++) {
    const vi v = load_vector(p->nibbles[j][first]);
    out->first[j] = VBITS(or)(low_nibbles(v), fifth_bit(fifth, j));
    out->last[j] = VBITS(or)(high_nibbles(v), fifth_bit(fifth, j + 4));
  }
}

/// TILE rows, from row `first` of the tile at `w` on, times some tokens (a constant), of which the first `real`
/// are stored.
CK_INLINE_TARGET void coarse_times_tokens(
  const ck_product *p, const ck_coarse_block *w, size_t first, size_t row, row_mask rows,
  size_t token, const size_t tokens, const size_t real, const int planes
) {
  const ck_q8_block *x[GEMV_TOKENS];
  vf sums[GEMV_TOKENS];
  CK_UNROLL for (size_t t = 0; t < tokens; t++) {
    x[t] = activations(p, token + (t < real ? t : 0), 0);
    sums[t] = VI(setzero_ps)();
  }
  for (size_t b = 0; b < p->columns / CK_BLOCK; b++, w++) {
    tile_levels levels;
    tile_scales s;
    if (first == 0) prefetch((const uint8_t *)w + AHEAD, sizeof *w);
    coarse_levels(w, first, &levels);
    s.scale[0] = load_halves(w->scale + first);
    words_times_tokens(&levels, &s, x, b, offset16, planes, tokens, sums);
  }
  CK_UNROLL for (size_t t = 0; t < tokens; t++) {
    if (t < real) store_row(p, token + t, row, rows, 1, sums[t]);
  }
}

CK_INLINE_TARGET void multiply_coarse(
  const ck_product *p, size_t begin, size_t end, const int planes
) {
  const size_t blocks = p->columns / CK_BLOCK;
  for (size_t row = begin; row < end; row += TILE) {
    const ck_coarse_block *w = (const ck_coarse_block *)p->weights + row / CK_COARSE_ROWS * blocks;
    const size_t first = row % CK_COARSE_ROWS;
    const row_mask rows = rows_of(0, end - row < TILE ? end - row : TILE);
    for (size_t token = 0, left = p->tokens; left > 0; left = p->tokens - token) {
      size_t taken = left < GEMV_TOKENS ? left : GEMV_TOKENS;
#define TIMES(count) coarse_times_tokens(p, w, first, row, rows, token, count, taken, planes)
      if (taken == 1) TIMES(1);
      else if (taken == 2) TIMES(2);
      else if (taken <= 4) TIMES(4);
      else if (taken <= 6) TIMES(GEMV_TOKENS > 4 ? 6 : 4);
      else TIMES(GEMV_TOKENS);
#undef TIMES
      token += taken;
    }
  }
}

CK_TARGET static void SUFFIX(multiply_coarse_1)(const ck_product *p, size_t begin, size_t end) {
  multiply_coarse(p, begin, end, 1);
}

CK_TARGET static void SUFFIX(multiply_coarse_2)(const ck_product *p, size_t begin, size_t end) {
  multiply_coarse(p, begin, end, 2);
}

void SUFFIX(ck_multiply_coarse)(const ck_product *p, size_t begin, size_t end) {
  if (p->planes == 2) SUFFIX(multiply_coarse_2)(p, begin, end);
  else SUFFIX(multiply_coarse_1)(p, begin, end);
}
