// SPDX-License-Identifier: MIT

module callbacks

go 1.19
