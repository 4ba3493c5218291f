/* Accesses to the program's own data, while recording: record and access in one step. Part of `_core.c`.

   What is done here is what is common: an attribute that the object has itself, an item of a list or dict, a variable; nothing of
   it runs code of the program's, so with the GIL no other thread comes in between. All else, every access of a replay, and all
   without a GIL, is left to the pure hooks. */

enum { LOADS = 0, STORES = 1, NOBODYS = 0, ITS_OWN = 1, INTEGER = 1 << 30 };

enum {
    LOAD_ATTR, STORE_ATTR, UPDATE_ATTR, LOAD_ITEM, STORE_ITEM, UPDATE_ITEM, LOAD_GLOBAL, STORE_GLOBAL, UPDATE_GLOBAL,
    LOAD_CELL, STORE_CELL, UPDATE_CELL, METHOD, WHOLE, BORN, IS_TRUE, HOOKS
};

static const char *const hook_names[HOOKS] = {
    "load_attr", "store_attr", "update_attr", "load_item", "store_item", "update_item", "load_global", "store_global",
    "update_global", "load_cell", "store_cell", "update_cell", "method", "whole", "born", "is_true",
};

static PyObject *pure_hooks[HOOKS];
static PyObject *ask_holder, *ask_number, *ask_key, *ask_site; /* what Python is asked once */

/* A spot, and the type for which its attribute was looked for last. */
typedef struct {
    PyObject *name;
    uint32_t site;
    struct {
        PyTypeObject *type;
        unsigned int version;
        int holder;
    } known[2]; /* for LOADS, STORES */
} Spot;

static Spot *spots;
static Py_ssize_t spots_used, spots_size;

/* Numbers of objects by address: what Python knows, as far as it was asked lately. */
typedef struct {
    PyObject *object;
    PyTypeObject *type;
    uint32_t number;
} Numbered;

enum { NUMBERED = 1 << 13, NOTED = 1 << 16 };
static Numbered numbered[NUMBERED];
static unsigned char noted[NOTED / 8]; /* a bit for each address at which an object may be that cannot say when it dies */
static PyObject *key_numbers; /* of texts */

static Numbered *
place_of_object(PyObject *object)
{
    size_t at = (uintptr_t)object >> 4;
    return &numbered[(at ^ at >> 13) & (NUMBERED - 1)];
}

/* forget(address): the object there is dead. */
static PyObject *
core_forget(PyObject *module, PyObject *address)
{
    void *object = PyLong_AsVoidPtr(address);
    if (object == NULL && PyErr_Occurred()) return NULL;
    Numbered *place = place_of_object(object);
    if (place->object == object) {
        place->object = NULL;
    }
    Py_RETURN_NONE;
}

static size_t
bit_of(void *object)
{
    return (uintptr_t)object >> 4 & (NOTED - 1);
}

/* note(address): whoever is born there may have the address of a dead one. */
static PyObject *
core_note(PyObject *module, PyObject *address)
{
    void *object = PyLong_AsVoidPtr(address);
    if (object == NULL && PyErr_Occurred()) return NULL;
    noted[bit_of(object) / 8] |= (unsigned char)(1 << bit_of(object) % 8);
    Py_RETURN_NONE;
}

/* add_spots(names): behind those that are there. */
static PyObject *
core_add_spots(PyObject *module, PyObject *names)
{
    if (!PyList_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "names of spots are a list");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(names);
    if (spots_used + count > spots_size) {
        Py_ssize_t size = (spots_used + count) * 2;
        Spot *more = PyMem_RawRealloc(spots, (size_t)size * sizeof(Spot));
        if (more == NULL) return PyErr_NoMemory();
        spots = more;
        spots_size = size;
    }
    memset(spots + spots_used, 0, (size_t)count * sizeof(Spot));
    for (Py_ssize_t at = 0; at < count; at++) {
        spots[spots_used + at].name = Py_NewRef(PyList_GET_ITEM(names, at));
    }
    spots_used += count;
    Py_RETURN_NONE;
}

/* set_hooks(pure, holder, number, key, site): the pure hooks by name, and whom to ask. */
static PyObject *
core_set_hooks(PyObject *module, PyObject *args)
{
    PyObject *pure;
    if (!PyArg_ParseTuple(args, "O!OOOO", &PyDict_Type, &pure, &ask_holder, &ask_number, &ask_key, &ask_site)) return NULL;
    for (int at = 0; at < HOOKS; at++) {
        pure_hooks[at] = PyDict_GetItemString(pure, hook_names[at]);
        if (pure_hooks[at] == NULL) {
            PyErr_Format(PyExc_KeyError, "no hook %s", hook_names[at]);
            return NULL;
        }
        Py_INCREF(pure_hooks[at]);
    }
    Py_INCREF(ask_holder);
    Py_INCREF(ask_number);
    Py_INCREF(ask_key);
    Py_INCREF(ask_site);
    if (key_numbers == NULL && (key_numbers = PyDict_New()) == NULL) return NULL;
    Py_RETURN_NONE;
}

/* The actor where this access can be recorded here, or NULL. Borrowed. */
static Writer *
recording(PyObject *const *args, Py_ssize_t nargs, Py_ssize_t wanted, Spot **spot)
{
#ifdef Py_GIL_DISABLED
    return NULL;
#else
    Writer *actor = acting();
    if (actor == NULL || nargs != wanted || (actor->following != NULL && actor->following != Py_None) ||
        (actor->rest != NULL && actor->rest != Py_None)) {
        return NULL;
    }
    Py_ssize_t number = PyLong_AsSsize_t(args[nargs - 1]);
    if (number < 0 || number >= spots_used) {
        PyErr_Clear();
        return NULL;
    }
    *spot = spots + number;
    return actor;
#endif
}

static PyObject *
in_python(int hook, PyObject *const *args, Py_ssize_t nargs)
{
    if (pure_hooks[hook] == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no hooks are set");
        return NULL;
    }
    return PyObject_Vectorcall(pure_hooks[hook], args, (size_t)nargs, NULL);
}

/* Whose an attribute is: NOBODYS, ITS_OWN, or something that is not for here. -1 error. */
static int
holder_of(Spot *spot, int way, PyTypeObject *type)
{
    if (spot->known[way].type == type && spot->known[way].version == type->tp_version_tag) return spot->known[way].holder;
    Py_ssize_t index = spot - spots;
    PyObject *told = PyObject_CallFunction(ask_holder, "OOi", (PyObject *)type, spot->name, way);
    int holder = told == NULL ? -1 : (int)PyLong_AsLong(told);
    Py_XDECREF(told);
    spot = spots + index; /* they may have moved */
    if (holder >= 0 && type->tp_version_tag != 0) {
        PyTypeObject *before = spot->known[way].type;
        spot->known[way].type = (PyTypeObject *)Py_NewRef(type);
        spot->known[way].version = type->tp_version_tag;
        spot->known[way].holder = holder;
        Py_XDECREF(before); /* last: the death of a type may run anything */
    }
    return holder;
}

static int
number_of_object(Writer *actor, PyObject *object, uint32_t *number)
{
    Numbered *place = place_of_object(object);
    if (place->object == object && place->type == Py_TYPE(object)) {
        *number = place->number;
        return 0;
    }
    int64_t found;
    PyObject *told = PyObject_CallFunctionObjArgs(ask_number, (PyObject *)actor, object, NULL);
    int result = told == NULL ? -1 : number_of(told, UINT32_MAX, &found);
    Py_XDECREF(told);
    if (result == 0) {
        *place = (Numbered){object, Py_TYPE(object), (uint32_t)found};
        *number = (uint32_t)found;
    }
    return result;
}

static int
site_of_spot(Spot *spot, uint32_t *site)
{
    if (spot->site == 0) {
        Py_ssize_t index = spot - spots;
        int64_t found;
        PyObject *told = PyObject_CallFunction(ask_site, "n", index);
        int result = told == NULL ? -1 : number_of(told, UINT32_MAX, &found);
        Py_XDECREF(told);
        if (result < 0) return -1;
        spot = spots + index;
        spot->site = (uint32_t)found;
    }
    *site = spot->site;
    return 0;
}

/* Have a slot for an access to this object, and all that its record needs. It may call Python; the access comes behind it. */
typedef struct {
    Slot slot;
    Writer *actor;
    uint32_t number, site;
} Prepared;

static int
prepare(Prepared *access, Writer *actor, PyObject *object, Spot *spot)
{
    access->actor = (Writer *)Py_NewRef(actor);
    if (site_of_spot(spot, &access->site) < 0 || number_of_object(actor, object, &access->number) < 0 ||
        reserve(actor, AT_ONCE, &access->slot) < 0) {
        Py_DECREF(actor);
        return -1;
    }
    return 0;
}

static void
record(Prepared *access, int kind, int64_t key)
{
    commit(access->slot.at, kind, access->number, access->site, key << 32, 0);
    let_go(&access->slot);
    Py_DECREF(access->actor);
}

/* What was prepared is not recorded here: NULL, for an error. */
static PyObject *
drop(Prepared *access)
{
    put_back(&access->slot);
    Py_DECREF(access->actor);
    return NULL;
}

static PyObject *
in_python_instead(Prepared *access, int hook, PyObject *const *args, Py_ssize_t nargs)
{
    drop(access);
    return in_python(hook, args, nargs);
}

/* Whether `value op= other` runs no code of the program's: as `kinds.in_one_step`. */
static int
is_simple(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyBytes_Type ||
           type == &PyBool_Type || type == &PyComplex_Type || type == &PyTuple_Type || value == Py_None;
}

static int
in_one_step(PyObject *value, PyObject *other)
{
    int is_list = PyList_CheckExact(other);
    if (PyUnicode_CheckExact(value) || PyBytes_CheckExact(value)) return is_simple(other) && !PyTuple_CheckExact(other);
    if (is_simple(value)) return is_simple(other) || is_list;
    return PyList_CheckExact(value) && (is_list || PyTuple_CheckExact(other));
}

static PyObject *
in_place_power(PyObject *value, PyObject *other)
{
    return PyNumber_InPlacePower(value, other, Py_None);
}

static PyObject *
power(PyObject *value, PyObject *other)
{
    return PyNumber_Power(value, other, Py_None);
}

static PyObject *(*const updates[])(PyObject *, PyObject *) = {
    PyNumber_InPlaceAdd, PyNumber_InPlaceAnd, PyNumber_InPlaceFloorDivide, PyNumber_InPlaceLshift, PyNumber_InPlaceMatrixMultiply,
    PyNumber_InPlaceMultiply, PyNumber_InPlaceRemainder, PyNumber_InPlaceOr, in_place_power, PyNumber_InPlaceRshift,
    PyNumber_InPlaceSubtract, PyNumber_InPlaceTrueDivide, PyNumber_InPlaceXor,
    PyNumber_Add, PyNumber_And, PyNumber_FloorDivide, PyNumber_Lshift, PyNumber_MatrixMultiply, PyNumber_Multiply,
    PyNumber_Remainder, PyNumber_Or, power, PyNumber_Rshift, PyNumber_Subtract, PyNumber_TrueDivide, PyNumber_Xor,
};

static PyObject *
updated(PyObject *value, PyObject *other, PyObject *op)
{
    Py_ssize_t index = PyLong_AsSsize_t(op);
    if (index < 0 || index >= (Py_ssize_t)(sizeof(updates) / sizeof(updates[0]))) {
        PyErr_SetString(PyExc_IndexError, "no such operator");
        return NULL;
    }
    return updates[index](value, other);
}

static PyObject *
none_unless(int failed)
{
    if (failed) return NULL;
    Py_RETURN_NONE;
}

/* Attributes */

/* load_attr(obj, spot) */
static PyObject *
core_load_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    if (actor == NULL) return in_python(LOAD_ATTR, args, nargs);
    PyObject *name = spot->name;
    int holder = holder_of(spot, LOADS, Py_TYPE(args[0]));
    if (holder == NOBODYS) return PyObject_GetAttr(args[0], name);
    Prepared access;
    if (holder != ITS_OWN) return holder < 0 ? NULL : in_python(LOAD_ATTR, args, nargs);
    if (prepare(&access, actor, args[0], spots + PyLong_AsSsize_t(args[1])) < 0) return NULL;
    record(&access, LOAD, 0);
    return PyObject_GetAttr(args[0], name);
}

/* store_attr(value, obj, spot) */
static PyObject *
core_store_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    if (actor == NULL) return in_python(STORE_ATTR, args, nargs);
    PyObject *name = spot->name;
    int holder = holder_of(spot, STORES, Py_TYPE(args[1]));
    Prepared access;
    if (holder != ITS_OWN) return holder < 0 ? NULL : in_python(STORE_ATTR, args, nargs);
    if (prepare(&access, actor, args[1], spots + PyLong_AsSsize_t(args[2])) < 0) return NULL;
    record(&access, ASSIGN, 0);
    return none_unless(PyObject_SetAttr(args[1], name, args[0]) < 0);
}

/* update_attr(obj, value, op, spot) */
static PyObject *
core_update_attr(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    if (actor == NULL) return in_python(UPDATE_ATTR, args, nargs);
    PyObject *name = spot->name;
    int loads = holder_of(spot, LOADS, Py_TYPE(args[0]));
    int stores = loads == ITS_OWN ? holder_of(spots + PyLong_AsSsize_t(args[3]), STORES, Py_TYPE(args[0])) : loads;
    if (loads < 0 || stores < 0) return NULL;
    if (stores != ITS_OWN) return in_python(UPDATE_ATTR, args, nargs);
    Prepared access;
    if (prepare(&access, actor, args[0], spots + PyLong_AsSsize_t(args[3])) < 0) return NULL;
    PyObject *value = PyObject_GetAttr(args[0], name);
    if (value == NULL || !in_one_step(value, args[1])) {
        Py_XDECREF(value);
        PyErr_Clear();
        return in_python_instead(&access, UPDATE_ATTR, args, nargs);
    }
    record(&access, UPDATE, 0);
    PyObject *result = updated(value, args[1], args[2]);
    int failed = result == NULL || PyObject_SetAttr(args[0], name, result) < 0;
    Py_XDECREF(result);
    Py_DECREF(value);
    return none_unless(failed);
}

/* Items of lists and dicts */

/* What stands in a record for this key: 1 done, 0 it is for Python to do, -1 error. */
static int
item_at(PyObject *container, PyObject *key, int is_new, int64_t *number)
{
    int is_dict = PyDict_CheckExact(container);
    if (!is_dict && !PyList_CheckExact(container)) return 0;
    if (PyLong_CheckExact(key)) {
        int overflow;
        long long index = PyLong_AsLongLongAndOverflow(key, &overflow);
        if (overflow) return 0;
        if (!is_dict) {
            index += index < 0 ? PyList_GET_SIZE(container) : 0;
            if (index < 0 || index >= PyList_GET_SIZE(container)) return 0;
        }
        *number = INTEGER + index;
        return index >= 0 && index < INTEGER;
    }
    if (!is_dict || !PyUnicode_CheckExact(key)) return 0;
    PyObject *known = PyDict_GetItemWithError(key_numbers, key);
    if (known == NULL) {
        if (PyErr_Occurred()) return -1;
        known = PyObject_CallFunctionObjArgs(ask_key, container, key, NULL);
        if (known == NULL || PyDict_SetItem(key_numbers, key, known) < 0) {
            Py_XDECREF(known);
            return -1;
        }
        Py_DECREF(known);
    }
    *number = PyLong_AsLongLong(known);
    return is_new || PyDict_Contains(container, key);
}

/* load_item(obj, key, spot) */
static PyObject *
core_load_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    int64_t key;
    int found = actor == NULL ? 0 : item_at(args[0], args[1], 0, &key);
    Prepared access;
    if (found <= 0) return found < 0 ? NULL : in_python(LOAD_ITEM, args, nargs);
    if (prepare(&access, actor, args[0], spots + PyLong_AsSsize_t(args[2])) < 0) return NULL;
    record(&access, LOAD, key);
    return PyObject_GetItem(args[0], args[1]);
}

/* store_item(value, obj, key, spot) */
static PyObject *
core_store_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    int64_t key;
    int found = actor == NULL ? 0 : item_at(args[1], args[2], 1, &key);
    Prepared access;
    if (found <= 0) return found < 0 ? NULL : in_python(STORE_ITEM, args, nargs);
    if (prepare(&access, actor, args[1], spots + PyLong_AsSsize_t(args[3])) < 0) return NULL;
    record(&access, ASSIGN, key);
    return none_unless(PyObject_SetItem(args[1], args[2], args[0]) < 0);
}

/* update_item(obj, key, value, op, spot) */
static PyObject *
core_update_item(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 5, &spot);
    int64_t key;
    int found = actor == NULL ? 0 : item_at(args[0], args[1], 0, &key);
    Prepared access;
    if (found <= 0) return found < 0 ? NULL : in_python(UPDATE_ITEM, args, nargs);
    if (prepare(&access, actor, args[0], spots + PyLong_AsSsize_t(args[4])) < 0) return NULL;
    PyObject *value = PyObject_GetItem(args[0], args[1]);
    if (value == NULL || !in_one_step(value, args[2])) {
        Py_XDECREF(value);
        PyErr_Clear();
        return in_python_instead(&access, UPDATE_ITEM, args, nargs);
    }
    record(&access, UPDATE, key);
    PyObject *result = updated(value, args[2], args[3]);
    int failed = result == NULL || PyObject_SetItem(args[0], args[1], result) < 0;
    Py_XDECREF(result);
    Py_DECREF(value);
    return none_unless(failed);
}

/* Variables */

/* load_global(spot) */
static PyObject *
core_load_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 1, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    PyObject *value = values == NULL ? NULL : PyDict_GetItemWithError(values, spot->name);
    if (value == NULL) return PyErr_Occurred() ? NULL : in_python(LOAD_GLOBAL, args, nargs);
    PyObject *name = spot->name;
    Prepared access;
    if (prepare(&access, actor, values, spot) < 0) return NULL;
    value = PyDict_GetItemWithError(values, name);
    if (value == NULL) return PyErr_Occurred() ? drop(&access) : in_python_instead(&access, LOAD_GLOBAL, args, nargs);
    record(&access, LOAD, 0);
    return Py_NewRef(value);
}

/* store_global(value, spot) */
static PyObject *
core_store_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    Prepared access;
    if (values == NULL) return in_python(STORE_GLOBAL, args, nargs);
    PyObject *name = spot->name;
    if (prepare(&access, actor, values, spot) < 0) return NULL;
    record(&access, ASSIGN, 0);
    return PyDict_SetItem(values, name, args[0]) < 0 ? NULL : Py_NewRef(args[0]);
}

/* update_global(value, op, spot) */
static PyObject *
core_update_global(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    PyObject *values = actor == NULL ? NULL : PyEval_GetGlobals();
    if (values == NULL) return in_python(UPDATE_GLOBAL, args, nargs);
    PyObject *name = spot->name;
    Prepared access;
    if (prepare(&access, actor, values, spot) < 0) return NULL;
    PyObject *value = PyDict_GetItemWithError(values, name);
    if (value == NULL && PyErr_Occurred()) return drop(&access);
    if (value == NULL || !in_one_step(value, args[0])) return in_python_instead(&access, UPDATE_GLOBAL, args, nargs);
    Py_INCREF(value);
    record(&access, UPDATE, 0);
    PyObject *result = updated(value, args[0], args[1]);
    int failed = result == NULL || PyDict_SetItem(values, name, result) < 0;
    Py_XDECREF(result);
    Py_DECREF(value);
    return none_unless(failed);
}

/* load_cell(cell, spot) */
static PyObject *
core_load_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 2, &spot);
    Prepared access;
    if (actor == NULL || !PyCell_Check(args[0]) || PyCell_GET(args[0]) == NULL) return in_python(LOAD_CELL, args, nargs);
    if (prepare(&access, actor, args[0], spot) < 0) return NULL;
    PyObject *value = PyCell_GET(args[0]);
    if (value == NULL) return in_python_instead(&access, LOAD_CELL, args, nargs);
    record(&access, LOAD, 0);
    return Py_NewRef(value);
}

/* store_cell(value, cell, spot) */
static PyObject *
core_store_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 3, &spot);
    Prepared access;
    if (actor == NULL || !PyCell_Check(args[1])) return in_python(STORE_CELL, args, nargs);
    if (prepare(&access, actor, args[1], spot) < 0) return NULL;
    record(&access, ASSIGN, 0);
    return PyCell_Set(args[1], args[0]) < 0 ? NULL : Py_NewRef(args[0]);
}

/* update_cell(cell, value, op, spot) */
static PyObject *
core_update_cell(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Spot *spot;
    Writer *actor = recording(args, nargs, 4, &spot);
    Prepared access;
    if (actor == NULL || !PyCell_Check(args[0])) return in_python(UPDATE_CELL, args, nargs);
    if (prepare(&access, actor, args[0], spot) < 0) return NULL;
    PyObject *value = PyCell_GET(args[0]);
    if (value == NULL || !in_one_step(value, args[1])) return in_python_instead(&access, UPDATE_CELL, args, nargs);
    Py_INCREF(value);
    record(&access, UPDATE, 0);
    PyObject *result = updated(value, args[1], args[2]);
    int failed = result == NULL || PyCell_Set(args[0], result) < 0;
    Py_XDECREF(result);
    Py_DECREF(value);
    return none_unless(failed);
}

/* Whether this may be a container whose items are places. */
static int
is_container(PyObject *object)
{
    return PyList_Check(object) || PyDict_Check(object) || PyAnySet_Check(object) || PyByteArray_Check(object) ||
           PyObject_TypeCheck(object, (PyTypeObject *)deque_type);
}

/* method(obj, spot): of a container that is Python's to do */
static PyObject *
core_method(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? core_load_attr(module, args, nargs) : in_python(METHOD, args, nargs);
}

/* whole(value, spot) */
static PyObject *
core_whole(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? Py_NewRef(args[0]) : in_python(WHOLE, args, nargs);
}

/* born(value): of interest is only what has the address of something that was met, and is nobody's but the caller's. */
static PyObject *
core_born(PyObject *module, PyObject *value)
{
    if (!(noted[bit_of(value) / 8] & 1 << bit_of(value) % 8) || Py_REFCNT(value) > 1) return Py_NewRef(value);
    return in_python(BORN, &value, 1);
}

/* is_true(value, spot) */
static PyObject *
core_is_true(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return nargs == 2 && !is_container(args[0]) ? Py_NewRef(args[0]) : in_python(IS_TRUE, args, nargs);
}
