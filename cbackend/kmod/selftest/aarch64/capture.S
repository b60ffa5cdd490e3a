/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call_captured(function, stack): sets register xi, but for x16 and x30, to (i + 1) *
 * 0x0101010101010101 and calls the function. capture, its target, stores what it finds, puts the
 * stack pointer back to what it was on entry and returns.
 */
	.macro	begin name
	.globl	\name
	.type	\name, @function
\name:
	bti	c
	.endm

	.macro	end name
	.size	\name, . - \name
	.endm

	.macro	place register, name
	adrp	\register, \name
	add	\register, \register, :lo12:\name
	.endm

	.text
	begin	call_captured
	stp	x29, x30, [sp, -96]!
	stp	x19, x20, [sp, 16]
	stp	x21, x22, [sp, 32]
	stp	x23, x24, [sp, 48]
	stp	x25, x26, [sp, 64]
	stp	x27, x28, [sp, 80]
	place	x2, old_sp
	mov	x3, sp
	str	x3, [x2]
	cbz	x1, 1f
	mov	sp, x1
1:	place	x2, entry_sp
	mov	x3, sp
	str	x3, [x2]
	mov	x16, x0
	mov	x0, 0x0101010101010101
	fmov	d7, x0
	add	x1, x0, x0
	add	x2, x1, x0
	add	x3, x2, x0
	add	x4, x3, x0
	add	x5, x4, x0
	add	x6, x5, x0
	add	x7, x6, x0
	add	x8, x7, x0
	add	x9, x8, x0
	add	x10, x9, x0
	add	x11, x10, x0
	add	x12, x11, x0
	add	x13, x12, x0
	add	x14, x13, x0
	add	x15, x14, x0
	add	x17, x15, x0, lsl 1
	add	x18, x17, x0
	add	x19, x18, x0
	add	x20, x19, x0
	add	x21, x20, x0
	add	x22, x21, x0
	add	x23, x22, x0
	add	x24, x23, x0
	add	x25, x24, x0
	add	x26, x25, x0
	add	x27, x26, x0
	add	x28, x27, x0
	add	x29, x28, x0
	blr	x16
	place	x2, old_sp
	ldr	x3, [x2]
	mov	sp, x3
	ldp	x19, x20, [sp, 16]
	ldp	x21, x22, [sp, 32]
	ldp	x23, x24, [sp, 48]
	ldp	x25, x26, [sp, 64]
	ldp	x27, x28, [sp, 80]
	ldp	x29, x30, [sp], 96
	ret
	end	call_captured

	begin	capture
	place	x16, captured
	stp	x0, x1, [x16]
	stp	x2, x3, [x16, 16]
	stp	x4, x5, [x16, 32]
	stp	x6, x7, [x16, 48]
	stp	x8, x9, [x16, 64]
	stp	x10, x11, [x16, 80]
	stp	x12, x13, [x16, 96]
	stp	x14, x15, [x16, 112]
	stp	x16, x17, [x16, 128]
	stp	x18, x19, [x16, 144]
	stp	x20, x21, [x16, 160]
	stp	x22, x23, [x16, 176]
	stp	x24, x25, [x16, 192]
	stp	x26, x27, [x16, 208]
	stp	x28, x29, [x16, 224]
	mov	x0, sp
	stp	x30, x0, [x16, 240]
	place	x0, captured_vector
	str	d7, [x0]
	place	x0, entry_sp
	ldr	x0, [x0]
	mov	sp, x0
	sub	x0, x0, 512
	place	x1, below
	mov	x2, 512
1:	ldrb	w3, [x0], 1
	strb	w3, [x1], 1
	subs	x2, x2, 1
	b.ne	1b
	ret
	end	capture

	begin	jump_with_stack
	mov	x16, x0
	mov	sp, x1
	br	x16
	end	jump_with_stack

	begin	return_chain
	mov	x0, x18
	ret
	end	return_chain

	begin	return_chain_again
	mov	x0, x18
	ret
	end	return_chain_again

	begin	return_difference
	sub	x0, x18, x17
	ret
	end	return_difference

	.bss
	.balign	8
	.globl	captured, entry_sp, below, captured_vector
captured:	.skip 256
captured_vector: .skip 8
entry_sp:	.skip 8
old_sp:		.skip 8
below:		.skip 512

	.section .note.GNU-stack, "", @progbits
