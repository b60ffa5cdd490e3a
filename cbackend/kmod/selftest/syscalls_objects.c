// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer of system calls: its objects, their places, and the requests of the module. */
#define _GNU_SOURCE
#include "syscalls.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEVICE = 199, FIRST = 200 }; /* descriptors: above all that the kernel hands out here */

#define PLACES ((char *)0x100000000000) /* far below where the kernel looks for room */

static bool can_seal;

static bool is_table(unsigned int i)
{
	return i % 2 == 0;
}

static char *place(unsigned int i)
{
	return PLACES + (size_t)i * PLACE;
}

bool in_places(const void *address)
{
	return (const char *)address >= PLACES && (const char *)address < place(OBJECTS);
}

/* ---- random arguments ---- */

int any_descriptor(struct fuzzer *fuzzer)
{
	return FIRST + pick(fuzzer, OBJECTS);
}

/* One of the mappings that an object has. */
struct mapping {
	struct range range;
	int prot;
	off_t offset;
};

static struct mapping any_mapping(struct fuzzer *fuzzer, unsigned int i)
{
	const size_t records = TRAMPFD_MAX_SLOTS * TRAMPFD_RECORD_SIZE;

	if (!is_table(i))
		return (struct mapping){ { place(i), 4096 }, PROT_READ | PROT_EXEC, 0 };
	if (pick(fuzzer, 2))
		return (struct mapping){ { place(i), TRAMPFD_CODE_SIZE },
					 PROT_READ | PROT_EXEC,
					 TRAMPFD_CODE_OFFSET };
	return (struct mapping){ { place(i) + TRAMPFD_RECORDS_OFFSET, records },
				 PROT_READ,
				 TRAMPFD_RECORDS_OFFSET };
}

static struct range any_whole(struct fuzzer *fuzzer, unsigned int i)
{
	if (!pick(fuzzer, 8))
		return (struct range){ place(i) + MEMORY, MEMORY_SIZE };
	return any_mapping(fuzzer, i).range;
}

static struct range range_in(struct fuzzer *fuzzer, unsigned int i)
{
	struct range range = any_whole(fuzzer, i);

	if (!pick(fuzzer, 3))
		range.start += 4096 * (long)pick(fuzzer, 80);
	if (!pick(fuzzer, 3))
		range.size = 4096 * (size_t)(1 + pick(fuzzer, 96));
	if (!pick(fuzzer, 32))
		range.start += pick(fuzzer, 4096);
	return range;
}

struct range any_range(struct fuzzer *fuzzer)
{
	return range_in(fuzzer, pick(fuzzer, OBJECTS));
}

struct range sealable_range(struct fuzzer *fuzzer)
{
	return range_in(fuzzer, SEALABLE + pick(fuzzer, OBJECTS - SEALABLE));
}

struct range small_range(struct fuzzer *fuzzer)
{
	struct range range = any_range(fuzzer);

	range.size = 1 + pick(fuzzer, sizeof(fuzzer->scratch));
	return range;
}

char *any_address(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return range.start + pick(fuzzer, range.size);
}

void *any_buffer(struct fuzzer *fuzzer)
{
	return pick(fuzzer, 3) ? fuzzer->scratch : any_address(fuzzer);
}

void *any_trampoline(struct fuzzer *fuzzer)
{
	const unsigned int i = pick(fuzzer, OBJECTS);
	const unsigned int slot = pick(fuzzer, 4) ? pick(fuzzer, 64)
						  : pick(fuzzer, TRAMPFD_MAX_SLOTS);

	return place(i) + (is_table(i) ? slot * TRAMPFD_SLOT_SIZE : 0);
}

off_t any_position(struct fuzzer *fuzzer)
{
	if (pick(fuzzer, 2))
		return pick(fuzzer, TRAMPFD_NUM_OFFSETS + 1);
	return TRAMPFD_RECORDS_OFFSET + TRAMPFD_RECORD_SIZE * (off_t)pick(fuzzer, 4100);
}

/* ---- making objects ---- */

/* The descriptor gets the number that the object has. */
static bool install(int fd, unsigned int i)
{
	if (fd < 0)
		return false;
	dup3(fd, FIRST + i, O_CLOEXEC);
	close(fd);
	return true;
}

static bool create_object(unsigned int i, unsigned int nslots, unsigned int flags)
{
	const struct trampfd_user user = {};
	const struct trampfd_table table = { .nslots = nslots };
	struct trampfd_create args = {
		.type = is_table(i) ? TRAMPFD_TABLE : TRAMPFD_USER,
		.flags = flags,
		.data = is_table(i) ? (uintptr_t)&table : (uintptr_t)&user,
		.data_size = is_table(i) ? sizeof(table) : sizeof(user),
	};

	return install(ioctl(DEVICE, TRAMPFD_IOC_CREATE, &args), i);
}

static bool map_table_at(unsigned int i)
{
	struct trampfd_table_map map;
	const int fd = FIRST + i;

	if (pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) != sizeof(map))
		return false;
	return mmap(place(i), map.code.size, map.code.prot, map.code.flags | MAP_FIXED, fd,
		    map.code.offset) != MAP_FAILED &&
	       mmap(place(i) + map.records.offset, map.records.size, map.records.prot,
		    map.records.flags | MAP_FIXED, fd, map.records.offset) != MAP_FAILED;
}

static bool map_object(unsigned int i)
{
	if (is_table(i))
		return map_table_at(i);
	return mmap(place(i), 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, FIRST + i, 0) !=
	       MAP_FAILED;
}

static void *any_target(struct fuzzer *fuzzer)
{
	static void *const targets[] = { return_chain, return_chain_again, return_difference };

	return (void *)(uintptr_t)PICK(fuzzer, targets);
}

static int set_some_records(struct fuzzer *fuzzer, int fd, unsigned int first, unsigned int n)
{
	struct trampfd_record *records = (void *)fuzzer->scratch;
	const size_t room = sizeof(fuzzer->scratch) / sizeof(*records);

	if (n > room)
		n = room;
	memset(records, 0, n * sizeof(*records));
	for (unsigned int i = 0; i < n; i++)
		records[i].entry = (uintptr_t)any_target(fuzzer);
	return set_records(fd, first, records, n);
}

static int set_context(struct fuzzer *fuzzer, int fd)
{
	const struct trampfd_reg regs[] = {
		{ .name = CPU_CHAIN, .value = rand_r(&fuzzer->seed) },
		{ .name = CPU_PC, .value = (uintptr_t)any_target(fuzzer) },
	};

	return set_regs(fd, regs, ARRAY_SIZE(regs));
}

static int set_list(int fd)
{
	const uint64_t list[] = {
		(uintptr_t)return_chain,
		(uintptr_t)return_chain_again,
		(uintptr_t)return_difference,
	};

	return set_allowed(fd, list, ARRAY_SIZE(list));
}

static int freeze(struct fuzzer *fuzzer, unsigned int i)
{
	struct trampfd_freeze range = { .n = 1 };

	if (is_table(i)) {
		range.first = pick(fuzzer, TRAMPFD_MAX_SLOTS);
		range.n = 1 + pick(fuzzer, TRAMPFD_MAX_SLOTS - range.first);
	}
	return ioctl(FIRST + i, TRAMPFD_IOC_FREEZE, &range);
}

static int attach(unsigned int i)
{
	struct trampfd_attach args = { .address = (uintptr_t)place(i) };

	return install(ioctl(DEVICE, TRAMPFD_IOC_ATTACH, &args), i) ? 0 : -1;
}

/* What makes one trampoline differ from another. */
static void change_object(struct fuzzer *fuzzer, unsigned int i)
{
	const int fd = FIRST + i;

	switch (pick(fuzzer, 5)) {
	case 0:
		if (!set_list(fd))
			ioctl(fd, TRAMPFD_IOC_LOCK);
		break;
	case 1:
		freeze(fuzzer, i);
		break;
	case 2:
		attach(i);
		break;
	default:
		break;
	}
}

/* All is taken away from the place, whatever calls made of it, unless some of that is sealed. */
static bool clear_place(unsigned int i)
{
	munmap(place(i), PLACE);
	return mmap(place(i) + MEMORY, MEMORY_SIZE, PROT_READ | PROT_WRITE,
		    (is_table(i) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) != MAP_FAILED;
}

bool renew_object(struct fuzzer *fuzzer, unsigned int i)
{
	static const unsigned int sizes[] = { 1, 64, TRAMPFD_MAX_SLOTS, TRAMPFD_MAX_SLOTS };
	const unsigned int nslots = PICK(fuzzer, sizes);
	const bool sealed = can_seal && i >= SEALABLE && pick(fuzzer, 2);

	if (!clear_place(i) || !create_object(i, nslots, sealed ? TRAMPFD_SEALED : 0) ||
	    !map_object(i))
		return false;
	if (is_table(i))
		set_some_records(fuzzer, FIRST + i, 0, nslots);
	else
		set_context(fuzzer, FIRST + i);
	change_object(fuzzer, i);
	return true;
}

void make_objects(void)
{
	struct fuzzer *fuzzer = calloc(1, sizeof(*fuzzer));

	if (!fuzzer || dup3(open_device(), DEVICE, O_CLOEXEC) < 0)
		exit(EXIT_FAILURE);
	can_seal = features() & TRAMPFD_FEATURE_SEALED;
	for (unsigned int i = 0; i < OBJECTS; i++)
		CHECK(renew_object(fuzzer, i));
	free(fuzzer);
}

/* ---- kinds of calls ---- */

static long do_renew(struct fuzzer *fuzzer)
{
	return renew_object(fuzzer, pick(fuzzer, OBJECTS)) ? 0 : -1;
}

/* As it should be done, or not quite. */
static long do_map(struct fuzzer *fuzzer)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE,
				     PROT_READ | PROT_WRITE };
	static const int flags[] = { MAP_SHARED,    MAP_POPULATE, MAP_LOCKED,
				     MAP_NORESERVE, MAP_NONBLOCK, MAP_SYNC,
				     CPU_MMAP_FLAG, MAP_HUGETLB,  MAP_GROWSDOWN };
	static const int places[] = { 0, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE };
	const unsigned int i = pick(fuzzer, OBJECTS);
	struct mapping mapping = any_mapping(fuzzer, i);
	int flag = MAP_PRIVATE | PICK(fuzzer, places);
	char *mapped;

	if (!pick(fuzzer, 4))
		flag |= PICK(fuzzer, flags);
	if (!pick(fuzzer, 4))
		mapping.range = any_range(fuzzer);
	if (!pick(fuzzer, 4))
		mapping.prot = PICK(fuzzer, prots);
	if (!pick(fuzzer, 4))
		mapping.offset = 4096 * (off_t)pick(fuzzer, 32);
	mapped = mmap(mapping.range.start, mapping.range.size, mapping.prot, flag, FIRST + i,
		      mapping.offset);
	if (mapped == MAP_FAILED)
		return -1;
	/* Where the kernel put it, nobody else looks for it. */
	if (!in_places(mapped))
		munmap(mapped, mapping.range.size);
	return 0;
}

static long do_call(struct fuzzer *fuzzer)
{
	call(any_trampoline(fuzzer));
	return 0;
}

static long do_set_records(struct fuzzer *fuzzer)
{
	const unsigned int first = pick(fuzzer, TRAMPFD_MAX_SLOTS);

	return set_some_records(fuzzer, any_descriptor(fuzzer), pick(fuzzer, 2) ? 0 : first,
				1 + pick(fuzzer, 2) * pick(fuzzer, 256));
}

static long do_set_context(struct fuzzer *fuzzer)
{
	const unsigned char data[TRAMPFD_MAX_DATA_SIZE] = {};
	const int fd = any_descriptor(fuzzer);

	if (pick(fuzzer, 2))
		return set_context(fuzzer, fd);
	/* Mostly below the red zone, so that what is called comes back. */
	return set_stack(fd, !pick(fuzzer, 16), pick(fuzzer, 8) ? 128 : pick(fuzzer, 300), data,
			 pick(fuzzer, sizeof(data) + 1));
}

/* The structures are read from trampolines: those that are there, and records that are. */
static long do_set_from_memory(struct fuzzer *fuzzer)
{
	static const unsigned long requests[] = { TRAMPFD_IOC_SET_REGS, TRAMPFD_IOC_SET_STACK,
						  TRAMPFD_IOC_SET_ALLOWED };
	const int fd = any_descriptor(fuzzer);
	const void *data = any_range(fuzzer).start;

	if (pick(fuzzer, 4))
		return set_records(fd, pick(fuzzer, 64), data, 1 + pick(fuzzer, 64));
	return set_bytes(fd, PICK(fuzzer, requests), data, 8 * (size_t)pick(fuzzer, 32));
}

static long do_set_list(struct fuzzer *fuzzer)
{
	return set_list(any_descriptor(fuzzer));
}

static long do_lock(struct fuzzer *fuzzer)
{
	return ioctl(any_descriptor(fuzzer), TRAMPFD_IOC_LOCK);
}

static long do_freeze(struct fuzzer *fuzzer)
{
	return freeze(fuzzer, pick(fuzzer, OBJECTS));
}

static long do_attach(struct fuzzer *fuzzer)
{
	return attach(pick(fuzzer, OBJECTS));
}

/* Any request, also one that there is not. */
static long do_any_request(struct fuzzer *fuzzer)
{
	const unsigned int size = 8 * pick(fuzzer, 4);
	const unsigned int request = _IOC(pick(fuzzer, 4), TRAMPFD_IOC_MAGIC, pick(fuzzer, 12),
					  size);

	return ioctl(pick(fuzzer, 8) ? any_descriptor(fuzzer) : DEVICE, request,
		     any_buffer(fuzzer));
}

static const struct kind kinds[] = {
	{ .name = "new trampoline", .call = do_renew },
	{ .name = "mmap", .call = do_map },
	{ .name = "call", .call = do_call },
	{ .name = "call again", .call = do_call },
	{ .name = "SET_RECORDS", .call = do_set_records },
	{ .name = "SET_REGS, SET_STACK", .call = do_set_context },
	{ .name = "set from memory", .call = do_set_from_memory },
	{ .name = "SET_ALLOWED", .call = do_set_list },
	{ .name = "LOCK", .call = do_lock },
	{ .name = "FREEZE", .call = do_freeze },
	{ .name = "ATTACH", .call = do_attach },
	{ .name = "any request", .call = do_any_request },
};

const struct kinds object_kinds = { kinds, ARRAY_SIZE(kinds), 12 };
