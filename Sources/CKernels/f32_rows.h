// Float products of weights in any format: rows are unpacked into scratch a group at a time.
// Included by a file that defines ROWS, CK_NAME(name), the instruction set's function of that name, and
// CK_TARGET, its attributes.
CK_TARGET void CK_NAME(ck_multiply_f32)(
  const ck_product *p, size_t begin, size_t end, void *scratch
) {
  const uint8_t *weights = (const uint8_t *)p->weights + begin * p->row_bytes;
  if (p->type == CK_F32) {
    CK_NAME(ck_gemm_f32_f32)(p, begin, end, (const float *)weights, p->row_bytes / sizeof(float));
    return;
  }
  float *floats = scratch;
  const size_t stride = (p->columns + 15) / 16 * 16;
  const size_t room = ck_scratch_bytes(p->columns) / sizeof(float) / stride / ROWS * ROWS;
  const size_t group = p->tokens > 4 ? room : ROWS;
  for (size_t row = begin; row < end; row += group) {
    const size_t limit = row + group < end ? row + group : end;
    for (size_t r = row; r < limit; r++, weights += p->row_bytes) {
      CK_NAME(ck_dequantize_row)(p->type, weights, p->columns, floats + (r - row) * stride);
    }
    CK_NAME(ck_gemm_f32_f32)(p, row, limit, floats, stride);
  }
}
