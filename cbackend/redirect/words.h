/* SPDX-License-Identifier: MIT */
/* The words of an object's data in which the dynamic loader stores addresses of functions. */
#ifndef TFD_GOT_WORDS_H
#define TFD_GOT_WORDS_H

#include "objects.h"

#include <stdint.h>

/* A word for a symbol that the object imports; the strings are the object's. */
struct tfd_word {
    uintptr_t *at;
    const char *symbol;
    const char *version; /* NULL when the object names none */
    int may_be_lazy;
};

/* Stops the walk by returning something other than 0, which the walk returns then. */
typedef int tfd_word_visitor(const struct tfd_word *word, void *data);

/* All words of an object that is held. */
int tfd_words_visit(const struct tfd_object *object, tfd_word_visitor *visitor, void *data);

/*
 * The function that a word leads to; for one that is not bound yet, the one that it will be
 * bound to.  NULL when the loader does not find that.  Asks the dynamic loader: needs no lock held.
 */
void *tfd_word_function(const struct tfd_object *object, const struct tfd_word *word);

/*
 * Store in a word of an object that is held, whatever the protection of its page, which is the
 * same afterwards.  Needs the library's lock.  Returns 0 or a negative errno, and what was
 * refused in `call`.
 */
int tfd_word_store(uintptr_t *at, uintptr_t value, const char **call);

#endif
