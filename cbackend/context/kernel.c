/* SPDX-License-Identifier: MIT */
/*
 * The backend "trampfd-user": one descriptor of type TRAMPFD_USER and one mapping of it for each
 * trampoline.  Contexts are written to the descriptor at the positions that the proposal gave them.
 */
#define _GNU_SOURCE
#include "backend.h"
#include "context.h"
#include "uapi/linux/trampfd.h"

#include "../trampoline/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The structures of the interface with room for the most that they may hold. */
union registers {
    struct trampfd_regs regs;
    char room[sizeof(struct trampfd_regs) + TRAMPFD_MAX_REGS * sizeof(struct trampfd_reg)];
};

union stack {
    struct trampfd_stack stack;
    char room[sizeof(struct trampfd_stack) + TRAMPFD_MAX_DATA_SIZE];
};

union values {
    struct trampfd_values values;
    char room[sizeof(struct trampfd_values) + TRAMPFD_MAX_PCS * sizeof(uint64_t)];
};

static int refuse(struct trampfd_trail *trail, const char *call, int error)
{
    return tfd_trail_add(trail, tfd_context_kernel.name, call, error);
}

static int check_features(int device, int locks, struct trampfd_trail *trail)
{
    const uint64_t needed = TRAMPFD_FEATURE_USER | (locks ? TRAMPFD_FEATURE_LOCK : 0);
    struct trampfd_query query = {0};

    if (ioctl(device, TRAMPFD_IOC_QUERY, &query))
        return refuse(trail, "TRAMPFD_IOC_QUERY", errno);
    if (query.version < TRAMPFD_VERSION || (query.features & needed) != needed)
        return refuse(trail, "version and features of the kernel's trampfd", EOPNOTSUPP);
    return 0;
}

/* A new descriptor (close-on-exec), or a negative errno. */
static int create_descriptor(int locks, struct trampfd_trail *trail)
{
    const struct trampfd_user user = {0};
    struct trampfd_create create = {
        .type = TRAMPFD_USER,
        .data = (uintptr_t)&user,
        .data_size = sizeof(user),
    };
    int device = open(TRAMPFD_DEVICE, O_RDWR | O_CLOEXEC);
    int fd;

    if (device < 0)
        return refuse(trail, "open " TRAMPFD_DEVICE, errno);
    fd = check_features(device, locks, trail);
    if (!fd) {
        fd = ioctl(device, TRAMPFD_IOC_CREATE, &create);
        if (fd < 0)
            fd = refuse(trail, "TRAMPFD_IOC_CREATE", errno);
    }
    close(device);
    return fd;
}

static int write_context(int fd, const void *data, size_t size, off_t position)
{
    return pwrite(fd, data, size, position) < 0 ? -errno : 0;
}

static int write_allowed(int fd, const struct trampfd_allowed *allowed)
{
    union values list = {.values = {.nvalues = allowed->npcs}};

    for (unsigned i = 0; i < allowed->npcs; i++)
        list.values.values[i] = (uintptr_t)allowed->pcs[i];
    return write_context(fd, &list, sizeof(list.values) + allowed->npcs * sizeof(uint64_t),
                         TRAMPFD_ALLOWED_PCS_OFFSET);
}

static int write_registers(int fd, const struct trampfd_context *context)
{
    union registers list = {.regs = {.nregs = context->nregs + 1}};

    for (unsigned i = 0; i < context->nregs; i++)
        list.regs.regs[i] = (struct trampfd_reg){
            .name = tfd_register_of_name(context->regs[i].name)->number,
            .value = context->regs[i].value,
        };
    list.regs.regs[context->nregs] =
        (struct trampfd_reg){.name = tfd_port_pc, .value = (uintptr_t)context->pc};
    return write_context(fd, &list,
                         sizeof(list.regs) + list.regs.nregs * sizeof(struct trampfd_reg),
                         TRAMPFD_REGS_OFFSET);
}

static int write_stack(int fd, const struct trampfd_context *context)
{
    union stack data = {
        .stack =
            {
                .flags = context->stack_flags,
                .offset = context->stack_offset,
                .size = context->stack_size,
            },
    };

    memcpy(data.stack.data, context->stack_data, context->stack_size);
    return write_context(fd, &data, sizeof(data.stack) + context->stack_size,
                         TRAMPFD_STACK_OFFSET);
}

static int write_contexts(int fd, const struct trampfd_context *context,
                          const struct trampfd_allowed *allowed, struct trampfd_trail *trail)
{
    int error = allowed ? write_allowed(fd, allowed) : 0;

    if (error)
        return refuse(trail, "pwrite allowed PCs", -error);
    error = write_registers(fd, context);
    if (error)
        return refuse(trail, "pwrite registers", -error);
    error = context->stack_size ? write_stack(fd, context) : 0;
    if (error)
        return refuse(trail, "pwrite stack", -error);
    if (allowed && ioctl(fd, TRAMPFD_IOC_LOCK))
        return refuse(trail, "TRAMPFD_IOC_LOCK", errno);
    return 0;
}

static int map(struct trampfd_trampoline *trampoline, int fd, struct trampfd_trail *trail)
{
    struct trampfd_map map;
    void *start;

    if (pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) < 0)
        return refuse(trail, "pread map parameters", errno);
    start = mmap(NULL, map.size, (int)map.prot, (int)map.flags, fd, (off_t)map.offset);
    if (start == MAP_FAILED)
        return refuse(trail, "mmap", errno);
    trampoline->kernel.start = start;
    trampoline->kernel.size = map.size;
    trampoline->address = (char *)start + map.ioffset;
    return 0;
}

static int make(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                struct trampfd_trail *trail)
{
    int fd = create_descriptor(allowed != NULL, trail);
    int error;

    if (fd < 0)
        return fd;
    error = write_contexts(fd, &trampoline->wanted, allowed, trail);
    if (!error)
        error = map(trampoline, fd, trail);
    if (error) {
        close(fd);
        return error;
    }
    trampoline->kernel.fd = fd;
    trampoline->kernel.owner = getpid();
    return 0;
}

static int is_mapped_here(const struct trampfd_trampoline *trampoline)
{
    return trampoline->kernel.owner == getpid();
}

/* In a fork's child the addresses may be somebody else's by now. */
static void unmake(struct trampfd_trampoline *trampoline)
{
    if (is_mapped_here(trampoline))
        munmap(trampoline->kernel.start, trampoline->kernel.size);
    close(trampoline->kernel.fd);
}

/* A program may have closed the descriptor, and another file may have come in its place. */
static int read_registers(int fd, struct trampfd_context *found)
{
    union registers list;
    ssize_t size = pread(fd, &list, sizeof(list), TRAMPFD_REGS_OFFSET);

    if (size < 0)
        return -errno;
    if ((size_t)size < sizeof(list.regs)
        || (size_t)size != sizeof(list.regs) + list.regs.nregs * sizeof(struct trampfd_reg))
        return -EBADMSG;
    for (unsigned i = 0; i < list.regs.nregs; i++) {
        const struct trampfd_reg *read = &list.regs.regs[i];
        const struct tfd_register *reg = tfd_register_of_number(read->name);

        if (reg)
            tfd_context_set(found, reg->name, read->value);
        else if (read->name == tfd_port_pc)
            found->pc = (void *)(uintptr_t)read->value;
        else
            return -EBADMSG;
    }
    return 0;
}

static int read_stack(int fd, struct trampfd_context *found)
{
    union stack data;
    ssize_t size = pread(fd, &data, sizeof(data), TRAMPFD_STACK_OFFSET);

    if (size < 0)
        return -errno;
    if ((size_t)size < sizeof(data.stack) || (size_t)size != sizeof(data.stack) + data.stack.size)
        return -EBADMSG;
    found->stack_flags = data.stack.flags;
    found->stack_offset = data.stack.offset;
    found->stack_size = data.stack.size;
    memcpy(found->stack_data, data.stack.data, data.stack.size);
    return 0;
}

static int read_back(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                     struct trampfd_report *report)
{
    int error;

    (void)report; /* the kernel holds nothing but contexts */
    if (!is_mapped_here(trampoline))
        return -EXDEV;
    memset(found, 0, sizeof(*found));
    error = read_registers(trampoline->kernel.fd, found);
    return error ? error : read_stack(trampoline->kernel.fd, found);
}

const struct tfd_context_backend tfd_context_kernel = {
    .name = "trampfd-user",
    .make = make,
    .unmake = unmake,
    .read = read_back,
};
