/// CKernels: the SIMD loops of Carrel, and the few system calls its worker threads need.
///
/// Every kernel is named by what it multiplies and ends with the instruction set it is written for;
/// `_ref` is the scalar definition the others must equal bit for bit.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_coarse.h"
#include "ck_codes.h"
#include "ck_formats.h"
#include "ck_int8.h"
#include "ck_matmul.h"
#include "ck_sha256.h"
#include "ck_system.h"
#include "ck_vector.h"

#endif
