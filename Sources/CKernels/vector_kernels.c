// Instantiates the float kernels for each instruction set and chooses a table at run time.
// The bodies lie in elementwise_body.h, storing_body.h, rotate_body.h, attention_body.h and coarsen_body.h.

#include "ck_vector.h"

#pragma clang fp contract(off)
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_TABLE                                                                                 \
  {                                                                                              \
      .rms_norm = CK_(rms_norm),                                                                 \
      .layer_norm = CK_(layer_norm),                                                             \
      .add = CK_(add),                                                                           \
      .add_scaled = CK_(add_scaled),                                                             \
      .scale = CK_(scale),                                                                       \
      .silu_multiply = CK_(silu_multiply),                                                       \
      .gelu_tanh_multiply = CK_(gelu_tanh_multiply),                                             \
      .clamped_swiglu = CK_(clamped_swiglu),                                                     \
      .gelu_erf = CK_(gelu_erf),                                                                 \
      .soft_cap = CK_(soft_cap),                                                                 \
      .exp = CK_(exp),                                                                           \
      .dot = CK_(dot),                                                                           \
      .rope_neighbours = CK_(rope_neighbours),                                                   \
      .rope_halves = CK_(rope_halves),                                                           \
      .store_q8 = CK_(store_q8),                                                                 \
      .store_q16 = CK_(store_q16),                                                               \
      .transpose = CK_(transpose),                                                               \
      .hadamard = CK_(hadamard),                                                                 \
      .rotate_q8 = CK_(rotate_q8),                                                               \
      .coarsen = CK_(coarsen),                                                                   \
      .attend = CK_(attend),                                                                     \
      .attend_segment = CK_(attend_segment),                                                     \
      .merge = CK_(merge),                                                                       \
  }

#define CK_ISA 0
#define CK_(name) ck_##name##_ref
#include "vector_math.h"
#include "half.h"
#include "elementwise_body.h"
#include "storing_body.h"
#include "rotate_body.h"
#include "attention_body.h"
#include "coarsen_body.h"
static const ck_vector_kernels table_ref = CK_TABLE;
#undef CK_
#undef CK_ISA
#include "body_undef.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define CK_ISA 1
#define CK_(name) ck_##name##_avx2
#pragma clang attribute push(__attribute__((target("avx,avx2,fma,f16c"))), apply_to = function)
#include "vector_math.h"
#include "half.h"
#include "elementwise_body.h"
#include "storing_body.h"
#include "rotate_body.h"
#include "attention_body.h"
#include "coarsen_body.h"
#pragma clang attribute pop
static const ck_vector_kernels table_avx2 = CK_TABLE;
#undef CK_
#undef CK_ISA
#include "body_undef.h"

#define CK_ISA 2
#define CK_(name) ck_##name##_avx512
#pragma clang attribute push( \
    __attribute__((target("avx,avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
    apply_to = function)
#include "vector_math.h"
#include "half.h"
#include "elementwise_body.h"
#include "storing_body.h"
#include "rotate_body.h"
#include "attention_body.h"
#include "coarsen_body.h"
#pragma clang attribute pop
static const ck_vector_kernels table_avx512 = CK_TABLE;
#undef CK_
#undef CK_ISA

#elif defined(__aarch64__)
#include <arm_neon.h>

// Four registers for each sixteen floats. NEON is part of arm64, so the compiler makes the same of the
// reference; what differs is the conversion of halves.
#define CK_ISA 3
#define CK_(name) ck_##name##_neon
#include "vector_math.h"
#include "half.h"
#include "elementwise_body.h"
#include "storing_body.h"
#include "rotate_body.h"
#include "attention_body.h"
#include "coarsen_body.h"
static const ck_vector_kernels table_neon = CK_TABLE;
#undef CK_
#undef CK_ISA
#endif

const ck_vector_kernels *ck_vector_kernels_for(ck_isa isa) {
  if (isa == ck_isa_ref) return &table_ref;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (isa == ck_isa_avx2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                   __builtin_cpu_supports("f16c")
               ? &table_avx2
               : NULL;
  if (isa == ck_isa_avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vnni")
               ? &table_avx512
               : NULL;
#elif defined(__aarch64__)
  if (isa == ck_isa_neon) return &table_neon;
#endif
  return NULL;
}
