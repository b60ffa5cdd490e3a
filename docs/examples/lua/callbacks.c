/* SPDX-License-Identifier: MIT */
/*
 * A module of Lua: callbacks.new(function) is a C function pointer that compares two numbers by a
 * function of Lua, and callbacks.sort(numbers, callback) sorts a table by it with qsort(3).
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <trampfd.h>

#define CALLBACK "callback"

typedef int compare(const void *, const void *);

struct callback {
    void *closure;
    union {
        compare *function;
        void *address;
    } code;
    lua_State *lua;
    int reference; /* to the function, in the registry */
};

static ffi_type *arguments[] = {&ffi_type_pointer, &ffi_type_pointer};
static ffi_cif cif;

static void handle(ffi_cif *called, void *result, void **values, void *data)
{
    struct callback *callback = data;

    (void)called;
    lua_rawgeti(callback->lua, LUA_REGISTRYINDEX, callback->reference);
    for (int i = 0; i < 2; i++)
        lua_pushnumber(callback->lua, **(const double **)values[i]);
    lua_call(callback->lua, 2, 1);
    *(ffi_sarg *)result = (ffi_sarg)lua_tointeger(callback->lua, -1);
    lua_pop(callback->lua, 1);
}

static int new (lua_State *lua)
{
    struct callback *callback = lua_newuserdatauv(lua, sizeof(*callback), 0);

    luaL_checktype(lua, 1, LUA_TFUNCTION);
    callback->lua = lua;
    callback->closure =
        trampfd_closure_alloc(sizeof(ffi_closure), &callback->code.address, NULL);
    if (!callback->closure)
        return luaL_error(lua, "no closure can be made");
    lua_pushvalue(lua, 1);
    callback->reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    trampfd_closure_prep(callback->closure, &cif, handle, callback);
    luaL_setmetatable(lua, CALLBACK);
    return 1;
}

static int collect(lua_State *lua)
{
    struct callback *callback = luaL_checkudata(lua, 1, CALLBACK);

    trampfd_closure_free(callback->closure);
    luaL_unref(lua, LUA_REGISTRYINDEX, callback->reference);
    return 0;
}

static int sort(lua_State *lua)
{
    const struct callback *callback = luaL_checkudata(lua, 2, CALLBACK);
    size_t count = lua_rawlen(lua, 1);
    double *numbers = lua_newuserdatauv(lua, count * sizeof(*numbers), 0);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(lua, 1, (lua_Integer)i + 1);
        numbers[i] = luaL_checknumber(lua, -1);
        lua_pop(lua, 1);
    }
    qsort(numbers, count, sizeof(*numbers), callback->code.function);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(lua, numbers[i]);
        lua_rawseti(lua, 1, (lua_Integer)i + 1);
    }
    return 0;
}

int luaopen_callbacks(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"new", new}, {"sort", sort}, {NULL, NULL}};

    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, arguments))
        return luaL_error(lua, "libffi refuses the signature");
    luaL_newmetatable(lua, CALLBACK);
    lua_pushcfunction(lua, collect);
    lua_setfield(lua, -2, "__gc");
    luaL_newlib(lua, functions);
    return 1;
}
