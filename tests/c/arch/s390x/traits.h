/* SPDX-License-Identifier: MIT */
/* IBM Z: what tests must know of calling conventions. */
#ifndef TRAITS_H
#define TRAITS_H

/* libffi knows no other calling convention than the usual one. */
#define OTHER_ABI
#define OTHER_FFI_ABI FFI_SYSV

#endif
