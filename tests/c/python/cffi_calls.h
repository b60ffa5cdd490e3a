/* SPDX-License-Identifier: MIT */
/* Functions that call back.  Read by the C compiler and by cffi.cdef(). */

typedef int (*int_fn)(int);
typedef int int_function(int);
typedef long word;
typedef word (*word_fn)(word, word);

/* clang-format off */
enum colour { RED, GREEN, BLUE };
enum step { BACK = -1, STAY, ON };
struct opaque;
struct pair { short x, y; };
struct shape { double area; struct pair corners[3]; char *name; };
struct holder { int number; int_fn function; };

/* Rejected by value: cffi cannot tell libffi how these are passed. */
union either { int i; float f; };
struct with_union { int kind; union either value; };
struct with_bits { int low : 3; int high : 5; };
struct with_anonymous { int kind; struct { int a, b; }; };
struct with_anonymous_union { int kind; union { int i; float f; }; };
struct flexible { int count; char data[]; };
struct with_zero_length { int count; char data[0]; };
struct with_complex { float _Complex z; };
/* clang-format on */

int call_int(int_fn f, int x);
word call_word(word_fn f, word x, word y);
void call_void(void (*f)(void));
void call_void_int(void (*f)(int), int x);
void *call_pointer(void *(*f)(void *), void *x);
char *call_string(char *(*f)(char *), char *s);
int call_array(int (*f)(int[3]));
int_fn call_maker(int_fn (*f)(int), int x);
int call_caller(int (*f)(int_fn, int), int x);
int call_holder(struct holder *holder, int x);
struct pair call_pair(struct pair (*f)(struct pair), struct pair p);
struct shape call_shape(struct shape (*f)(int, struct shape, double), struct shape s);
int call_shape_pointer(int (*f)(struct shape *), struct shape *s);

/* 1 + 2^-60 and 2^-60 + 2^-119: no double holds them. */
int call_extended(long double (*f)(long double));

/* Arguments that no C program passes: `raw` in the register of a narrower type. */
int call_raw_bool(int (*f)(_Bool), unsigned long raw);
int call_raw_char32(int (*f)(char32_t), unsigned long raw);
int call_raw_int8(int (*f)(int8_t), unsigned long raw);
int call_raw_uint16(int (*f)(uint16_t), unsigned long raw);

/* errno is `before` when f is called; returns errno as f left it. */
int call_errno(int_fn f, int x, int before);

/* The whole result register after a call of a function with a narrow result. */
long get_raw(void *f);

/* One for each kind of result. */
signed char get_schar(signed char (*f)(void));
uint8_t get_uint8(uint8_t (*f)(void));
short get_short(short (*f)(void));
uint16_t get_uint16(uint16_t (*f)(void));
int get_int(int (*f)(void));
uint32_t get_uint32(uint32_t (*f)(void));
int64_t get_int64(int64_t (*f)(void));
uint64_t get_uint64(uint64_t (*f)(void));
_Bool get_bool(_Bool (*f)(void));
char get_char(char (*f)(void));
wchar_t get_wchar(wchar_t (*f)(void));
char16_t get_char16(char16_t (*f)(void));
float get_float(float (*f)(void));
double get_double(double (*f)(void));
long double get_long_double(long double (*f)(void));
enum colour get_colour(enum colour (*f)(void));
enum step get_step(enum step (*f)(void));
void *get_pointer(void *(*f)(void));
char *get_string(char *(*f)(void));
struct pair *get_pair_pointer(struct pair *(*f)(void));
int_fn get_function(int_fn (*f)(void));
struct pair get_pair(struct pair (*f)(void));
struct shape get_shape(struct shape (*f)(void));
void get_void(void (*f)(void));
