/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call_captured(function, stack): sets register i of the order rax rbx rcx rdx rsi rdi rbp r8 ...
 * r15 to (i + 1) * 0x0101010101010101 and calls the function. capture, its target, stores what it
 * finds, puts the stack pointer back to what it was on entry and returns.
 */
	.text
	.globl	call_captured
	.type	call_captured, @function
call_captured:
	endbr64
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$8, %rsp
	mov	%rsp, old_sp(%rip)
	test	%rsi, %rsi
	cmovnz	%rsi, %rsp
	mov	%rdi, target(%rip)
	lea	-8(%rsp), %rax
	mov	%rax, entry_sp(%rip)
	movabs	$0x0101010101010101, %rax
	movq	%rax, %xmm7
	imul	$2, %rax, %rbx
	imul	$3, %rax, %rcx
	imul	$4, %rax, %rdx
	imul	$5, %rax, %rsi
	imul	$6, %rax, %rdi
	imul	$7, %rax, %rbp
	imul	$8, %rax, %r8
	imul	$9, %rax, %r9
	imul	$10, %rax, %r10
	imul	$11, %rax, %r11
	imul	$12, %rax, %r12
	imul	$13, %rax, %r13
	imul	$14, %rax, %r14
	imul	$15, %rax, %r15
	call	*target(%rip)
	mov	old_sp(%rip), %rsp
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	call_captured, . - call_captured

	.globl	capture
	.type	capture, @function
capture:
	endbr64
	mov	%rax, captured+0(%rip)
	mov	%rbx, captured+8(%rip)
	mov	%rcx, captured+16(%rip)
	mov	%rdx, captured+24(%rip)
	mov	%rsi, captured+32(%rip)
	mov	%rdi, captured+40(%rip)
	mov	%rbp, captured+48(%rip)
	mov	%r8, captured+56(%rip)
	mov	%r9, captured+64(%rip)
	mov	%r10, captured+72(%rip)
	mov	%r11, captured+80(%rip)
	mov	%r12, captured+88(%rip)
	mov	%r13, captured+96(%rip)
	mov	%r14, captured+104(%rip)
	mov	%r15, captured+112(%rip)
	mov	%rsp, captured+120(%rip)
	movq	%xmm7, captured_vector(%rip)
	mov	entry_sp(%rip), %rsp
	lea	-512(%rsp), %rsi
	lea	below(%rip), %rdi
	mov	$512, %ecx
	rep movsb
	ret
	.size	capture, . - capture

	.globl	jump_with_stack
	.type	jump_with_stack, @function
jump_with_stack:
	endbr64
	mov	%rsi, %rsp
	jmp	*%rdi
	.size	jump_with_stack, . - jump_with_stack

	.globl	return_chain
	.type	return_chain, @function
return_chain:
	endbr64
	mov	%r10, %rax
	ret
	.size	return_chain, . - return_chain

	.globl	return_chain_again
	.type	return_chain_again, @function
return_chain_again:
	endbr64
	mov	%r10, %rax
	ret
	.size	return_chain_again, . - return_chain_again

	.globl	return_difference
	.type	return_difference, @function
return_difference:
	endbr64
	mov	%r10, %rax
	sub	%r11, %rax
	ret
	.size	return_difference, . - return_difference

	.bss
	.balign	8
	.globl	captured, entry_sp, below, captured_vector
captured:	.skip 128
captured_vector:	.skip 8
entry_sp:	.skip 8
old_sp:		.skip 8
target:		.skip 8
below:		.skip 512

	.section .note.GNU-stack, "", @progbits
