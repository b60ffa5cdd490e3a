/* SPDX-License-Identifier: MIT */
/* 32-bit Arm: what tests must know of calling conventions. */
#ifndef TRAITS_H
#define TRAITS_H

/* Functions of the calling convention without vector registers, which libffi knows besides the usual
   one. */
#define OTHER_ABI __attribute__((pcs("aapcs")))
#define OTHER_FFI_ABI FFI_SYSV

#endif
