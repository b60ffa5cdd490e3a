// SPDX-License-Identifier: MIT
//! Rust closures as C function pointers: each gets its own, for as long as it lives.

use std::ffi::{c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::{io, mem, ptr};

const LAST: c_int = 1; // TRAMPFD_LAST
const DEFAULT_ABI: c_int = if cfg!(target_arch = "x86_64") { 2 } else { 1 }; // FFI_DEFAULT_ABI

/// An ffi_cif, and what it points to; it is larger than that of any CPU.
#[repr(C, align(16))]
struct Cif([u8; 128]);

#[repr(C)]
struct Type([u8; 0]);

#[link(name = "ffi")]
extern "C" {
    static mut ffi_type_pointer: Type;
    static mut ffi_type_sint32: Type;
    fn ffi_prep_cif(
        cif: *mut Cif,
        abi: c_int,
        count: c_uint,
        result: *mut Type,
        arguments: *mut *mut Type,
    ) -> c_int;
}

#[link(name = "trampfd")]
extern "C" {
    fn trampfd_bind(
        cif: *mut Cif,
        function: *const c_void,
        data: *mut c_void,
        position: c_int,
        code: *mut *mut c_void,
        trail: *mut c_void,
    ) -> *mut c_void;
    fn trampfd_closure_free(closure: *mut c_void);
}

type Comparison = extern "C" fn(*const c_int, *const c_int) -> c_int;

extern "C" {
    fn qsort(base: *mut c_int, count: usize, size: usize, compare: Comparison);
}

/// What the function pointer calls; the closure is the argument that it adds.
extern "C" fn compare<F: Fn(c_int, c_int) -> c_int>(
    a: *const c_int,
    b: *const c_int,
    closure: *const F,
) -> c_int {
    unsafe { (*closure)(*a, *b) }
}

struct Callback<F> {
    closure: *mut c_void,
    code: Comparison,
    // The record leads to these three.
    _function: Box<F>,
    _cif: Box<Cif>,
    _arguments: Box<[*mut Type; 3]>,
    _not_sync: PhantomData<*mut ()>,
}

impl<F: Fn(c_int, c_int) -> c_int> Callback<F> {
    fn new(function: F) -> io::Result<Self> {
        let function = Box::new(function);
        let mut cif = Box::new(Cif([0; 128]));
        unsafe {
            let pointer = ptr::addr_of_mut!(ffi_type_pointer);
            let mut arguments = Box::new([pointer; 3]);
            let result = ptr::addr_of_mut!(ffi_type_sint32);
            let status = ffi_prep_cif(&mut *cif, DEFAULT_ABI, 3, result, arguments.as_mut_ptr());
            assert_eq!(status, 0);
            let mut code = ptr::null_mut();
            let closure = trampfd_bind(
                &mut *cif,
                compare::<F> as *const c_void,
                &*function as *const F as *mut c_void,
                LAST,
                &mut code,
                ptr::null_mut(),
            );
            if closure.is_null() {
                return Err(io::Error::last_os_error());
            }
            Ok(Callback {
                closure,
                code: mem::transmute(code),
                _function: function,
                _cif: cif,
                _arguments: arguments,
                _not_sync: PhantomData,
            })
        }
    }
}

impl<F> Drop for Callback<F> {
    fn drop(&mut self) {
        unsafe { trampfd_closure_free(self.closure) }
    }
}

fn main() -> io::Result<()> {
    let callbacks = (0..10000)
        .map(|i| {
            let sign = 1 - 2 * (i % 2);
            Callback::new(move |a, b| sign * (a - b))
        })
        .collect::<io::Result<Vec<_>>>()?;
    let mut numbers = [3, 1, 2];
    for each in &callbacks[9998..] {
        unsafe { qsort(numbers.as_mut_ptr(), 3, mem::size_of::<c_int>(), each.code) };
        println!("{numbers:?}");
    }
    Ok(())
}
