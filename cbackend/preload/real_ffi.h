/* SPDX-License-Identifier: MIT */
/*
 * Stock libffi: the one that a caller would have reached if this library were not there.
 * A process can have several (libffi.so.8, an older one, copies linked into other objects), and
 * an ffi_cif must not go from one to another.
 */
#ifndef TFD_FFI_STOCK_H
#define TFD_FFI_STOCK_H

#include <stddef.h>
#include <ffi.h>

typedef void tfd_ffi_handler(ffi_cif *, void *, void **, void *);

/* Functions that the object does not export are NULL. */
struct tfd_stock {
    const void *object; /* lowest address of the object that holds it */
    void *(*alloc)(size_t, void **);
    void (*free)(void *);
    ffi_status (*prep)(ffi_closure *, ffi_cif *, tfd_ffi_handler *, void *, void *);
    ffi_status (*prep_cif)(ffi_cif *, ffi_abi, unsigned, ffi_type *, ffi_type **);
    ffi_status (*prep_go)(ffi_go_closure *, ffi_cif *, tfd_ffi_handler *);
};

/*
 * To be called by a constructor: these run in the thread that has the loader's lock, if any has, so
 * that the loader may be asked.  Returns whether a libffi was loaded with this library.
 */
int tfd_stock_begin(void);

/*
 * Find the libffi of the code at `caller`, which is there as long as the caller is.  Returns 0 or
 * -ENOENT.  Like the other functions here it waits for no constructor and no dlopen(3).
 */
int tfd_stock_of(const void *caller, struct tfd_stock *stock);

/* Find the libffi that has the code at `address` in it.  Returns 0 or -ENOENT. */
int tfd_stock_at(const void *address, struct tfd_stock *stock);

/*
 * May a closure that the code at `caller` allocates here be prepared by another libffi?  There are
 * several that export their functions, or the caller imports none for that.
 */
int tfd_stock_is_ambiguous(const void *caller);

/* Lowest address of the object that holds `address`, NULL when there is none. */
const void *tfd_object_of(const void *address);

#define TFD_OBJECT_NAME 512

/* Copy the name of that object.  Returns 0 or -ENOENT. */
int tfd_object_name(const void *address, char *name, size_t size);

/*
 * Of the port: the address in libffi to which the code leads that libffi wrote into `closure`;
 * NULL when there is no such code.
 */
const void *tfd_port_stock_target(const void *closure);

#endif
