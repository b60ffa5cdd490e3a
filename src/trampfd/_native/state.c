/* SPDX-License-Identifier: MIT */
#include "state.h"

struct state native;
