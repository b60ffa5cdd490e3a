/* SPDX-License-Identifier: MIT */
/* /dev/trampfd: the kernel's trampolines, see uapi/linux/trampfd.h. */
#ifndef TFD_DEVICE_H
#define TFD_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "trampfd.h"
#include "uapi/linux/trampfd.h"

/* A descriptor, and the kernel's number for it that identifies it.  The owner closes it. */
struct tfd_descriptor {
    int fd;      /* -1: none */
    int sealed;  /* what is mapped of it stays mapped */
    uint64_t id; /* TRAMPFD_IOC_ID */
};

/*
 * Look for the device, once: a program may restrict its own access to files later.  A process
 * without the device never looks again.
 */
void tfd_device_init(void);

/* Was the device there when this library was loaded?  No system call. */
int tfd_device_present(void);

/*
 * A new descriptor of `type` (TRAMPFD_USER, TRAMPFD_TABLE), close-on-exec, not one of the
 * low numbers that programs use themselves; sealed if `seal` is set and the kernel can do that.
 * Returns 0 or a negative errno, with the failed attempt under the name `source`; ENOTSUP: the
 * kernel's trampfd is of another version or lacks the type.
 */
int tfd_device_create(struct tfd_descriptor *descriptor, uint32_t type, int seal,
                      const char *source, struct trampfd_trail *trail);

/*
 * For a descriptor that is ours no longer: have the kernel make another one of what is mapped at
 * `address`.  Returns 0 or a negative errno; ESTALE: something else is mapped there.
 */
int tfd_device_attach(struct tfd_descriptor *descriptor, const void *address);

/* Is the descriptor still ours?  Programs close descriptors that they do not know. */
int tfd_descriptor_is_ours(const struct tfd_descriptor *descriptor);

/* Close it, if it is still ours. */
void tfd_descriptor_close(struct tfd_descriptor *descriptor);

/*
 * Set what `request` (TRAMPFD_IOC_SET_ALLOWED, ..._REGS, ..._STACK) takes: `size` bytes of data.
 * Returns 0 or a negative errno.
 */
int tfd_descriptor_set(const struct tfd_descriptor *descriptor, unsigned long request,
                       const void *data, size_t size);

/* Make `count` records from `first` on final.  Returns 0 or a negative errno. */
int tfd_descriptor_freeze(const struct tfd_descriptor *descriptor, unsigned first, unsigned count);

/* Restrict the descriptor to `count` code addresses permanently.  Returns 0 or a negative errno. */
int tfd_descriptor_allow(const struct tfd_descriptor *descriptor, const uint64_t *list,
                         unsigned count);

#endif
