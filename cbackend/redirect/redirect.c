/* SPDX-License-Identifier: MIT */
/*
 * Redirecting and undoing have the same phases: hold all objects, search them, and then store,
 * under the library's lock.  The dynamic loader is called only while the lock is not held, because
 * constructors and destructors, which the loader runs under its own lock, may need ours.
 */
#include "redirect.h"

#include "base/lock.h"
#include "objects.h"
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pointer on the list; its strings follow it. */
struct redirected {
    struct redirected *next;
    struct tfd_redirected redirected;
    const struct tfd_redirection *row; /* of the current call */
    uintptr_t base;                    /* of its object */
    uintptr_t before;                  /* what to store to undo it */
};

static struct redirected *entries; /* guarded by the library's lock */

struct search {
    const struct tfd_redirection *table;
    size_t count;
    tfd_redirect_filter *filter;
    void *data;
    const struct tfd_object *object;
    struct redirected *found, **end;
};

static uintptr_t *word_of(const struct redirected *entry)
{
    return (uintptr_t *)(uintptr_t)entry->redirected.pointer;
}

static uintptr_t target_of(const struct redirected *entry)
{
    return (uintptr_t)entry->redirected.to;
}

static struct redirected *make_entry(const struct tfd_object *object, const struct tfd_word *word)
{
    size_t path = strlen(object->map->l_name) + 1, symbol = strlen(word->symbol) + 1;
    struct redirected *entry = calloc(1, sizeof(*entry) + path + symbol);

    if (!entry)
        return NULL;
    entry->base = object->map->l_addr;
    entry->redirected.object = memcpy(entry + 1, object->map->l_name, path);
    entry->redirected.symbol = memcpy((char *)(entry + 1) + path, word->symbol, symbol);
    entry->redirected.pointer = (void (*const *)(void))word->at;
    return entry;
}

static void free_list(struct redirected *list)
{
    while (list) {
        struct redirected *entry = list;

        list = entry->next;
        free(entry);
    }
}

static const struct tfd_redirection *find_row(const struct search *search,
                                              const struct tfd_word *word)
{
    for (size_t i = 0; i < search->count; i++) {
        const struct tfd_redirection *row = &search->table[i];

        if (!strcmp(row->symbol, word->symbol)
            && (!row->version || !word->version || !strcmp(row->version, word->version)))
            return row;
    }
    return NULL;
}

static int collect(const struct tfd_word *word, void *data)
{
    struct search *search = data;
    const struct tfd_redirection *row = find_row(search, word);
    struct redirected *entry = row ? make_entry(search->object, word) : NULL;

    if (!entry)
        return row ? -ENOMEM : 0;
    entry->row = row;
    entry->redirected.to = row->to;
    entry->redirected.from = (void (*)(void))tfd_word_function(search->object, word);
    if (search->filter && !search->filter(&entry->redirected, search->data)) {
        free(entry);
        return 0;
    }
    *search->end = entry;
    search->end = &entry->next;
    return 0;
}

/* Puts the pointers that the table names and the filter accepts into the list search->found. */
static int look_through(const struct tfd_objects *objects, struct search *search)
{
    int error = 0;

    search->end = &search->found;
    for (size_t i = 0; i < objects->count && !error; i++) {
        search->object = &objects->list[i];
        error = tfd_words_visit(search->object, collect, search);
    }
    return error;
}

/* Removes the entry from the list. */
static struct redirected *take_off(struct redirected **at)
{
    struct redirected *entry = *at;

    *at = entry->next;
    entry->next = NULL;
    return entry;
}

static uintptr_t value_of(const struct redirected *entry)
{
    return __atomic_load_n(word_of(entry), __ATOMIC_RELAXED);
}

/*
 * Removes from the list the pointers of unloaded objects (another object may be there now), refused
 * ones, and those that other code has changed since.
 */
static void forget(const struct tfd_objects *objects)
{
    for (struct redirected **at = &entries; *at;)
        if (tfd_objects_find(objects, (*at)->redirected.object, (*at)->base)
            && value_of(*at) == target_of(*at))
            at = &(*at)->next;
        else
            free(take_off(at));
}

static int store(struct redirected *entry, uintptr_t value)
{
    const char *call = NULL;
    int error = tfd_word_store(word_of(entry), value, &call);

    entry->redirected.error = -error;
    entry->redirected.call = call;
    return error;
}

/* Redirects one pointer and adds it to the list, unless it already leads there. */
static int redirect(struct redirected *entry)
{
    if (value_of(entry) == target_of(entry)) {
        free(entry);
        return 0;
    }
    entry->before = value_of(entry);
    entry->next = entries;
    entries = entry;
    return store(entry, target_of(entry));
}

static int redirect_row(struct redirected **list, const struct tfd_redirection *row)
{
    int error = 0;

    while (*list && !error)
        if ((*list)->row == row)
            error = redirect(take_off(list));
        else
            list = &(*list)->next;
    return error;
}

/* Keeps the first one, which was refused, on the list. */
static void roll_back(const struct redirected *end)
{
    const char *call;

    if (value_of(entries) == target_of(entries))
        tfd_word_store(word_of(entries), entries->before, &call);
    for (struct redirected **at = &entries->next; *at != end;)
        if (store(*at, (*at)->before))
            at = &(*at)->next;
        else
            free(take_off(at));
}

static int redirect_all(struct search *search)
{
    const struct redirected *end = entries;
    int error = 0;

    for (size_t i = 0; i < search->count && !error; i++)
        error = redirect_row(&search->found, &search->table[i]);
    if (error)
        roll_back(end);
    return error;
}

int tfd_redirect(const struct tfd_redirection *table, size_t count, tfd_redirect_filter *filter,
                 void *data)
{
    struct search search = {.table = table, .count = count, .filter = filter, .data = data};
    struct tfd_objects objects;
    int error = tfd_objects_hold(&objects);

    if (error)
        return error;
    error = look_through(&objects, &search);
    if (!error) {
        tfd_lock();
        forget(&objects);
        error = redirect_all(&search);
        tfd_unlock();
    }
    free_list(search.found);
    tfd_objects_release(&objects);
    return error;
}

static int is_in_table(const struct redirected *entry, const struct tfd_redirection *table,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].to == entry->redirected.to
            && !strcmp(table[i].symbol, entry->redirected.symbol))
            return 1;
    return 0;
}

/* Undoes what the table names; pointers that were restored are removed from the list. */
static int undo(const struct tfd_redirection *table, size_t count)
{
    int error, first_error = 0;

    for (struct redirected **at = &entries; *at;) {
        if (!is_in_table(*at, table, count)) {
            at = &(*at)->next;
            continue;
        }
        error = store(*at, (*at)->before);
        first_error = first_error ? first_error : error;
        if (error)
            at = &(*at)->next;
        else
            free(take_off(at));
    }
    return first_error;
}

int tfd_redirect_undo(const struct tfd_redirection *table, size_t count)
{
    struct tfd_objects objects;
    int error = tfd_objects_hold(&objects);

    if (error)
        return error;
    tfd_lock();
    forget(&objects);
    error = undo(table, count);
    tfd_unlock();
    tfd_objects_release(&objects);
    return error;
}

size_t tfd_redirect_list(struct tfd_redirected *list, size_t size)
{
    size_t count = 0;

    tfd_lock();
    for (const struct redirected *entry = entries; entry; entry = entry->next, count++)
        if (count < size)
            list[count] = entry->redirected;
    tfd_unlock();
    return count;
}
