// Many tokens times quantised weights: panels of [block][8][TILE rows][4 levels], then scales, and minimums or
// second scales. Included by q8_kernels.h.
#include "q8_tiles.h"

typedef struct {
  uint8_t level[8][4 * TILE];
  float scale[TILE];
  float other[TILE];
} panel_block;

/// Where PANELS_WITHOUT_OFFSETS, the levels of a panel are signed bytes: this makes them so.
CK_INLINE_TARGET void take_off_offsets(tile_levels *w, const level_kind kind) {
#if PANELS_WITHOUT_OFFSETS
  CK_UNROLL for (int a = 0; a < 4 && kind.shift >= 0; a++) {
    w->first[a] = VI(sub_epi8)(w->first[a], VI(set1_epi8)(8 << kind.shift));
    w->last[a] = VI(sub_epi8)(w->last[a], VI(set1_epi8)(8 << kind.shift));
  }
#endif
  (void)w, (void)kind;
}

#ifdef NEON_MMLA
#include "q8_mmla.h"
#else

CK_INLINE_TARGET void store_levels(tile_levels *w, const level_kind kind, panel_block *out) {
  take_off_offsets(w, kind);
  transpose_lanes(w->first);
  transpose_lanes(w->last);
  CK_UNROLL for (int j = 0; j < 4; j++) {
    VBITS(store)((vi *)out->level[j], w->first[j]);
    VBITS(store)((vi *)out->level[j + 4], w->last[j]);
  }
}

/// `tiles` (1 or PANEL_TILES) tiles of a panel times `tokens` tokens (constants), `blocks` blocks.
CK_INLINE_TARGET void panel_times_tokens(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t token,
  size_t row, const row_mask *rows, int last_time, const level_kind kind, const int planes,
  const int tiles, const int tokens
) {
  const ck_q8_block *x[SWEEP_TOKENS];
  vf sums[PANEL_TILES][SWEEP_TOKENS];
  CK_UNROLL for (int t = 0; t < tokens; t++) {
    x[t] = activations(p, token + (size_t)t, start);
    CK_UNROLL for (int g = 0; g < tiles; g++) {
      const float *out = p->out + (token + (size_t)t) * p->out_stride + row + TILE * (size_t)g;
      sums[g][t] = start == 0 ? VI(setzero_ps)() : load_rows(out, rows[g]);
    }
  }
  for (size_t b = 0; b < blocks; b++) {
    const panel_block *w = panel + b;
    CK_UNROLL for (int half = 0; half < (kind.halves ? 2 : 1); half++) {
      const int from = kind.halves ? 4 * half : 0, count = kind.halves ? 4 : 8;
      vi dots[PANEL_TILES][SWEEP_TOKENS], pairs[PANEL_TILES][SWEEP_TOKENS];
      CK_UNROLL for (int t = 0; t < tokens; t++) {
        const ck_q8_block *const block = block_at(x[t], b, planes);
        vi offset = VBITS(setzero)();
        if (planes == 1 && kind.shift >= 0) offset = correction(block, kind, kind.halves ? half : -1);
        CK_UNROLL for (int g = 0; g < tiles; g++) dots[g][t] = offset;
      }
      CK_UNROLL for (int j = 0; j < count; j++) {
        vi levels[PANEL_TILES];
        CK_UNROLL for (int g = 0; g < tiles; g++) {
          levels[g] = VBITS(load)((const vi *)w[g * PANEL_BLOCKS].level[from + j]);
        }
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          const vi v = every_word(plane_of(block_at(x[t], b, planes), 0), from + j);
          CK_UNROLL for (int g = 0; g < tiles; g++) {
            dots[g][t] = dot_step(kind, j, count, levels[g], v, &pairs[g][t], dots[g][t]);
          }
        }
      }
      CK_UNROLL for (int t = 0; t < (planes == 2 ? tokens : 0); t++) {
        const ck_q8_block *const block = block_at(x[t], b, planes);
        vi offset = VBITS(setzero)();
        if (kind.shift >= 0) offset = correction(block, kind, kind.halves ? half : -1);
        CK_UNROLL for (int g = 0; g < tiles; g++) {
          dots[g][t] = VI(add_epi32)(VI(slli_epi32)(dots[g][t], 8), offset);
        }
        if (!has_low(block)) continue;
        CK_UNROLL for (int j = 0; j < count; j++) {
          const vi v = every_word(plane_of(block, 1), from + j);
          CK_UNROLL for (int g = 0; g < tiles; g++) {
            const vi levels = VBITS(load)((const vi *)w[g * PANEL_BLOCKS].level[from + j]);
            dots[g][t] = dot_step(kind, j, count, levels, v, &pairs[g][t], dots[g][t]);
          }
        }
      }
      CK_UNROLL for (int g = 0; g < tiles; g++) {
        const vf scale =
          VI(load_ps)(half ? w[g * PANEL_BLOCKS].other : w[g * PANEL_BLOCKS].scale);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          sums[g][t] = scaled(dots[g][t], scale, block_at(x[t], b, planes)->d, sums[g][t]);
        }
      }
    }
    if (kind.minimum) {
      CK_UNROLL for (int g = 0; g < tiles; g++) {
        const vf m = VI(load_ps)(w[g * PANEL_BLOCKS].other);
        CK_UNROLL for (int t = 0; t < tokens; t++) {
          const vf ds = VI(set1_ps)(block_at(x[t], b, planes)->ds);
          sums[g][t] = VI(fmadd_ps)(m, ds, sums[g][t]);
        }
      }
    }
  }
  CK_UNROLL for (int g = 0; g < tiles; g++) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      store_row(p, token + (size_t)t, row + TILE * (size_t)g, rows[g], last_time, sums[g][t]);
    }
  }
}

#endif

/// All tokens over one panel.
CK_INLINE_TARGET void sweep_panel(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const row_mask *rows, int last_time, const level_kind kind, const int planes, const int tiles
) {
  size_t token = 0;
#define SWEEP(count) \
  for (; token + (count) <= p->tokens; token += (count)) { \
    panel_times_tokens( \
      p, panel, blocks, start, token, row, rows, last_time, kind, planes, tiles, count); \
  }
  SWEEP(SWEEP_TOKENS)
  SWEEP(2)
  SWEEP(1)
#undef SWEEP
}

#define SWEEP_FUNCTION(name, kind, planes) \
  CK_TARGET static void sweep_##name( \
    const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row, \
    const row_mask *rows, int tiles, int last_time \
  ) { \
    if (PANEL_TILES > 1 && tiles > 1) { \
      sweep_panel( \
        p, panel, blocks, start, row, rows, last_time, kind, planes, PANEL_TILES); \
    } else { \
      sweep_panel(p, panel, blocks, start, row, rows, last_time, kind, planes, 1); \
    } \
  }

//                                       shift min halves signed room
static const level_kind minimum4 = {-1, 1, 0, 0, 8}, offset8 = {0, 0, 0, 0, 8};
static const level_kind minimum5 = {-1, 1, 0, 0, 4}, offset16 = {1, 0, 0, 0, 4};
static const level_kind halves8 = {0, 0, 1, 0, 8}, halves32 = {2, 0, 1, 0, 2};
static const level_kind signed8 = {SIGNED_LEVELS ? -1 : 4, 0, 0, SIGNED_LEVELS, 1};

#define SWEEP_FUNCTIONS(kind) SWEEP_FUNCTION(kind##_1, kind, 1) SWEEP_FUNCTION(kind##_2, kind, 2)
SWEEP_FUNCTIONS(minimum4)
SWEEP_FUNCTIONS(signed8)
#if PANELS_WITHOUT_OFFSETS
static const level_kind halves = {-1, 0, 1, 0, 0};
SWEEP_FUNCTION(halves32_1, halves, 1)
SWEEP_FUNCTION(halves32_2, halves, 2)
#define sweep_halves8_1 sweep_halves32_1
#define sweep_halves8_2 sweep_halves32_2
#define sweep_offset8_1 sweep_signed8_1
#define sweep_offset8_2 sweep_signed8_2
#define sweep_offset16_1 sweep_signed8_1
#define sweep_offset16_2 sweep_signed8_2
#else
SWEEP_FUNCTIONS(offset8)
SWEEP_FUNCTIONS(offset16)
SWEEP_FUNCTIONS(halves8)
SWEEP_FUNCTIONS(halves32)
#endif
#ifdef CK_DOT
#define sweep_minimum5_1 sweep_minimum4_1
#define sweep_minimum5_2 sweep_minimum4_2
#else
SWEEP_FUNCTIONS(minimum5)
#endif

typedef void (*unpack_function)(
  const uint8_t *w, size_t stride, size_t start, size_t blocks, panel_block *out);
typedef void (*sweep_function)(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t row,
  const row_mask *rows, int tiles, int last_time);

/// Where a tile that should begin at `row` is read, and which of its rows are wanted: tiles that
/// reach past the last row are moved up.
#define TILE_AT(row) \
  const size_t at = (row) + TILE <= p->rows ? (row) : p->rows - TILE; \
  const size_t skip = (row) - at; \
  const size_t wanted = end - (row) < TILE - skip ? end - (row) : TILE - skip; \
  const row_mask mask = rows_of(skip, wanted);

CK_TARGET static void gemm(
  const ck_product *p, size_t begin, size_t end, panel_block *panel, unpack_function unpack,
  sweep_function sweep
) {
  const size_t stride = p->row_bytes, blocks = p->columns / CK_BLOCK;
  for (size_t start = 0; start < blocks; start += PANEL_BLOCKS) {
    const size_t count = blocks - start < PANEL_BLOCKS ? blocks - start : PANEL_BLOCKS;
    size_t row = begin;
    while (row < end) {
      TILE_AT(row)
      const uint8_t *w = (const uint8_t *)p->weights + at * stride;
      // Two tiles when both are whole; a moved tile stands alone.
      const int tiles =
        PANEL_TILES == 2 && skip == 0 && row + 2 * TILE <= p->rows && end - row > TILE ? 2 : 1;
      row_mask masks[2] = {mask, mask};
      unpack(w, stride, start, count, panel);
      if (tiles == 2) {
        const size_t left = end - row - TILE;
        masks[1] = rows_of(0, left < TILE ? left : TILE);
        unpack(w + TILE * stride, stride, start, count, panel + PANEL_BLOCKS);
      }
      sweep(p, panel, count, start, at, masks, tiles, start + count == blocks);
      row += tiles == 2 ? 2 * TILE : wanted;
    }
  }
}
