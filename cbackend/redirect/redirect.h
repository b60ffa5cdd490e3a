/* SPDX-License-Identifier: MIT */
/*
 * Redirection: calls that loaded objects make to a function of another object go elsewhere.
 *
 * An object that imports a function has pointers to it in its data, which the dynamic loader
 * filled in: in its global offset table, for calls, and wherever the program initialised a
 * pointer with the function's address.  Redirecting an object stores another address in
 * them.  Pointers that the program copied or asked dlsym(3) for stay as they are, and so do
 * objects of other namespaces of dlmopen(3), objects linked statically, and objects that are
 * loaded later (call again then).
 *
 * Pages that the loader made read-only are writable while one pointer is stored, and have their
 * former protection afterwards.  Never is one made executable, and one that is executable
 * is left alone.
 *
 * Threads may call through the pointers all the time.  The dynamic loader may bind a pointer
 * lazily while it is being redirected, and win: call again then.  Not to be called while holding a
 * lock that constructors or destructors of other objects need.
 */
#ifndef TFD_REDIRECT_H
#define TFD_REDIRECT_H

#include <stddef.h>

/* References to `symbol`, of that version (NULL: any) where they name one, lead to `to`. */
struct tfd_redirection {
    const char *symbol;
    const char *version;
    void (*to)(void);
};

/* A pointer that is redirected, or should have been. */
struct tfd_redirected {
    const char *object; /* path of the object that has it; "" for the program */
    const char *symbol;
    void (*const *pointer)(void);
    void (*from)(void); /* where it led; NULL: it is not bound yet, and to nothing known */
    void (*to)(void);
    const char *call; /* the step that was refused, NULL if none; a static string */
    int error;        /* its errno value, 0 if none */
};

/* Shall this pointer be redirected?  `error` and `call` do not count yet. */
typedef int tfd_redirect_filter(const struct tfd_redirected *pointer, void *data);

/*
 * Redirect what the `count` rows of `table` name in all objects loaded now, as far as `filter`
 * (NULL: everything) says 1 for it: row by row, in their order.  Where several rows fit, the
 * first counts.  What leads there already stays as it is.
 *
 * All or nothing: with an error, what this call did is undone, and the pointer that was
 * refused is on the list with the reason.  ENOENT, there is no /proc to read the protection
 * of its page from; EACCES, its page is executable; ENOMEM; that of mprotect(2).
 *
 * Fork: the child's pointers are its own.
 */
int tfd_redirect(const struct tfd_redirection *table, size_t count, tfd_redirect_filter *filter,
                 void *data);

/*
 * Give all pointers of objects still loaded that tfd_redirect() led to the table's `to` for
 * its `symbol` the value they had.  A pointer that has another value by now keeps it.  Errors as
 * above; a pointer that could not be given back stays on the list.
 */
int tfd_redirect_undo(const struct tfd_redirection *table, size_t count);

/*
 * Store at most `size` of the pointers that are redirected, or could not be, in `list`; returns
 * how many there are.  The strings are valid until the next call of tfd_redirect() or
 * tfd_redirect_undo(), which also forget what was unloaded, refused or changed by others.
 */
size_t tfd_redirect_list(struct tfd_redirected *list, size_t size);

#endif
