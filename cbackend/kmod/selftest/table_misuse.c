// SPDX-License-Identifier: GPL-2.0-only
/* TRAMPFD_TABLE: every wrong use of its positions, records, list and mappings. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NSLOTS = 100, PAGES = 2 }; /* 100 records are 6400 bytes */

static void map(void)
{
	static const struct {
		unsigned int nslots, size;
	} cases[] = {
		{ 1, 4096 },
		{ 64, 4096 },
		{ 65, 8192 },
		{ 4096, 262144 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trampfd_table_map map;
		unsigned char buffer[128];
		int fd = new_table(cases[i].nslots);

		poison(&map, sizeof(map));
		CHECK(pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) == sizeof(map));
		CHECK(map.code.size == 65536 && map.code.offset == 0 && map.code.ioffset == 0);
		CHECK(map.code.prot == (PROT_READ | PROT_EXEC) && map.code.flags == MAP_PRIVATE);
		CHECK(map.records.size == cases[i].size && map.records.offset == 65536);
		CHECK(map.records.prot == PROT_READ && map.records.flags == MAP_PRIVATE);
		CHECK(!map.records.ioffset && !map.reserved && !map.code.reserved);
		CHECK(map.nslots == cases[i].nslots);
		CHECK(map.slot_size == 16 && map.record_size == 64);
		poison(buffer, sizeof(buffer));
		FAILS(pread(fd, buffer, sizeof(map) - 1, TRAMPFD_MAP_OFFSET), EINVAL);
		FAILS(pread(fd, buffer, sizeof(map) + 1, TRAMPFD_MAP_OFFSET), EINVAL);
		CHECK(poisoned(buffer, sizeof(buffer)));
		FAILS(pread(fd, bad_pointer, sizeof(map), TRAMPFD_MAP_OFFSET), EFAULT);
		FAILS(pwrite(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET), EINVAL);
		close(fd);
	}
}

static void positions(void)
{
	static const off_t wrong[] = {
		1,
		2,
		4,
		64,
		65535,
		65537,
		65600 - 1,
		65536 + NSLOTS * 64,
		65536 + NSLOTS * 64 + 64,
		1L << 32,
		INT64_MAX - 4096,
	};
	unsigned char buffer[64];
	int fd = new_table(NSLOTS);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		poison(buffer, sizeof(buffer));
		FAILS(pread(fd, buffer, 64, wrong[i]), EINVAL);
		CHECK(poisoned(buffer, sizeof(buffer)));
		FAILS(lseek(fd, wrong[i], SEEK_SET), EINVAL);
	}
	CHECK(lseek(fd, 65536 + 64, SEEK_SET) == 65536 + 64);
	FAILS(write(fd, buffer, 64), EINVAL);
	CHECK(read(fd, buffer, 64) == 64 && !buffer[0] && !memcmp(buffer, buffer + 1, 63));
	FAILS(lseek(fd, 0, SEEK_CUR), EINVAL);
	FAILS(lseek(fd, 0, SEEK_END), EINVAL);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && lseek(fd, 3, SEEK_SET) == 3);
	close(fd);
}

static void record_misuse(void)
{
	static struct trampfd_record records[NSLOTS + 1], back[NSLOTS];
	static const size_t counts[] = {
		0, 1, 8, 63, 65, 127, NSLOTS * 64 + 64, 1 << 20, 1UL << 33,
	};
	static const struct {
		unsigned int first, n;
	} ranges[] = {
		{ 0, 0 },   { 0, NSLOTS + 1 }, { 1, NSLOTS }, { NSLOTS, 1 }, { NSLOTS - 1, 2 },
		{ ~0u, 1 }, { ~0u, 2 },	       { 1, ~0u },    { 0, ~0u },
	};
	static const uint64_t entries[] = { 1ULL << 56, 1ULL << 63, 0xffffffff81000000, ~0ULL };
	int fd = new_table(NSLOTS);

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		poison(back, sizeof(back));
		FAILS(pread(fd, back, counts[i], TRAMPFD_RECORDS_OFFSET), EINVAL);
		CHECK(poisoned(back, sizeof(back)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		FAILS(set_records(fd, ranges[i].first, records, ranges[i].n), EINVAL);
	FAILS(read_records(fd, NSLOTS - 1, back, 2), EINVAL);
	FAILS(set_records(fd, 0, null_pointer, 1), EFAULT);
	FAILS(ioctl(fd, TRAMPFD_IOC_SET_RECORDS, bad_pointer), EFAULT);
	FAILS(set_records(fd, 0, bad_pointer, 1), EFAULT);
	FAILS(read_records(fd, 0, bad_pointer, 1), EFAULT);

	/* One bad entry anywhere: nothing of the write is stored. */
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		for (unsigned int j = 0; j < NSLOTS; j++)
			records[j].entry = 0x1000 + j;
		records[NSLOTS - 1].entry = entries[i];
		FAILS(set_records(fd, 0, records, NSLOTS), EINVAL);
	}
	CHECK(read_records(fd, 0, back, NSLOTS) == sizeof(back));
	for (unsigned int i = 0; i < NSLOTS; i++)
		CHECK(back[i].entry == 0);
	close(fd);
}

static void fault_in_the_middle(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct trampfd_record back, *across = (void *)(pages + 4096 - 128);
	int fd = new_table(NSLOTS);

	munmap(pages + 4096, 4096);
	across[0].entry = across[1].entry = 0x1000;
	FAILS(set_records(fd, 0, across, 4), EFAULT);
	CHECK(read_records(fd, 0, &back, 1) == 64 && back.entry == 0);
	CHECK(set_records(fd, 0, across, 2) == 0);
	FAILS(read_records(fd, 0, across, 4), EFAULT);
	munmap(pages, 4096);
	close(fd);
}

/* Whatever a program writes to the descriptor, nothing is stored. */
static void writes(void)
{
	struct trampfd_record record = { .entry = 0x1000 }, back;
	const struct iovec part = { .iov_base = &record, .iov_len = sizeof(record) };
	int fd = new_table(NSLOTS);

	FAILS(pwrite(fd, &record, 64, TRAMPFD_RECORDS_OFFSET), EINVAL);
	FAILS(ftruncate(fd, 0), EPERM);
	FAILS(ftruncate(fd, 1 << 20), EPERM);
	FAILS(pwritev(fd, &part, 1, TRAMPFD_RECORDS_OFFSET), EINVAL);
	FAILS(pwritev2(fd, &part, 1, TRAMPFD_RECORDS_OFFSET, RWF_NOWAIT), EINVAL);
	CHECK(lseek(fd, TRAMPFD_RECORDS_OFFSET, SEEK_SET) == TRAMPFD_RECORDS_OFFSET);
	FAILS(write(fd, &record, 64), EINVAL);
	CHECK(read_records(fd, 0, &back, 1) == 64 && back.entry == 0);
	close(fd);
}

static void allowed_list(void)
{
	struct {
		struct trampfd_values head;
		uint64_t values[TRAMPFD_MAX_TABLE_PCS + 1];
	} back;
	const uint64_t pcs[] = { 0x1000, 0x2000 };
	struct trampfd_record records[3] = { { .entry = 0x1000 }, {}, { .entry = 0x3000 } };
	struct trampfd_record stored[3];
	int fd = new_table(NSLOTS);

	CHECK(set_records(fd, 0, records, 3) == 0);
	CHECK(set_allowed(fd, pcs, 2) == 0);
	poison(&back, sizeof(back));
	CHECK(pread(fd, &back, sizeof(back) - 8, TRAMPFD_ALLOWED_PCS_OFFSET) == 24);
	CHECK(back.head.nvalues == 2 && !back.head.reserved && !memcmp(back.values, pcs, 16));
	CHECK(poisoned(back.values + 2, sizeof(back) - 24));
	FAILS(pread(fd, &back, 7, TRAMPFD_ALLOWED_PCS_OFFSET), EINVAL);
	FAILS(pread(fd, &back, sizeof(back), TRAMPFD_ALLOWED_PCS_OFFSET), EINVAL);

	/* The list does not look back, locking does. */
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EPERM);
	FAILS(set_records(fd, 2, &records[2], 1), EPERM);
	records[0].entry = 0x2000;
	FAILS(set_records(fd, 0, records, 3), EPERM);
	CHECK(read_records(fd, 0, stored, 3) == 192 && stored[0].entry == 0x1000);
	CHECK(set_records(fd, 2, &records[1], 1) == 0);
	CHECK(set_allowed(fd, pcs, 0) == 0);
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EINVAL);
	CHECK(set_allowed(fd, pcs, 2) == 0);
	CHECK(ioctl(fd, TRAMPFD_IOC_LOCK) == 0);
	CHECK(ioctl(fd, TRAMPFD_IOC_LOCK) == 0);
	FAILS(set_allowed(fd, pcs, 1), EPERM);
	FAILS(set_allowed(fd, pcs, 0), EPERM);
	FAILS(set_records(fd, 5, &records[2], 1), EPERM);
	CHECK(set_records(fd, 5, records, 2) == 0);
	close(fd);
}

static void long_allowed_list(void)
{
	uint64_t pcs[TRAMPFD_MAX_TABLE_PCS + 1];
	struct trampfd_record record = {};
	int fd = new_table(NSLOTS);

	for (unsigned int i = 0; i < TRAMPFD_MAX_TABLE_PCS + 1; i++)
		pcs[i] = 0x1000 + i;
	FAILS(set_allowed(fd, pcs, TRAMPFD_MAX_TABLE_PCS + 1), EINVAL);
	CHECK(set_allowed(fd, pcs, TRAMPFD_MAX_TABLE_PCS) == 0);
	record.entry = pcs[TRAMPFD_MAX_TABLE_PCS - 1];
	CHECK(set_records(fd, 0, &record, 1) == 0);
	record.entry = pcs[TRAMPFD_MAX_TABLE_PCS];
	FAILS(set_records(fd, 0, &record, 1), EPERM);
	CHECK(set_allowed(fd, pcs, 1) == 0);
	CHECK(set_allowed(fd, pcs, 0) == 0);
	CHECK(set_records(fd, 0, &record, 1) == 0);
	close(fd);
}

static void mmap_misuse(void)
{
	static const struct {
		size_t size;
		off_t offset;
	} shapes[] = {
		{ 4096, 0 },	    { 61440, 0 },     { 69632, 0 },	      { 65536, 4096 },
		{ 4096, 65536 },    { 12288, 65536 }, { 8192, 65536 + 4096 }, { 65536 + 8192, 0 },
		{ 8192, 1L << 40 },
	};
	static const struct {
		size_t size;
		off_t offset;
		int prot;
	} good[] = {
		{ 65536, 0, PROT_READ | PROT_EXEC },
		{ PAGES * 4096, 65536, PROT_READ },
	};
	int fd = new_table(NSLOTS);

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		FAILS(mmap(NULL, shapes[i].size, PROT_READ, MAP_PRIVATE, fd, shapes[i].offset),
		      EINVAL);
		FAILS(mmap(NULL, shapes[i].size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			   shapes[i].offset),
		      EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		FAILS(mmap(NULL, good[i].size, good[i].prot, MAP_SHARED, fd, good[i].offset),
		      EACCES);
		for (int prot = 0; prot <= (PROT_READ | PROT_WRITE | PROT_EXEC); prot++)
			if (prot != good[i].prot)
				FAILS(mmap(NULL, good[i].size, prot, MAP_PRIVATE, fd,
					   good[i].offset),
				      EINVAL);
	}
	close(fd);
}

static void mapping_stays_as_it_is(char *start, size_t size, const char *rights)
{
	static const int prots[] = {
		PROT_NONE,
		PROT_READ,
		PROT_WRITE,
		PROT_EXEC,
		PROT_READ | PROT_WRITE,
		PROT_READ | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	char line[512], expected[64];
	bool seen = false;
	FILE *maps;

	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		FAILS(mprotect(start, size, prots[i]), EACCES);
	/* A part would have to be split off first. */
	FAILS(munmap(start, 4096), EINVAL);
	FAILS(munmap(start + size - 4096, 4096), EINVAL);
	/* Older kernels turn any failure to make room into ENOMEM. */
	CHECK(mmap(start, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		      MAP_FAILED &&
	      (errno == EINVAL || errno == ENOMEM));
	FAILS(mremap(start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start + (1 << 24)), EINVAL);
	FAILS(mremap(start, size, 2 * size, MREMAP_MAYMOVE), EFAULT);
	FAILS(mremap(start, size, 4096, 0), EINVAL);
	CHECK(madvise(start, size, MADV_DONTNEED) == 0);

	snprintf(expected, sizeof(expected), "%lx-%lx %s ", (long)start, (long)start + size,
		 rights);
	maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), maps))
		seen = seen || !strncmp(line, expected, strlen(expected));
	fclose(maps);
	CHECK(seen);
}

static void rights_stay(void)
{
	struct table table = open_table(NSLOTS);

	mapping_stays_as_it_is(table.base, TRAMPFD_CODE_SIZE, "r-xp");
	mapping_stays_as_it_is(table.base + TRAMPFD_RECORDS_OFFSET, PAGES * 4096, "r--p");
	close_table(&table);
}

static int stop(void *argument)
{
	(void)argument;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	return 0;
}

/* The debugger can look but not touch. */
static void poke(const struct table *table)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(stop(NULL));
	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	errno = 0;
	CHECK(ptrace(PTRACE_PEEKTEXT, pid, slot(table, 3), NULL) == *(long *)slot(table, 3));
	CHECK(errno == 0);
	CHECK(ptrace(PTRACE_POKETEXT, pid, slot(table, 3), 0L) == -1);
	CHECK(ptrace(PTRACE_POKEDATA, pid, record(table, 3), 0L) == -1);
	CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
}

static void nobody_writes(void)
{
	struct table table = open_table(NSLOTS);
	int memory = open("/proc/self/mem", O_RDWR), zero = open("/dev/zero", O_RDONLY);
	void *places[] = {
		slot(&table, 0),
		slot(&table, 4095),
		record(&table, 0),
		record(&table, 99),
	};
	struct trampfd_record stored;
	long bytes = 0;

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct iovec local = { .iov_base = &bytes, .iov_len = 8 };
		struct iovec remote = { .iov_base = places[i], .iov_len = 8 };

		CHECK(signal_of(store, places[i]) == SIGSEGV);
		CHECK(last_fault.address == (uintptr_t)places[i]);
		CHECK(pwrite(memory, &bytes, 8, (uintptr_t)places[i]) < 0);
		CHECK(pread(memory, &bytes, 8, (uintptr_t)places[i]) == 8);
		FAILS(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), EFAULT);
		FAILS(read(zero, places[i], 8), EFAULT);
	}
	poke(&table);
	CHECK(((uint64_t (*)(void))slot(&table, 0))() == (uintptr_t)record(&table, 0));
	CHECK(read_records(table.fd, 0, &stored, 1) == 64);
	CHECK(stored.entry == (uintptr_t)return_chain);
	close(memory);
	close(zero);
	close_table(&table);
}

static int use_without_records(void *argument)
{
	int fd = *(int *)argument;
	struct trampfd_record record = {}, before;

	poison(&record, sizeof(record));
	before = record;
	FAILS(read_records(fd, 0, &record, 1), EXDEV);
	CHECK(!memcmp(&record, &before, sizeof(record)));
	record.entry = 0x1000;
	FAILS(set_records(fd, 0, &record, 1), EXDEV);
	FAILS(mmap(NULL, PAGES * 4096, PROT_READ, MAP_PRIVATE, fd, 65536), EXDEV);
	FAILS(mmap(NULL, TRAMPFD_CODE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EXDEV);
	FAILS(set_allowed(fd, (const uint64_t[]){ 0x1000 }, 1), EXDEV);
	FAILS(pread(fd, &before, 8, TRAMPFD_ALLOWED_PCS_OFFSET), EXDEV);
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EXDEV);
	return 0;
}

static void other_address_spaces(void)
{
	struct table table;
	int fd = new_table(NSLOTS);

	/* Not mapped at the time of the fork: the child has no records. */
	CHECK(set_entry(fd, 0, return_chain) == 0);
	CHECK(in_child(use_without_records, &fd) == 0);
	close(fd);

	table = open_table(NSLOTS);
	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	unmap_table(&table);
	CHECK(use_without_records(&table.fd) == 0);
	close(table.fd);
}

/* A child's list is its own from the fork on, and so is its lock. */
static int lock_in_child(void *argument)
{
	const uint64_t other = 0x2000;
	struct table *table = argument;

	FAILS(set_entry(table->fd, 0, (void *)other), EPERM);
	CHECK(set_entry(table->fd, 0, NULL) == 0);
	CHECK(set_allowed(table->fd, &other, 1) == 0);
	CHECK(ioctl(table->fd, TRAMPFD_IOC_LOCK) == 0);
	CHECK(set_entry(table->fd, 0, (void *)other) == 0);
	return 0;
}

static int change_locked_in_child(void *argument)
{
	const uint64_t other = 0x2000;
	struct table *table = argument;

	FAILS(set_allowed(table->fd, &other, 1), EPERM);
	FAILS(set_entry(table->fd, 0, (void *)other), EPERM);
	CHECK(set_entry(table->fd, 0, (void *)0x1000) == 0);
	return 0;
}

static void lists_of_children(void)
{
	const uint64_t pc = 0x1000, other = 0x3000;
	struct table table = open_table(NSLOTS);

	CHECK(set_allowed(table.fd, &pc, 1) == 0);
	CHECK(in_child(lock_in_child, &table) == 0);
	CHECK(set_allowed(table.fd, &other, 1) == 0);
	CHECK(set_allowed(table.fd, &pc, 1) == 0);
	CHECK(set_entry(table.fd, 0, (void *)pc) == 0);
	CHECK(ioctl(table.fd, TRAMPFD_IOC_LOCK) == 0);
	CHECK(in_child(change_locked_in_child, &table) == 0);
	close_table(&table);
}

int main(void)
{
	const struct test tests[] = {
		TEST_OF_SMALL_PAGES(map),
		TEST(positions),
		TEST(record_misuse),
		TEST_OF_SMALL_PAGES(fault_in_the_middle),
		TEST(writes),
		TEST(allowed_list),
		TEST(long_allowed_list),
		TEST_OF_SMALL_PAGES(mmap_misuse),
		TEST_OF_SMALL_PAGES(rights_stay),
		TEST(nobody_writes),
		TEST(other_address_spaces),
		TEST(lists_of_children),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
