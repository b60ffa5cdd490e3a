/* SPDX-License-Identifier: MIT */
/* i386: what tests must know of calling conventions. */
#ifndef TRAITS_H
#define TRAITS_H

/* Functions of another calling convention that libffi knows besides the usual one. */
#define OTHER_ABI __attribute__((stdcall))
#define OTHER_FFI_ABI FFI_STDCALL

#endif
