/* SPDX-License-Identifier: MIT */
/*
 * A libffi.so.8 for a folder of its own, for programs that LD_PRELOAD does not reach: those that
 * open libffi's users with RTLD_DEEPBIND, set-user-ID programs, and systems where LD_PRELOAD is not
 * wanted.  It has libffi's name and the names of libffi's versions, and no code.  It depends on
 * the preload library first, which has the closure functions, and then on libffi-real.so.8, a
 * symbolic link beside it to the libffi of the system, which has everything else: wherever the
 * loader searches the stand-in, it searches these two after it, in this order, and a symbol may be
 * in another object than the one that a version was asked of.
 *
 * Compared with a library that forwards each function, nothing has to be known of libffi but the
 * names of its versions (stand_in.map), and a call costs nothing more.
 */
