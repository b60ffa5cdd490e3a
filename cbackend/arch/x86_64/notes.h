/* SPDX-License-Identifier: MIT */
/* Ends each assembly file: notes for the linker. */

/* GNU property: this object tolerates indirect branch tracking and shadow stacks. */
    .section .note.gnu.property, "a"
    .balign 8
    .long 4, 16, 5      /* size of the name, size of the description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .long 0xc0000002, 4 /* GNU_PROPERTY_X86_FEATURE_1_AND, size */
    .long 3, 0          /* IBT | SHSTK, padding */

    .section .note.GNU-stack, "", %progbits
