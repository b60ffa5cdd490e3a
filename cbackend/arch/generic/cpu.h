/* SPDX-License-Identifier: MIT */
/*
 * A CPU that nobody has written slots for: no closures are made, and programs go on with those of
 * their libffi.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 0
#define TFD_SLOT_SIZE 16
#define TFD_RECORD_WORDS 16
#define TFD_PORT_PAGE_MAX 65536
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 1

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

/* Nor need libffi have Go closures. */
#ifndef __ASSEMBLER__
#include <ffi.h>
#ifndef FFI_GO_CLOSURES
#define FFI_GO_CLOSURES 1

typedef struct {
    void *tramp;
    ffi_cif *cif;
    void (*fun)(ffi_cif *, void *, void **, void *);
} ffi_go_closure;

static inline ffi_status ffi_prep_go_closure(ffi_go_closure *closure, ffi_cif *cif,
                                             void (*fun)(ffi_cif *, void *, void **, void *))
{
    (void)closure;
    (void)cif;
    (void)fun;
    return FFI_BAD_ABI;
}
#endif
#endif

#endif
