/* SPDX-License-Identifier: MIT */
/*
 * The smallest port: slots and the entries that every port has, everything else generic.  It is
 * x86-64 under another name, so that the whole test suite can run on a port that has no more.
 */
#include "../x86_64/cpu.h"
