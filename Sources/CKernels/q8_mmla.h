// Many tokens times a panel with smmla (FEAT_I8MM), which multiplies eight columns of two rows with
// those of two tokens: half as many products as sdot takes. Included by q8_panels.h in place of its own
// store_levels and panel_times_tokens. Here a panel's levels are [row pair][4 times 8 columns][2 rows][8].

CK_INLINE_TARGET void store_levels(tile_levels *w, const level_kind kind, panel_block *out) {
  take_off_offsets(w, kind);
  CK_UNROLL for (int r = 0; r < 2; r++) {
    const vi *first = w->first + 2 * r, *last = w->last + 2 * r;
    VBITS(store)((vi *)out->level[4 * r], VI(unpacklo_epi64)(first[0], first[1]));
    VBITS(store)((vi *)out->level[4 * r + 1], VI(unpackhi_epi64)(first[0], first[1]));
    VBITS(store)((vi *)out->level[4 * r + 2], VI(unpacklo_epi64)(last[0], last[1]));
    VBITS(store)((vi *)out->level[4 * r + 3], VI(unpackhi_epi64)(last[0], last[1]));
  }
}

/// Bytes 8 * index ... of two tokens.
CK_INLINE_TARGET vi two_eights(const int8_t *a, const int8_t *b, int index) {
  const vi x = load_lane(a + index / 2 * 16), y = load_lane(b + index / 2 * 16);
  return index % 2 ? VI(unpackhi_epi64)(x, y) : VI(unpacklo_epi64)(x, y);
}

/// (a, b, a, b)
CK_INLINE_TARGET vf alternate(float a, float b) { 
  return vzip1q_f32(VI(set1_ps)(a), VI(set1_ps)(b));
}

/// Elements 0 and 1 (r = 0) or 2 and 3 (r = 1), each twice.
CK_INLINE_TARGET vf row_pair(const float *p, const int r) {
  const vf v = VI(load_ps)(p);
  return r ? vzip2q_f32(v, v) : vzip1q_f32(v, v);
}

/// `tiles` (1 or PANEL_TILES) tiles of a panel times `tokens` tokens (constants), `blocks` blocks. Sums
/// are of two rows and two tokens: (row 0, token 0), (row 0, token 1), (row 1, token 0), (row 1, token 1).
CK_INLINE_TARGET void panel_times_tokens(
  const ck_product *p, const panel_block *panel, size_t blocks, size_t start, size_t token,
  size_t row, const row_mask *rows, int last_time, const level_kind kind, const int planes,
  const int tiles, const int tokens
) {
  const int pairs = (tokens + 1) / 2;
  const ck_q8_block *x[SWEEP_TOKENS];
  vf sums[PANEL_TILES][SWEEP_TOKENS / 2][2];
  CK_UNROLL for (int t = 0; t < 2 * pairs; t++) {
    x[t] = activations(p, token + (size_t)(t < tokens ? t : 0), start);
  }
  CK_UNROLL for (int g = 0; g < tiles; g++) {
    CK_UNROLL for (int i = 0; i < pairs; i++) {
      vf own[2];
      CK_UNROLL for (int k = 0; k < 2; k++) {
        const size_t t = token + (size_t)(2 * i + k < tokens ? 2 * i + k : 0);
        const float *out = p->out + t * p->out_stride + row + TILE * (size_t)g;
        own[k] = start == 0 ? VI(setzero_ps)() : load_rows(out, rows[g]);
      }
      sums[g][i][0] = vzip1q_f32(own[0], own[1]);
      sums[g][i][1] = vzip2q_f32(own[0], own[1]);
    }
  }
  for (size_t b = 0; b < blocks; b++) {
    const panel_block *w = panel + b;
    CK_UNROLL for (int half = 0; half < (kind.halves ? 2 : 1); half++) {
      const int from = kind.halves ? 2 * half : 0, count = kind.halves ? 2 : 4;
      vi dots[PANEL_TILES][SWEEP_TOKENS / 2][2];
      CK_UNROLL for (int plane = 0; plane < planes; plane++) {
        CK_UNROLL for (int g = 0; g < tiles; g++) {
          CK_UNROLL for (int i = 0; i < pairs; i++) {
            CK_UNROLL for (int r = 0; r < 2; r++) {
              dots[g][i][r] = plane ? VI(slli_epi32)(dots[g][i][r], 8) : VBITS(setzero)();
            }
          }
        }
        CK_UNROLL for (int j = from; j < from + count; j++) {
          CK_UNROLL for (int i = 0; i < pairs; i++) {
            const vi v = two_eights(
              plane_of(block_at(x[2 * i], b, planes), plane),
              plane_of(block_at(x[2 * i + 1], b, planes), plane), j);
            CK_UNROLL for (int g = 0; g < tiles; g++) {
              CK_UNROLL for (int r = 0; r < 2; r++) {
                const vi levels = VBITS(load)((const vi *)w[g * PANEL_BLOCKS].level[4 * r + j]);
                dots[g][i][r] = neon_mmla(dots[g][i][r], levels, v);
              }
            }
          }
        }
      }
      CK_UNROLL for (int i = 0; i < pairs; i++) {
        const vf d =
          alternate(block_at(x[2 * i], b, planes)->d, block_at(x[2 * i + 1], b, planes)->d);
        CK_UNROLL for (int g = 0; g < tiles; g++) {
          const panel_block *own = w + g * PANEL_BLOCKS;
          CK_UNROLL for (int r = 0; r < 2; r++) {
            const vf scale = VI(mul_ps)(row_pair(half ? own->other : own->scale, r), d);
            sums[g][i][r] = VI(fmadd_ps)(VI(cvtepi32_ps)(dots[g][i][r]), scale, sums[g][i][r]);
          }
        }
      }
    }
    CK_UNROLL for (int i = 0; kind.minimum && i < pairs; i++) {
      const vf ds =
        alternate(block_at(x[2 * i], b, planes)->ds, block_at(x[2 * i + 1], b, planes)->ds);
      CK_UNROLL for (int g = 0; g < tiles; g++) {
        CK_UNROLL for (int r = 0; r < 2; r++) {
          const vf m = row_pair(w[g * PANEL_BLOCKS].other, r);
          sums[g][i][r] = VI(fmadd_ps)(m, ds, sums[g][i][r]);
        }
      }
    }
  }
  CK_UNROLL for (int g = 0; g < tiles; g++) {
    CK_UNROLL for (int t = 0; t < tokens; t++) {
      const vf a = sums[g][t / 2][0], b = sums[g][t / 2][1];
      const vf own = t % 2 ? vuzp2q_f32(a, b) : vuzp1q_f32(a, b);
      store_row(p, token + (size_t)t, row + TILE * (size_t)g, rows[g], last_time, own);
    }
  }
}
