/* SPDX-License-Identifier: MIT */
/* The words of an object's data in which the dynamic loader stores addresses of functions. */
#ifndef TFD_GOT_WORDS_H
#define TFD_GOT_WORDS_H

#include "objects.h"

#include <stdint.h>

/* A word for a symbol that the object imports; the object owns the strings. */
struct tfd_word {
    uintptr_t *at;
    const char *symbol;
    const char *version; /* NULL if the object names none */
    int may_be_lazy;
};

/* A value other than 0 stops the walk, which then returns it. */
typedef int tfd_word_visitor(const struct tfd_word *word, void *data);

/* Visit all words of an object that is held. */
int tfd_words_visit(const struct tfd_object *object, tfd_word_visitor *visitor, void *data);

/*
 * The function that a word leads to, or will lead to once it is bound.  NULL if the loader does not
 * find it.  Calls the dynamic loader, so no lock may be held.
 */
void *tfd_word_function(const struct tfd_object *object, const struct tfd_word *word);

/*
 * Store in a word of an object that is held, whatever the protection of its page, which is
 * restored.  Needs the library's lock.  Returns 0 or a negative errno, with the failed call in
 * `call`.
 */
int tfd_word_store(uintptr_t *at, uintptr_t value, const char **call);

#endif
