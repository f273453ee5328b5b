// Products of bytes half a panel, 16 rows, at a time, for instruction sets whose registers hold no more.
// Included by a file that defines `tile`, CK_TOKENS (4 or 6), CK_I8_MULTIPLY, the function's name, and
// CK_TARGET, its attributes.
#define CASE(n)                                                                                    \
  case n:                                                                                          \
    tile(                                                                                          \
      n, ws, scales, x, stride, words, p->x_facts + t * sections + s, sections,                    \
      p->bias ? p->bias + row : 0, s == 0 && !p->adds, p->out + t * p->out_stride + row,           \
      p->out_stride, rows);                                                                        \
    break;

CK_TARGET void CK_I8_MULTIPLY(
  const ck_i8_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end
) {
  const size_t stride = ck_i8_stride(p->columns), sections = ck_i8_sections(p->columns);
  for (size_t half = 2 * panel; half < 2 * panel_end; half++) {
    const size_t row = half * 16;
    if (row >= p->rows) return;
    const size_t rows = p->rows - row < 16 ? p->rows - row : 16;
    const size_t top = half / 2 * CK_I8_ROWS, inside = half % 2 * 16;
    for (size_t s = 0; s < sections; s++) {
      const size_t begin = s * CK_I8_SECTION;
      const size_t words = (ck_i8_section_end(begin, p->columns) - begin + 3) / 4;
      const int8_t *ws = p->weights + top * stride + begin * CK_I8_ROWS + 4 * inside;
      const float *scales = p->weight_scales + (top * sections + s * CK_I8_ROWS) + inside;
      for (size_t t = token; t < token_end;) {
        const size_t now = token_end - t < CK_TOKENS ? token_end - t : CK_TOKENS;
        const int8_t *x = p->x + t * stride + begin;
        switch (now) {
          CASE(1) CASE(2) CASE(3) CASE(4)
#if CK_TOKENS > 4
          CASE(5) CASE(6)
#endif
        }
        t += now;
      }
    }
  }
}
