/* SPDX-License-Identifier: MIT */
/* What verify() of closures and of trampolines returns. */
#ifndef NATIVE_REPORT_H
#define NATIVE_REPORT_H

#include <Python.h>
#include <trampfd.h>

/*
 * (provider, address, address of the record or 0, list of (what, index, wanted, found)); None stands
 * for a value that is missing.
 */
PyObject *report_tuple(const struct trampfd_report *report, void *address);

#endif
