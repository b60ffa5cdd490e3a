/* SPDX-License-Identifier: MIT */
/*
 * Redirection: makes loaded objects call another function instead of one that they import.
 *
 * An object that imports a function has pointers to it in its data, which the dynamic loader
 * filled in: in its global offset table, for calls, and wherever the program initialised a pointer
 * with the function's address.  Redirecting an object stores another address in these pointers.
 * Not redirected are pointers that the program copied or got from dlsym(3), objects of other
 * namespaces of dlmopen(3), objects that are linked statically, and objects that are loaded later
 * (call again then).
 *
 * Pages that the loader made read-only are made writable while one pointer is stored, and get their
 * former protection back.  No page is ever made executable, and executable pages are never changed.
 *
 * Threads may call through the pointers at any time.  If the dynamic loader binds a pointer lazily
 * while it is being redirected, the redirection may be lost: call again then.  The caller must not
 * hold a lock that constructors or destructors of other objects need.
 */
#ifndef TFD_REDIRECT_H
#define TFD_REDIRECT_H

#include <stddef.h>

/* Redirects references to `symbol` (of that version if they have one; NULL: any) to `to`. */
struct tfd_redirection {
    const char *symbol;
    const char *version;
    void (*to)(void);
};

/* A pointer that was redirected, or whose redirection was refused. */
struct tfd_redirected {
    const char *object; /* path of the object that has it; "" for the program */
    const char *symbol;
    void (*const *pointer)(void);
    void (*from)(void); /* where it led; NULL: it is not bound yet, and its target is unknown */
    void (*to)(void);
    const char *call; /* the call that failed, or NULL; a static string */
    int error;        /* its errno value, 0 if none */
};

/* Should this pointer be redirected?  `error` and `call` are not set yet. */
typedef int tfd_redirect_filter(const struct tfd_redirected *pointer, void *data);

/*
 * Redirect the pointers named by the `count` rows of `table`, in all objects that are loaded now,
 * if `filter` (NULL: everything) returns 1 for them: row by row, in their order.  If several rows
 * match, the first one applies.  Pointers that already lead to the target are not changed.
 *
 * All or nothing: on error, everything that this call did is undone, and the pointer that was
 * refused is on the list with the reason.  ENOENT, the protection of its page cannot be read
 * because there is no /proc; EACCES, its page is executable; ENOMEM; that of mprotect(2).
 *
 * Fork: the child has its own pointers.
 */
int tfd_redirect(const struct tfd_redirection *table, size_t count, tfd_redirect_filter *filter,
                 void *data);

/*
 * Restore all pointers of loaded objects that tfd_redirect() redirected for this table.  A pointer
 * that has another value by now keeps it.  Errors are as above; a pointer that could not be
 * restored stays on the list.
 */
int tfd_redirect_undo(const struct tfd_redirection *table, size_t count);

/*
 * Store at most `size` of the pointers that were redirected or refused in `list`; returns the total
 * number.  The strings are valid until the next call of tfd_redirect() or tfd_redirect_undo(),
 * which also forget pointers of unloaded objects, refused ones, and those that other code changed.
 */
size_t tfd_redirect_list(struct tfd_redirected *list, size_t size);

#endif
