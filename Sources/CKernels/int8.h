// Shared by the kernels of weights as bytes; not part of the module.
#ifndef CK_INT8_INTERNAL_H
#define CK_INT8_INTERNAL_H

#include "ck_int8.h"
#include "internal.h"

CK_INLINE size_t ck_i8_section_end(size_t begin, size_t columns) {
  return columns - begin < CK_I8_SECTION ? columns : begin + CK_I8_SECTION;
}

#define CK_I8_DECLARE(name) \
  void name(const ck_i8_product *p, size_t panel, size_t panel_end, size_t token, size_t token_end);

#if defined(__x86_64__)
CK_I8_DECLARE(ck_i8_multiply_avx2)
CK_I8_DECLARE(ck_i8_multiply_avxvnni)
CK_I8_DECLARE(ck_i8_multiply_avx512)
#elif defined(__aarch64__)
CK_I8_DECLARE(ck_i8_multiply_neon)
CK_I8_DECLARE(ck_i8_multiply_dotprod)
#endif

#endif
