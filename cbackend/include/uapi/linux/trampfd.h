/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * trampfd: trampolines whose context is kept by the kernel.
 *
 * A trampfd descriptor stands for one trampoline (TRAMPFD_USER) or for a block of them
 * (TRAMPFD_TABLE). The process asks for the descriptor, describes the trampoline by ioctl(2), maps
 * the descriptor, and calls the mapped address. What decides where a call goes is held by the
 * kernel; the process has no writable mapping of it.
 *
 * No store to the trampoline itself, and no kernel interface that writes process memory, can change
 * where it goes. Descriptors have no write(2), so neither io_uring nor AIO nor a write of the
 * program that goes astray reaches what the kernel holds. Who can make the process do system calls
 * can still set records by ioctl, and map something else in place of the trampoline:
 * TRAMPFD_IOC_FREEZE makes the first impossible, TRAMPFD_SEALED the second. With both, a trampoline
 * is final: it goes where it went when it was frozen, until the process ends or executes another
 * program.
 *
 * This is version 2. Version 1, which was never released, set everything by pwrite(2), which gives
 * EINVAL now. The feature bits of version 1 are not set any more, so its libraries find in the
 * answer of TRAMPFD_IOC_QUERY that nothing they know is offered.
 *
 * The structures of TRAMPFD_USER are those of the first version of the trampfd proposal of July
 * 2020, with the same fields, constants and checks. Parts marked [addition] are not in it.
 *
 * Rules for every structure: the layout is the same for 32-bit and 64-bit callers; fields called
 * "reserved" must be zero; unknown flags and non-zero reserved fields are refused with EINVAL. The
 * structures that are arguments of an ioctl may grow in later versions. A request is recognised by
 * its number whatever the size in it is (_IOC_SIZE): a longer structure is accepted if all that
 * this kernel does not know is zero (E2BIG otherwise), and a shorter one than that of version 2 is
 * EINVAL.
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
 * Any other request on /dev/trampfd, and any request that the type of a trampfd descriptor does not
 * have, gives ENOTTY.
 */
#define TRAMPFD_DEVICE			"/dev/trampfd"
#define TRAMPFD_VERSION			2
#define TRAMPFD_IOC_MAGIC		0xE9

/**
 * struct trampfd_query - what this kernel offers
 * @version: TRAMPFD_VERSION of the kernel
 * @reserved: zero
 * @features: TRAMPFD_FEATURE_* bits
 * @max_slots: largest trampfd_table.nslots
 * @slot_size: bytes of code from one slot of a table to the next
 * @record_size: bytes from one record of a table to the next
 * @displacement: record 0 must be mapped this many bytes above slot 0
 *
 * Pass it zeroed: any non-zero byte gives EINVAL (E2BIG beyond what this kernel knows). An
 * unreadable or unwritable pointer gives EFAULT.
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

/* Bits 0 to 2 were those of version 1. */
#define TRAMPFD_FEATURE_USER		(1ULL << 3)	/* TRAMPFD_USER can be created */
#define TRAMPFD_FEATURE_TABLE		(1ULL << 4)	/* TRAMPFD_TABLE can be created */
#define TRAMPFD_FEATURE_SEALED		(1ULL << 5)	/* flag TRAMPFD_SEALED; Linux 6.10, 64-bit */

/* Types of descriptor. */
#define TRAMPFD_USER			0
#define TRAMPFD_TABLE			1		/* [addition] */
#define TRAMPFD_NUM_TYPES		2

/**
 * struct trampfd_create - argument of TRAMPFD_IOC_CREATE
 * @type: TRAMPFD_USER or TRAMPFD_TABLE
 * @flags: TRAMPFD_SEALED or zero
 * @data: address of struct trampfd_user or struct trampfd_table
 * @data_size: size of that structure, which may grow like the arguments themselves
 * @reserved: zero
 *
 * Returns the new descriptor (close-on-exec, read/write, seekable). The device must be open for
 * writing. Errors, in this order: EBADF (it is not), EFAULT (argument unreadable), EINVAL (flags,
 * reserved, null data, unknown type), EOPNOTSUPP (32-bit caller, processor without support, or
 * TRAMPFD_SEALED with a kernel that cannot seal), EINVAL (data_size too small), E2BIG (data_size),
 * EFAULT (data unreadable), E2BIG (unknown part of data), EINVAL (flags, reserved or counts in
 * data), EDQUOT (limit of descriptors per user), ENOMEM, EMFILE, ENFILE.
 */
struct trampfd_create {
	__u32 type;
	__u32 flags;
	__u64 data;
	__u32 data_size;
	__u32 reserved;
};

/*
 * Mappings of the descriptor are sealed like by mseal(2), each from the moment it is made: munmap,
 * mremap and mapping over it give EPERM for as long as the address space exists.
 */
#define TRAMPFD_SEALED			0x1

/**
 * struct trampfd_attach - argument of TRAMPFD_IOC_ATTACH
 * @address: in a mapping of a trampfd descriptor
 * @reserved: zero
 *
 * On the device, open for writing: returns another descriptor (close-on-exec) of the object that is
 * mapped there, for a library whose descriptor was closed by a program that did not know it.
 * Errors: EBADF, EFAULT, E2BIG, EINVAL (reserved), ENOENT (no such mapping), EMFILE.
 */
struct trampfd_attach {
	__u64 address;
	__u64 reserved;
};

#define TRAMPFD_IOC_QUERY		_IOWR(TRAMPFD_IOC_MAGIC, 0, struct trampfd_query)
#define TRAMPFD_IOC_CREATE		_IOW(TRAMPFD_IOC_MAGIC, 1, struct trampfd_create)
#define TRAMPFD_IOC_ATTACH		_IOW(TRAMPFD_IOC_MAGIC, 9, struct trampfd_attach)

/* ------------------------------------------------------------------ requests on descriptors --- *
 *
 * A descriptor belongs to the address space that created it, like a mapping: it can be mapped, set
 * and locked there only, and gives EXDEV to others that got it (by fork, exec, SCM_RIGHTS,
 * pidfd_getfd). The exception is a TRAMPFD_TABLE whose mapping a child inherits by fork: the child
 * has a copy of everything, see there.
 *
 *   TRAMPFD_IOC_LOCK         both types       lock the list of allowed PCs for good [addition]
 *   TRAMPFD_IOC_ID           both types       number of the descriptor [addition]
 *   TRAMPFD_IOC_SET_ALLOWED  both types       the list of allowed PCs: struct trampfd_values
 *   TRAMPFD_IOC_SET_REGS     TRAMPFD_USER     the register context: struct trampfd_regs
 *   TRAMPFD_IOC_SET_STACK    TRAMPFD_USER     the stack context: struct trampfd_stack
 *   TRAMPFD_IOC_SET_RECORDS  TRAMPFD_TABLE    records: array of struct trampfd_record
 *   TRAMPFD_IOC_FREEZE       both types       make records or contexts final [addition]
 */

/**
 * struct trampfd_set - argument of TRAMPFD_IOC_SET_ALLOWED, _REGS and _STACK
 * @data: address of the structure that the request takes, with its array
 * @size: bytes of both, which must be what the structure says
 * @reserved: zero
 *
 * The structure takes the place of the former one whole; on any error nothing is changed. Errors:
 * EFAULT, E2BIG and EINVAL (this structure), EINVAL (@size is impossible), ENOMEM, EFAULT (data
 * unreadable), EINVAL (its contents), EXDEV (other address space), EPERM (the contexts are frozen,
 * the list is locked, or a PC is not in the list).
 */
struct trampfd_set {
	__u64 data;
	__u32 size;
	__u32 reserved;
};

/**
 * struct trampfd_set_records - argument of TRAMPFD_IOC_SET_RECORDS
 * @first: index of the first record
 * @n: how many records, at least one
 * @records: address of that many struct trampfd_record
 *
 * Errors: EFAULT, E2BIG and EINVAL (this structure), EINVAL (no records, or not of the table),
 * ENOMEM, EFAULT (records unreadable), EINVAL (an entry is neither zero nor a user-space address),
 * EXDEV (the address space has no records), EPERM (one of the records is frozen, or an entry is
 * neither zero nor in the list of allowed PCs), ENOMEM (no memory for a page of records, or the
 * address space has as many as RLIMIT_MEMLOCK lets it have), EDQUOT (limit of pages per user). On
 * any error nothing is stored.
 */
struct trampfd_set_records {
	__u32 first;
	__u32 n;
	__u64 records;
};

/**
 * struct trampfd_freeze - argument of TRAMPFD_IOC_FREEZE
 * @first: index of the first record; TRAMPFD_USER: zero
 * @n: how many records, at least one; TRAMPFD_USER: one
 *
 * Makes these records of a table, entry and words, or both contexts of a TRAMPFD_USER final, as
 * they are now: nobody can set them in this address space any more (EPERM). A child inherits this
 * with its copy of the records. Freezing twice is allowed. Errors: EFAULT, E2BIG and EINVAL (this
 * structure), EINVAL (no such records), EXDEV (other address space).
 *
 * This is about the records, not about the place where they are mapped: see TRAMPFD_SEALED.
 */
struct trampfd_freeze {
	__u32 first;
	__u32 n;
};

/*
 * Locks the list of allowed PCs for good (see struct trampfd_values). EXDEV, EINVAL when there is
 * no list, EPERM when something outside the list is stored already. Locking twice is allowed.
 */
#define TRAMPFD_IOC_LOCK		_IO(TRAMPFD_IOC_MAGIC, 2)

/*
 * Stores the number of the descriptor (__u64, never zero, never used again while the module is
 * loaded), in any address space. A library that keeps descriptors can tell by it that a program
 * closed one it did not know and that something else came on its place. EFAULT when the pointer
 * cannot be written.
 */
#define TRAMPFD_IOC_ID			_IOR(TRAMPFD_IOC_MAGIC, 3, __u64)

#define TRAMPFD_IOC_SET_ALLOWED		_IOW(TRAMPFD_IOC_MAGIC, 4, struct trampfd_set)
#define TRAMPFD_IOC_SET_REGS		_IOW(TRAMPFD_IOC_MAGIC, 5, struct trampfd_set)
#define TRAMPFD_IOC_SET_STACK		_IOW(TRAMPFD_IOC_MAGIC, 6, struct trampfd_set)
#define TRAMPFD_IOC_SET_RECORDS		_IOW(TRAMPFD_IOC_MAGIC, 7, struct trampfd_set_records)
#define TRAMPFD_IOC_FREEZE		_IOW(TRAMPFD_IOC_MAGIC, 8, struct trampfd_freeze)

/* ------------------------------------------------------------------ reading ------------------ *
 *
 * What is set by ioctl is read back by pread(2), whose position names a context; it does not count
 * bytes. read(2) uses the position set by lseek and never moves it. lseek takes SEEK_SET only. A
 * null buffer, a count of zero, and a position that the type does not have give EINVAL. Writing in
 * any way gives EINVAL, and ftruncate(2) EPERM.
 *
 *   position                       TRAMPFD_USER       TRAMPFD_TABLE
 *   TRAMPFD_MAP_OFFSET             trampfd_map        trampfd_table_map
 *   TRAMPFD_REGS_OFFSET            trampfd_regs       -
 *   TRAMPFD_STACK_OFFSET           trampfd_stack      -
 *   TRAMPFD_ALLOWED_PCS_OFFSET     trampfd_values     trampfd_values
 *   TRAMPFD_RECORDS_OFFSET ...     -                  records, by byte
 *
 * Lists and records can be read by the address space that has them (EXDEV otherwise). The contexts
 * of TRAMPFD_USER can be read by whoever has the descriptor: the child of a fork makes a descriptor
 * of its own from what it reads.
 */
#define TRAMPFD_MAP_OFFSET		0
#define TRAMPFD_REGS_OFFSET		1
#define TRAMPFD_STACK_OFFSET		2
#define TRAMPFD_ALLOWED_PCS_OFFSET	3
#define TRAMPFD_NUM_OFFSETS		4

/**
 * struct trampfd_map - how to map the descriptor
 * @size: length for mmap, bytes
 * @prot: protection for mmap
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
 * 8 + 8 * nvalues bytes. The list applies to what is set after it: a register context
 * (TRAMPFD_USER) or records (TRAMPFD_TABLE). It is not applied to what is stored already, nor again
 * when the trampoline is called. After TRAMPFD_IOC_LOCK [addition] the list can neither be changed
 * nor removed (EPERM), and everything stored is known to be in it.
 *
 * A read of 8 .. 8 + 8 * (largest nvalues) bytes copies as much as there is and returns how many
 * bytes that was [addition: the proposal's could not be read].
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
 * Mapping: one page with exactly the values of struct trampfd_map (PROT_READ | PROT_EXEC [addition:
 * the proposal asked for PROT_NONE], MAP_PRIVATE, offset 0), otherwise EINVAL; the address is a
 * hint, unless MAP_FIXED or MAP_FIXED_NOREPLACE is added [addition: the proposal refused them].
 * PROT_EXEC is asked for so that security modules and filters see it; PROT_READ with it because an
 * execute-only mapping would take a protection key, and it gives no right to read. The same
 * descriptor may be mapped many times.
 * Reading or writing the mapping, jumping to any byte but the first, and calling it before a
 * register context is set are SIGSEGV. mprotect is refused (EACCES), mremap too (EINVAL or EFAULT).
 * fork: the child inherits the descriptor, not the mapping, and cannot map it (EXDEV) [addition:
 * with the proposal, a child with fewer privileges changed the context of its parent].
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
 * @name: register of the caller's architecture (TRAMPFD_X86_*, TRAMPFD_ARM64_*)
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
 * 8 + 16 * nregs bytes. EINVAL also when the PC is not named, is zero, or is not a user-space
 * address [addition: the proposal did not look]; EPERM when it is not in the list of allowed PCs
 * [the proposal: EINVAL].
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
 * 16 + size bytes. Read like struct trampfd_regs.
 *
 * The data goes to base = SP - offset - size. With TRAMPFD_SET_SP, base is first lowered to where
 * SP may be on entry of a function (rounded down to 16; x86-64: minus 8) and SP becomes base. A
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
	TRAMPFD_X86_EAX,
	TRAMPFD_X86_EBX,
	TRAMPFD_X86_ECX,
	TRAMPFD_X86_EDX,
	TRAMPFD_X86_ESI,
	TRAMPFD_X86_EDI,
	TRAMPFD_X86_EBP,
	TRAMPFD_X86_EIP,
	TRAMPFD_X86_32_MAX,
	TRAMPFD_X86_RAX = TRAMPFD_X86_32_MAX,
	TRAMPFD_X86_RBX,
	TRAMPFD_X86_RCX,
	TRAMPFD_X86_RDX,
	TRAMPFD_X86_RSI,
	TRAMPFD_X86_RDI,
	TRAMPFD_X86_RBP,
	TRAMPFD_X86_R8,
	TRAMPFD_X86_R9,
	TRAMPFD_X86_R10,
	TRAMPFD_X86_R11,
	TRAMPFD_X86_R12,
	TRAMPFD_X86_R13,
	TRAMPFD_X86_R14,
	TRAMPFD_X86_R15,
	TRAMPFD_X86_RIP,
	TRAMPFD_X86_64_MAX,
};

/* Register names for AArch64, as the proposal numbers them: all but x29, x30 and the SP. */
enum trampfd_arm64_reg {
	TRAMPFD_ARM64_X0 = 13,
	TRAMPFD_ARM64_X1,
	TRAMPFD_ARM64_X2,
	TRAMPFD_ARM64_X3,
	TRAMPFD_ARM64_X4,
	TRAMPFD_ARM64_X5,
	TRAMPFD_ARM64_X6,
	TRAMPFD_ARM64_X7,
	TRAMPFD_ARM64_X8,
	TRAMPFD_ARM64_X9,
	TRAMPFD_ARM64_X10,
	TRAMPFD_ARM64_X11,
	TRAMPFD_ARM64_X12,
	TRAMPFD_ARM64_X13,
	TRAMPFD_ARM64_X14,
	TRAMPFD_ARM64_X15,
	TRAMPFD_ARM64_X16,
	TRAMPFD_ARM64_X17,
	TRAMPFD_ARM64_X18,
	TRAMPFD_ARM64_X19,
	TRAMPFD_ARM64_X20,
	TRAMPFD_ARM64_X21,
	TRAMPFD_ARM64_X22,
	TRAMPFD_ARM64_X23,
	TRAMPFD_ARM64_X24,
	TRAMPFD_ARM64_X25,
	TRAMPFD_ARM64_X26,
	TRAMPFD_ARM64_X27,
	TRAMPFD_ARM64_X28,
	TRAMPFD_ARM64_PC,
	TRAMPFD_ARM64_MAX,
};

/* ------------------------------------------------------------------ TRAMPFD_TABLE [addition] -- *
 *
 * A block of up to TRAMPFD_MAX_SLOTS trampolines that are called at full speed. The kernel provides
 * two mappings: immutable code (read and execute), and records (read only). Slot i does
 *
 *     endbr64; lea record_i(%rip), %r10; jmp *(%r10)                  x86-64
 *     bti c; adr x18, record_i; ldar x16, [x18]; br x16               AArch64
 *
 * so it jumps to the first 8 bytes of record i with the record's address in r10 or x18. All other
 * registers and the stack reach the target as they were, but for x16 of AArch64. The other 56 bytes of a record are the
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
 * Other lengths, offsets and protections give EINVAL, and MAP_SHARED EACCES: the code is mapped with
 * PROT_READ | PROT_EXEC, which security modules and filters see, and the records with PROT_READ.
 * mprotect gives EACCES whatever is asked for; mremap and unmapping a part of a mapping give
 * EINVAL, and MAP_FIXED over a mapping of the same descriptor EBUSY. The code mapping holds all
 * TRAMPFD_MAX_SLOTS slots whatever nslots is.
 *
 * TRAMPFD_IOC_SET_RECORDS stores each 8-byte word at once, the first word of a record last: a slot
 * called meanwhile jumps to the old target or the new one. A target that reads further words may
 * find some of the old record and some of the new one, so do not set a record that is in use unless
 * that makes no difference. pread takes positions and counts of whole records.
 *
 * Address spaces: the table belongs to the address space that created it. It has its records there
 * until the last mapping of them is removed; with that they are gone, and mmap, pread and ioctls
 * give EXDEV. fork copies: the child has its own records and its own list of allowed PCs with its
 * lock, equal to the parent's at the time of the fork, and its requests through the inherited
 * descriptor act on its own. Pages are shared until one of them sets a record there. A child for
 * which the kernel had no memory for the list of its pages gets SIGBUS when it calls. A process
 * that got the descriptor in another way (SCM_RIGHTS, a fork that did not inherit a records
 * mapping, exec) has none: EXDEV.
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

#endif /* _UAPI_LINUX_TRAMPFD_H */
