/* SPDX-License-Identifier: MIT */
/* refused OBJECT: mprotect(2) fails at each place, and executable pages are left alone. */
#include "objects.h"

/* The only pointer on the list. */
static struct tfd_redirected refused_one(void)
{
    struct tfd_redirected refused;

    CHECK(tfd_redirect_list(&refused, 1) == 1, "%zu on the list", count_redirected());
    CHECK(refused.error == EPERM, "%s", strerror(refused.error));
    return refused;
}

/* The call that fails is number `at`; of each pair one gives the right to write, one takes it. */
static void check_refusal(struct object object, int at)
{
    struct tfd_redirection table = to_100(NULL);
    struct tfd_redirected refused;

    mprotect_calls = 0;
    mprotect_fails_at = at;
    CHECK(tfd_redirect(&table, 1, NULL, NULL) == -EPERM, "call %d is refused", at);
    refused = refused_one();
    CHECK(!strcmp(refused.call, at % 2 ? "mprotect to write" : "mprotect back"), "%d: %s", at,
          refused.call);
    CHECK(*refused.pointer == refused.from, "it is as it was");
    check_object(object, 1, "and so are all");
    mprotect_fails_at = 0;
    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "a second attempt works");
    check_object(object, 100, "second attempt");
    CHECK(!tfd_redirect_undo(&table, 1), "and is undone");
    check_object(object, 1, "undone");
    CHECK(count_redirected() == 0, "%zu are left", count_redirected());
}

static void check_undo_refused(struct object object)
{
    struct tfd_redirection table = to_100(NULL);
    struct tfd_redirected refused;

    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
    mprotect_calls = 0;
    mprotect_fails_at = 1;
    CHECK(tfd_redirect_undo(&table, 1) == -EPERM, "undoing is refused");
    refused = refused_one();
    CHECK(*refused.pointer == refused.to, "it is as it was");
    mprotect_fails_at = 0;
    CHECK(!tfd_redirect_undo(&table, 1), "a second attempt works");
    check_object(object, 1, "undone");
    CHECK(count_redirected() == 0, "%zu are left", count_redirected());
}

/* As a program with text relocations has it. */
static void check_executable(struct object object, const char *path)
{
    struct tfd_redirection table = to_100(NULL);
    struct tfd_redirected list[16];
    size_t count, size = (size_t)sysconf(_SC_PAGESIZE);
    char *before, *after;
    void *page;

    CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
    count = tfd_redirect_list(list, 16);
    CHECK(!tfd_redirect_undo(&table, 1), "undone");
    for (size_t i = 0; i < count; i++) {
        page = (void *)((uintptr_t)list[i].pointer & -size);
        if (__real_mprotect(page, size, PROT_READ | PROT_EXEC))
            SKIP("this system lets no data become executable: %s", strerror(errno));
    }
    before = protections(path);
    CHECK(tfd_redirect(&table, 1, NULL, NULL) == -EACCES, "executable pages");
    after = protections(path);
    CHECK(!strcmp(before, after), "protections were\n%sand are\n%s", before, after);
    check_object(object, 1, "executable pages");
}

int main(int argc, char **argv)
{
    struct object object;

    CHECK(argc == 2, "an object is needed");
    object = load(argv[1]);
    check_object(object, 1, "at first");
    check_undo_refused(object);
    check_refusal(object, 1);
    check_refusal(object, 3);
    check_refusal(object, 2); /* from now on the page is writable */
    check_executable(object, argv[1]);
    _exit(0); /* destructors would write to the object's data */
}
