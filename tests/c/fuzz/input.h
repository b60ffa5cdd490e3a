/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share: libFuzzer hands one input after the other to LLVMFuzzerTestOneInput(),
 * and takes abort(3) and what the sanitizers find for a failure.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AGREE(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is left of an input.  After its end, zeros come. */
struct input {
    const uint8_t *at, *end;
};

static inline uint8_t take(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static inline unsigned take_below(struct input *input, unsigned limit)
{
    return take(input) % limit;
}

/* A byte tells the length; to be freed. */
static inline char *take_string(struct input *input, size_t length_max)
{
    size_t left = (size_t)(input->end - input->at), length = take_below(input, 256);
    char *string;

    left -= left > 0;
    length = length > left ? left : length;
    length = length > length_max ? length_max : length;
    string = strndup((const char *)input->at, length);
    AGREE(string, "memory");
    input->at += length;
    return string;
}

#endif
