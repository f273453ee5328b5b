// Upper bounds of products from a coarse matrix (ck_coarse.h): the likeliest tokens of a vocabulary are looked
// for with them. Included by q8_kernels.h.

/// The levels of TILE rows of a block, from row `first` on, turned around as they lie.
CK_INLINE_TARGET void coarse_levels(const ck_coarse_block *p, size_t first, tile_levels *out) {
  CK_UNROLL for (size_t j = 0; j < 4; j++) {
    const vi v = load_vector(p->nibbles[j][first]);
    out->first[j] = low_nibbles(v);
    out->last[j] = high_nibbles(v);
  }
}

/// TILE rows, from row `first` of the tile at `w` on, times some tokens (a constant), of which the first `real`
/// are stored. Nothing is fetched ahead: tiles are read as they lie, which the CPU sees by itself (asking for
/// it took a third longer on Zen 4).
CK_INLINE_TARGET void coarse_times_tokens(
  const ck_coarse_product *p, const ck_coarse_block *w, size_t first, size_t row, row_mask rows,
  size_t token, const size_t tokens, const size_t real, const int planes
) {
  const size_t blocks = p->columns / CK_BLOCK;
  const size_t bytes = planes == 2 ? sizeof(ck_q16_block) : sizeof(ck_q8_block);
  const ck_q8_block *x[GEMV_TOKENS];
  const ck_coarse_term *terms[GEMV_TOKENS];
  vf sums[GEMV_TOKENS], spreads[GEMV_TOKENS];
  CK_UNROLL for (size_t t = 0; t < tokens; t++) {
    const size_t from = token + (t < real ? t : 0);
    x[t] = (const ck_q8_block *)((const uint8_t *)p->x + from * p->x_stride * bytes);
    terms[t] = p->terms + from * blocks;
    sums[t] = spreads[t] = VI(setzero_ps)();
  }
  for (size_t b = 0; b < blocks; b++, w++) {
    tile_levels levels;
    vi dots[GEMV_TOKENS];
    coarse_levels(w, first, &levels);
    const vf scale = load_bytes(w->scale + first), square = VI(mul_ps)(scale, scale);
    word_dots(&levels, x, b, 0, 8, minimum4, planes, tokens, dots);
    CK_UNROLL for (size_t t = 0; t < tokens; t++) {
      const ck_coarse_term term = terms[t][b];
      const vf d = VI(set1_ps)(block_at(x[t], b, planes)->d), shift = VI(set1_ps)(term.shift);
      const vf part = VI(fmadd_ps)(VI(cvtepi32_ps)(dots[t]), d, shift);
      sums[t] = VI(fmadd_ps)(scale, part, sums[t]);
      spreads[t] = VI(fmadd_ps)(square, VI(set1_ps)(term.spread), spreads[t]);
    }
  }
  const ck_coarse_rows *const all = (const ck_coarse_rows *)w;
  const row_mask tile = rows_of(0, TILE);
  const vf step = load_rows(all->step + first, tile), size = load_rows(all->size + first, tile);
  const vf common = load_rows(all->common + first, tile);
  const size_t tiles = (p->rows + CK_COARSE_ROWS - 1) / CK_COARSE_ROWS;
  CK_UNROLL for (size_t t = 0; t < tokens; t++) {
    if (t >= real) continue;
    float *const top = p->tops + (token + t) * tiles + row / CK_COARSE_ROWS;
    const ck_coarse_token known = p->known[token + t];
    const vf along = VI(set1_ps)(known.along), slack = VI(set1_ps)(known.slack);
    const vf likely = VI(fmadd_ps)(common, along, VI(mul_ps)(step, sums[t]));
    const float largest = largest_row(likely);
    *top = first == 0 || largest > *top ? largest : *top;
    const vf high = VI(fmadd_ps)(step, VI(sqrt_ps)(spreads[t]), likely);
    store_rows(
      p->out + (token + t) * p->out_stride + row, rows, VI(fmadd_ps)(size, slack, high));
  }
}

CK_INLINE_TARGET void multiply_coarse(
  const ck_coarse_product *p, size_t begin, size_t end, const int planes
) {
  const size_t bytes = ck_coarse_tile_bytes(p->columns);
  for (size_t row = begin; row < (end + CK_COARSE_ROWS - 1) / CK_COARSE_ROWS * CK_COARSE_ROWS; row += TILE) {
    const ck_coarse_block *w = (const ck_coarse_block *)(p->tiles + row / CK_COARSE_ROWS * bytes);
    const size_t first = row % CK_COARSE_ROWS;
    const size_t wanted = row < end ? end - row : 0;
    const row_mask rows = rows_of(0, wanted < TILE ? wanted : TILE);
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

CK_TARGET static void SUFFIX(multiply_coarse_1)(const ck_coarse_product *p, size_t begin, size_t end) {
  multiply_coarse(p, begin, end, 1);
}

CK_TARGET static void SUFFIX(multiply_coarse_2)(const ck_coarse_product *p, size_t begin, size_t end) {
  multiply_coarse(p, begin, end, 2);
}

void SUFFIX(ck_multiply_coarse)(const ck_coarse_product *p, size_t begin, size_t end) {
  if (p->planes == 2) SUFFIX(multiply_coarse_2)(p, begin, end);
  else SUFFIX(multiply_coarse_1)(p, begin, end);
}
