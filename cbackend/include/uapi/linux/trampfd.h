/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * trampfd: trampolines whose context is kept by the kernel.
 *
 * A trampfd descriptor stands for one trampoline (TRAMPFD_USER) or for a block of them
 * (TRAMPFD_TABLE). The process asks for the descriptor, describes the trampoline by pwrite(2),
 * maps the descriptor, and calls the mapped address. What decides where a call goes is held by
 * the kernel; the process has no writable mapping of it.
 *
 * No store to the trampoline itself, and no kernel interface that writes process memory, can change
 * where it goes. Interfaces that act on descriptors (pwrite) or on mappings (munmap, mmap with
 * MAP_FIXED) can, also when a stray store makes the program pass them the wrong descriptor or
 * address. Seal the mapping with mseal(2), where the kernel has it (Linux 6.10), and lock the list
 * of allowed PCs.
 *
 * TRAMPFD_USER follows the first version of the trampfd proposal of July 2020: same structures,
 * field names, file positions, constants and checks. Parts marked [addition] are not in it.
 *
 * Rules for every structure: the layout is the same for 32-bit and 64-bit callers; fields called
 * "reserved" must be zero; unknown flags and non-zero reserved fields are refused with EINVAL.
 */
#ifndef _UAPI_LINUX_TRAMPFD_H
#define _UAPI_LINUX_TRAMPFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* ------------------------------------------------------------------ creation [addition] ------ *
 *
 * The proposal used a system call. No number is free on released kernels (its 440 is
 * process_madvise today and must not be probed), so descriptors come from a device:
 *
 *     dev = open("/dev/trampfd", O_RDWR | O_CLOEXEC);
 *     ioctl(dev, TRAMPFD_IOC_QUERY, &query);            which version and features
 *     fd = ioctl(dev, TRAMPFD_IOC_CREATE, &create);     a new descriptor, close-on-exec
 *
 * Any other request on /dev/trampfd, and any request but TRAMPFD_IOC_LOCK and TRAMPFD_IOC_ID on a
 * trampfd descriptor, gives ENOTTY.
 */
#define TRAMPFD_DEVICE			"/dev/trampfd"
#define TRAMPFD_VERSION			1
#define TRAMPFD_IOC_MAGIC		0xE9

/**
 * struct trampfd_query - what this kernel offers
 * @version: TRAMPFD_VERSION of the kernel; larger versions keep what smaller ones defined
 * @reserved: zero
 * @features: TRAMPFD_FEATURE_* bits
 * @max_slots: largest trampfd_table.nslots
 * @slot_size: bytes of code from one slot of a table to the next
 * @record_size: bytes from one record of a table to the next
 * @displacement: record 0 must be mapped this many bytes above slot 0
 *
 * Pass it zeroed: any non-zero byte gives EINVAL. An unreadable or unwritable pointer gives EFAULT.
 */
struct trampfd_query {
	__u32 version;
	__u32 reserved;
	__u64 features;
	__u32 max_slots;
	__u32 slot_size;
	__u32 record_size;
	__u32 displacement;
};

#define TRAMPFD_FEATURE_USER		(1ULL << 0)	/* TRAMPFD_USER can be created */
#define TRAMPFD_FEATURE_TABLE		(1ULL << 1)	/* TRAMPFD_TABLE can be created */
#define TRAMPFD_FEATURE_LOCK		(1ULL << 2)	/* TRAMPFD_IOC_LOCK */

/* Types of descriptor. */
#define TRAMPFD_USER			0
#define TRAMPFD_TABLE			1		/* [addition] */
#define TRAMPFD_NUM_TYPES		2

/**
 * struct trampfd_create - argument of TRAMPFD_IOC_CREATE
 * @type: TRAMPFD_USER or TRAMPFD_TABLE
 * @flags: zero
 * @data: address of struct trampfd_user or struct trampfd_table
 * @data_size: exactly the size of that structure
 * @reserved: zero
 *
 * Returns the new descriptor (close-on-exec, read/write, seekable). Errors, in this order:
 * EFAULT (argument unreadable), EINVAL (flags, reserved, null data, unknown type, data_size),
 * EOPNOTSUPP (32-bit caller, or processor without support), EFAULT (data unreadable), EINVAL
 * (flags, reserved or counts in data), EDQUOT (limit of descriptors per user), ENOMEM, EMFILE,
 * ENFILE.
 */
struct trampfd_create {
	__u32 type;
	__u32 flags;
	__u64 data;
	__u32 data_size;
	__u32 reserved;
};

#define TRAMPFD_IOC_QUERY		_IOWR(TRAMPFD_IOC_MAGIC, 0, struct trampfd_query)
#define TRAMPFD_IOC_CREATE		_IOW(TRAMPFD_IOC_MAGIC, 1, struct trampfd_create)

/*
 * On a trampfd descriptor: locks its list of allowed PCs for good (see TRAMPFD_ALLOWED_PCS_OFFSET).
 * EINVAL when there is no list, EPERM when something outside the list is stored already. Locking
 * twice is allowed.
 */
#define TRAMPFD_IOC_LOCK		_IO(TRAMPFD_IOC_MAGIC, 2)

/*
 * On a trampfd descriptor: stores its number (__u64, never zero, never used again while the module
 * is loaded). A library that keeps descriptors can tell by it that a program closed one it did not
 * know and that something else came on its place. EFAULT when the pointer cannot be written.
 */
#define TRAMPFD_IOC_ID			_IOR(TRAMPFD_IOC_MAGIC, 3, __u64)

/* ------------------------------------------------------------------ file positions ----------- *
 *
 * The position of pread(2), pwrite(2) and lseek(2) names a context; it does not count bytes.
 * read(2) and write(2) use the position set by lseek and never move it. lseek takes SEEK_SET only.
 * A null buffer, a count of zero, and a position that the type does not have give EINVAL. The
 * buffers of writev(2) and pwritev(2) are one write.
 *
 * Only a system call that writes at once may write: requests that io_uring or AIO take from a queue
 * in process memory, where a store can make one, give EPERM, and so do the kernel's own writes.
 * splice(2) and sendfile(2) give EINVAL.
 *
 *   position                       TRAMPFD_USER              TRAMPFD_TABLE
 *   TRAMPFD_MAP_OFFSET             read: trampfd_map         read: trampfd_table_map
 *   TRAMPFD_REGS_OFFSET            read/write: trampfd_regs  -
 *   TRAMPFD_STACK_OFFSET           read/write: trampfd_stack -
 *   TRAMPFD_ALLOWED_PCS_OFFSET     write: trampfd_values     read/write: trampfd_values
 *   TRAMPFD_RECORDS_OFFSET ...     -                         read/write: records, by byte
 */
#define TRAMPFD_MAP_OFFSET		0
#define TRAMPFD_REGS_OFFSET		1
#define TRAMPFD_STACK_OFFSET		2
#define TRAMPFD_ALLOWED_PCS_OFFSET	3
#define TRAMPFD_NUM_OFFSETS		4

/**
 * struct trampfd_map - how to map the descriptor
 * @size: length for mmap, bytes
 * @prot: protection for mmap; the kernel adds the right to execute by itself where it is due
 * @flags: flags for mmap
 * @offset: offset for mmap
 * @ioffset: add to the address that mmap returned to get the address to call
 * @reserved: zero
 *
 * Reading it takes a count of exactly its size (EINVAL otherwise).
 */
struct trampfd_map {
	__u32 size;
	__u32 prot;
	__u32 flags;
	__u32 offset;
	__u32 ioffset;
	__u32 reserved;
};

/**
 * struct trampfd_values - the list of allowed PCs
 * @nvalues: number of values, at most TRAMPFD_MAX_PCS (TRAMPFD_USER) or TRAMPFD_MAX_TABLE_PCS
 *	(TRAMPFD_TABLE) [addition]; zero removes the list (anything is allowed)
 * @reserved: zero
 * @values: user-space code addresses, none of them zero
 *
 * Written whole: count is 8 + 8 * nvalues. The list applies to what is written after it: a
 * register context (TRAMPFD_USER) or records (TRAMPFD_TABLE). It is not applied to what is stored
 * already, nor again when the trampoline is called. After TRAMPFD_IOC_LOCK [addition] the list can
 * neither be changed nor removed (EPERM), and everything stored is known to be in it.
 */
struct trampfd_values {
	__u32 nvalues;
	__u32 reserved;
	__u64 values[];
};

#define TRAMPFD_MAX_PCS			16
#define TRAMPFD_MAX_TABLE_PCS		256		/* [addition] */

/* ------------------------------------------------------------------ TRAMPFD_USER -------------- *
 *
 * One trampoline per descriptor, without any code: the mapping has no page. A call faults, the
 * kernel loads the registers of the register context in list order, pushes the bytes of the stack
 * context, and user space goes on at the PC register. No signal is involved.
 *
 * Mapping: one page with exactly the values of struct trampfd_map (PROT_NONE, MAP_PRIVATE, offset
 * 0), otherwise EINVAL; the address is a hint, unless MAP_FIXED or MAP_FIXED_NOREPLACE is added
 * [addition: the proposal refused them]. The same descriptor may be mapped many times.
 * Reading or writing the mapping, jumping to any byte but the first, and calling it before a
 * register context is set are SIGSEGV. mprotect is refused (EACCES), mremap too (EINVAL or EFAULT).
 * fork: the child inherits the descriptor, not the mapping; it may map the descriptor again. The
 * contexts belong to the descriptor: whoever has it, be it a child with fewer privileges, changes
 * them for all.
 * Closing the descriptor leaves mappings callable.
 */

/**
 * struct trampfd_user - creation data of TRAMPFD_USER
 * @flags: zero
 * @reserved: zero
 */
struct trampfd_user {
	__u32 flags;
	__u32 reserved;
};

/**
 * struct trampfd_reg - one register
 * @name: register name of the caller's architecture (TRAMPFD_REG_*)
 * @reserved: zero
 * @value: value to load
 */
struct trampfd_reg {
	__u32 name;
	__u32 reserved;
	__u64 value;
};

/**
 * struct trampfd_regs - register context
 * @nregs: number of registers, at most TRAMPFD_MAX_REGS; zero removes the context
 * @reserved: zero
 * @regs: registers; a name may come twice, the last one counts
 *
 * Written whole: count is 8 + 16 * nregs. EINVAL also when the PC is not named, is zero, is not a
 * user-space address [addition: the proposal did not look], or is not in the list of allowed PCs.
 * A call that is under way uses the old context or the new one, never a mixture.
 *
 * A read of 8 .. 8 + 16 * TRAMPFD_MAX_REGS bytes copies as much as there is and returns how many
 * bytes that was [addition: the proposal returned count]; without a context, a zeroed header.
 */
struct trampfd_regs {
	__u32 nregs;
	__u32 reserved;
	struct trampfd_reg regs[];
};

#define TRAMPFD_MAX_REGS		40

/**
 * struct trampfd_stack - stack context
 * @flags: TRAMPFD_SET_SP or zero
 * @offset: bytes left free between the data and the stack pointer, at most TRAMPFD_MAX_STACK_OFFSET
 * @size: bytes of data, at most TRAMPFD_MAX_DATA_SIZE; zero removes the context
 * @reserved: zero
 * @data: what to store
 *
 * Written whole: count is 16 + size. Read like struct trampfd_regs.
 *
 * The data goes to base = SP - offset - size. With TRAMPFD_SET_SP, base is first lowered to where
 * SP may be on entry of a function (x86-64: rounded down to 16, minus 8) and SP becomes base. A
 * store that fails is SIGSEGV with no register changed [addition: the proposal had changed them].
 * No red zone is kept: pass an offset of 128 or more where the x86-64 one is alive.
 */
struct trampfd_stack {
	__u32 flags;
	__u32 offset;
	__u32 size;
	__u32 reserved;
	__u8 data[];
};

#define TRAMPFD_MAX_DATA_SIZE		64
#define TRAMPFD_MAX_STACK_OFFSET	256
#define TRAMPFD_SET_SP			0x1
#define TRAMPFD_SFLAGS			TRAMPFD_SET_SP

/* Register names for x86, as the proposal numbers them. This version takes 64-bit callers only. */
enum trampfd_x86_reg {
	x32_eax, x32_ebx, x32_ecx, x32_edx, x32_esi, x32_edi, x32_ebp, x32_eip,
	x32_max,
	x64_rax = x32_max, x64_rbx, x64_rcx, x64_rdx, x64_rsi, x64_rdi, x64_rbp,
	x64_r8, x64_r9, x64_r10, x64_r11, x64_r12, x64_r13, x64_r14, x64_r15, x64_rip,
	x64_max,
};

/* ------------------------------------------------------------------ TRAMPFD_TABLE [addition] -- *
 *
 * A block of up to TRAMPFD_MAX_SLOTS trampolines that are called at full speed. The kernel provides
 * two mappings: immutable code (read and execute), and records (read only). Slot i does
 *
 *     endbr64; lea record_i(%rip), %r10; jmp *(%r10)
 *
 * so it jumps to the first 8 bytes of record i with the record's address in r10. All other
 * registers and the stack reach the target as they were. The other 56 bytes of a record are the
 * caller's own. A record that was never written is all zero; calling its slot is SIGSEGV (a jump
 * to address 0).
 *
 * Memory is laid out like the file: code at 0, records at TRAMPFD_RECORDS_OFFSET. To map:
 *
 *     pread(fd, &m, sizeof(m), TRAMPFD_MAP_OFFSET);               struct trampfd_table_map
 *     size = m.records.offset + m.records.size;
 *     base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
 *     mmap(base + m.code.offset, m.code.size, m.code.prot, m.code.flags | MAP_FIXED, fd,
 *          m.code.offset);
 *     mmap(base + m.records.offset, m.records.size, m.records.prot,
 *          m.records.flags | MAP_FIXED, fd, m.records.offset);
 *
 * Other lengths, offsets and protections, and MAP_SHARED, give EINVAL. PROT_READ is what is asked
 * for in both: the right to execute the code comes with the permission to open the device.
 * mprotect gives EACCES whatever is asked for; mremap and unmapping a part of a mapping give
 * EINVAL. The code mapping holds all TRAMPFD_MAX_SLOTS slots whatever nslots is.
 *
 * Writing records: pwrite(fd, buf, k * 64, TRAMPFD_RECORDS_OFFSET + 64 * i) sets records i ..
 * i+k-1. Position and count must be whole records inside nslots (EINVAL). The first 8 bytes of
 * each must be zero or a user-space address (EINVAL) and, when there is a list of allowed PCs, be
 * in it or zero (EPERM). ENOMEM or EDQUOT when a page of records cannot be had. On any error
 * nothing is stored. Each 8-byte word is stored at once, the first word of a record last: a slot
 * called meanwhile jumps to the old target or the new one. pread takes the same positions and
 * counts.
 *
 * Address spaces: the descriptor belongs to the address space that created it. It has its records
 * there until the last mapping of them is removed; with that they are gone and mmap, pread and
 * pwrite of records give EXDEV. fork copies: the child has its own records in its own mapping,
 * equal to the parent's at the time of the fork, and its writes through the inherited descriptor go
 * to its own. A child whose copy could not be had (memory or limit) gets SIGBUS when it calls. A
 * process that got the descriptor in another way (SCM_RIGHTS, a fork that did not inherit a records
 * mapping, exec) has none: EXDEV. The list of allowed PCs and its lock belong to the descriptor.
 */

/**
 * struct trampfd_table - creation data of TRAMPFD_TABLE
 * @flags: zero
 * @nslots: number of slots, 1 .. TRAMPFD_MAX_SLOTS
 * @reserved: zero
 */
struct trampfd_table {
	__u32 flags;
	__u32 nslots;
	__u64 reserved;
};

/**
 * struct trampfd_table_map - how to map a table
 * @code: the slots: slot i is at the mapped address + code.ioffset + i * slot_size
 * @records: the records: record i is at the mapped address + records.ioffset + i * record_size
 * @nslots: as created
 * @slot_size: TRAMPFD_SLOT_SIZE
 * @record_size: TRAMPFD_RECORD_SIZE
 * @reserved: zero
 *
 * Reading it takes a count of exactly its size (EINVAL otherwise).
 */
struct trampfd_table_map {
	struct trampfd_map code;
	struct trampfd_map records;
	__u32 nslots;
	__u32 slot_size;
	__u32 record_size;
	__u32 reserved;
};

/**
 * struct trampfd_record - one record
 * @entry: where the slot jumps to; zero: the slot is not in use
 * @words: the caller's own
 */
struct trampfd_record {
	__u64 entry;
	__u64 words[7];
};

#define TRAMPFD_MAX_SLOTS		4096
#define TRAMPFD_SLOT_SIZE		16
#define TRAMPFD_RECORD_SIZE		64
#define TRAMPFD_CODE_OFFSET		0
#define TRAMPFD_CODE_SIZE		(TRAMPFD_MAX_SLOTS * TRAMPFD_SLOT_SIZE)
#define TRAMPFD_RECORDS_OFFSET		TRAMPFD_CODE_SIZE

#if defined(__cplusplus) && __cplusplus >= 201103L
#define TRAMPFD_ASSERT(cond)		static_assert(cond, #cond)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TRAMPFD_ASSERT(cond)		_Static_assert(cond, #cond)
#else
#define TRAMPFD_ASSERT(cond)		extern int trampfd_assert_[(cond) ? 1 : -1]
#endif

TRAMPFD_ASSERT(sizeof(struct trampfd_query) == 32);
TRAMPFD_ASSERT(sizeof(struct trampfd_create) == 24);
TRAMPFD_ASSERT(sizeof(struct trampfd_map) == 24);
TRAMPFD_ASSERT(sizeof(struct trampfd_values) == 8);
TRAMPFD_ASSERT(sizeof(struct trampfd_user) == 8);
TRAMPFD_ASSERT(sizeof(struct trampfd_reg) == 16);
TRAMPFD_ASSERT(sizeof(struct trampfd_regs) == 8);
TRAMPFD_ASSERT(sizeof(struct trampfd_stack) == 16);
TRAMPFD_ASSERT(sizeof(struct trampfd_table) == 16);
TRAMPFD_ASSERT(sizeof(struct trampfd_table_map) == 64);
TRAMPFD_ASSERT(sizeof(struct trampfd_record) == TRAMPFD_RECORD_SIZE);
TRAMPFD_ASSERT(x64_r10 == 17 && x64_rip == 23 && x64_max == 24);

#endif /* _UAPI_LINUX_TRAMPFD_H */
