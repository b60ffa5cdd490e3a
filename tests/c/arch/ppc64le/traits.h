/* SPDX-License-Identifier: MIT */
/* POWER: what tests must know of calling conventions. */
#ifndef TRAITS_H
#define TRAITS_H

/* libffi knows the usual calling convention with other sizes of long double, too. */
#define OTHER_ABI
#define OTHER_FFI_ABI FFI_LINUX

#endif
