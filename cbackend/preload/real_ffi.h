/* SPDX-License-Identifier: MIT */
/*
 * The real libffi: the one that a caller would have reached without this library.  A process can
 * have several (libffi.so.8, an older one, copies linked into other objects), and an ffi_cif must
 * not be passed from one to another.
 */
#ifndef TFD_REAL_FFI_H
#define TFD_REAL_FFI_H

#include <stddef.h>
#include <ffi.h>

typedef void tfd_ffi_handler(ffi_cif *, void *, void **, void *);

/* Functions that the object does not export are NULL. */
struct tfd_real_ffi {
    const void *object; /* lowest address of the object that contains it */
    void *(*alloc)(size_t, void **);
    void (*free)(void *);
    ffi_status (*prep)(ffi_closure *, ffi_cif *, tfd_ffi_handler *, void *, void *);
    ffi_status (*prep_cif)(ffi_cif *, ffi_abi, unsigned, ffi_type *, ffi_type **);
    ffi_status (*prep_go)(ffi_go_closure *, ffi_cif *, tfd_ffi_handler *);
};

/*
 * Look for the libffi that was loaded together with this library; returns whether there is one.
 * Must be called by a constructor: these run in the thread that has the loader's lock, if any has,
 * so that calling the loader is safe.
 */
int tfd_real_ffi_init(void);

/*
 * Find the libffi of the code at `caller`; it stays loaded as long as the caller does.  Returns 0
 * or -ENOENT.  Like the other functions here, it never waits for a constructor or a dlopen(3).
 */
int tfd_real_ffi_of(const void *caller, struct tfd_real_ffi *real);

/* Find the libffi that contains the code at `address`.  Returns 0 or -ENOENT. */
int tfd_real_ffi_at(const void *address, struct tfd_real_ffi *real);

/*
 * May a closure that the code at `caller` allocates here be prepared by another libffi?  That is so
 * if several export their functions, or if the caller does not import one to prepare closures.
 */
int tfd_real_ffi_is_ambiguous(const void *caller);

/* Lowest address of the object that contains `address`, or NULL. */
const void *tfd_object_of(const void *address);

#define TFD_OBJECT_NAME 512

/* Copy the name of that object.  Returns 0 or -ENOENT. */
int tfd_object_name(const void *address, char *name, size_t size);

#endif
